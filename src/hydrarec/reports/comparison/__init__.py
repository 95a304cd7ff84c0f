"""Comparison of runs: groups over seeds, differences and their significance, reproductions."""
