"""Plans: sizing, comparison, solving, sweeps, reconciliation."""
