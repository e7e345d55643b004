"""What a live host shows: console dumps, lsevtchn, /proc/interrupts."""
