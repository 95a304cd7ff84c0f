"""Lightning callbacks: history, checkpoints, epoch table, early stopping and others."""
