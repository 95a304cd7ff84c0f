"""Runs compared: groups over seeds, differences with their significance, reproductions."""
