"""Pure computations on arrays: principal components and their meaning, stability, neighbours, significance."""
