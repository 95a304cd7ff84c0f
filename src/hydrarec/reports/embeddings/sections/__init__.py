"""The sections of the embedding analysis, one per file."""
