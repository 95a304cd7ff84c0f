"""Utilities for all packages: errors, files, paths, console, value types, distributed processes."""
