"""Facts about each event-channel ABI: integers and enums, no SymPy, no I/O."""
