"""Tasks: loss and evaluation of rating prediction and of ranking."""
