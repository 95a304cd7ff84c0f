"""Batches, samples, negatives and candidates, as tensors on the device."""
