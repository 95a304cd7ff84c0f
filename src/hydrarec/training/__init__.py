"""Training of one run: assemble its parts, fit, select the best epoch, test."""
