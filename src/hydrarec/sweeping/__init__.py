"""Many runs from one command: each in a process of its own, each once, and what a failure costs is that run alone."""
