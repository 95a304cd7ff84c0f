"""Pages about runs and data: comparison of runs, embeddings of a run, description of a data set."""
