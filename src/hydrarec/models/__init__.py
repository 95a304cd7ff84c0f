"""The recommenders, one family per file."""
