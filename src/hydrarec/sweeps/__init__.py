"""Sweeps: a process per job, grid and Optuna sweepers, and the journal they resume from."""
