"""Compose a configuration from ``conf/``, check it against the signatures it names, and locate the files."""
