"""One run: assemble its parts, fit, select, test."""
