"""What a trained model recommends, from its run folder alone: no Hydra, no Trainer, no data set."""
