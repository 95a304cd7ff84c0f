"""What a trained model recommends: top-k, newcomers, bulk files, exported embeddings."""
