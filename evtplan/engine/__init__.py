"""Protocol texts turned into transition systems, executed, explored, simulated, replayed."""
