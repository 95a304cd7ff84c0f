"""The charts of the comparison page."""
