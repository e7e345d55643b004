"""Texts that must fail, each beside its repair: the documented queue bugs of the real ABI."""
