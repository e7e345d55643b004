"""Protocol texts turned into transition systems, executed, explored, simulated, replayed.

What one asks for stands here: a text (`language`), the system it is lowered to (`lowering`,
`system`), one run of it (`executor`, `schedule`, `path`), all of them (`checking`, `explorer`,
`symmetry`), runs under load (`simulation`), a host (`host`, `replay`). What each is made of has a
room: `texts`, `search`, `symmetries`, `simulator`, `hosts`.
"""
