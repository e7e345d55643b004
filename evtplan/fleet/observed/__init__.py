"""What a live host shows of its event channels; one file a format."""
