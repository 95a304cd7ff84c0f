"""Pure computations on arrays: components and their meaning, stability, neighbours, significance."""
