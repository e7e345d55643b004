"""The tests of evtplan; `python -m tests` runs them and every other check."""
