"""Run folders: reading, writing, identifying, replaying and comparing runs."""
