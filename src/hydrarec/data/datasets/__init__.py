"""Datasets: their sources, their expected content, and how they are read into interactions."""
