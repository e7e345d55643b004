"""What a host is made of: ports, heap, event memory, hypercalls, traces of real Xen."""
