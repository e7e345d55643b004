"""How a protocol is run under load: machines, workloads, the timed loop, measures."""
