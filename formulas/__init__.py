"""The formula book: every page count and limit as SymPy, with symbols, units and sources.

Importing this package loads no SymPy; its modules do."""
