"""Description of a dataset before training."""
