"""Matplotlib figures from plain data, in one style; all drawing code is here."""
