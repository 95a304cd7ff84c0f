"""Metrics computed on tensors, and their registry."""
