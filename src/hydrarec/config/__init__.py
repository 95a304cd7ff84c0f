"""Compose a configuration from ``conf/``, locate these files, and validate it against the signatures of its classes."""
