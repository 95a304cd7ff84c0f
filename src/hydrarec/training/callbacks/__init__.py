"""What happens beside training: history, checkpoints, tables, early stopping."""
