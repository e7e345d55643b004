"""Sweeps: what-if over a grid or over chance, at any size, in exact integers."""
