"""Parts of gpu_check.py: agreement with the CPU, whole runs, waits, and speed."""
