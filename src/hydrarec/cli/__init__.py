"""The console commands: only they handle process start and exit."""
