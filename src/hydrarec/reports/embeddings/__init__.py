"""What the embeddings of a run learned."""
