"""Batches, samples, negatives and candidates: tensors that already lie on the device."""
