"""One reader a file format: what planners have, turned into a fleet."""
