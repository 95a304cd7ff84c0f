"""Matplotlib figures from plain data, in one style; the only place that draws."""
