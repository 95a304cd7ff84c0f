"""The recommender models, one family per file."""
