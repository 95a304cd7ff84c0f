"""Analysis of a run's learned embeddings."""
