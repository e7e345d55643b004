"""Every formula of the book held against the engine: the same question, two answers."""
