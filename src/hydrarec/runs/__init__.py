"""Run folders: what a run writes, how it is identified, replayed and compared."""
