"""How every interleaving is searched: packed states, generated code, memory, what was found."""
