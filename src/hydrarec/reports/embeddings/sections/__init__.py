"""The sections of the page about embeddings, one per file."""
