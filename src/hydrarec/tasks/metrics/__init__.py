"""Metrics on tensors."""
