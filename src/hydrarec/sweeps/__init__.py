"""Sweeps: grid and Optuna sweepers, one process per job, and the journal from which they resume."""
