"""Which ports and processes of a text are interchangeable, proven; one state for each orbit."""
