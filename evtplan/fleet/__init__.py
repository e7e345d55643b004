"""What is to be hosted: hosts, guests, devices, and the census of their channels."""
