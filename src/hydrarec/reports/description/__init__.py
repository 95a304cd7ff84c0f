"""A data set described before anyone trains on it."""
