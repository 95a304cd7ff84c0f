"""The commands: the only place that knows how a process starts and how it ends."""
