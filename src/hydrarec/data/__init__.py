"""Ratings from a file to batches on the device; knows no model."""
