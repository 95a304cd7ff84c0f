"""What is predicted and how it is judged: loss and evaluation of rating and of ranking."""
