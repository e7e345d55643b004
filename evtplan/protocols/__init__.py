"""Protocol texts: data that the engine reads with ast and never imports."""
