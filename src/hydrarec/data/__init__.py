"""The data pipeline, from rating files to batches on the device; independent of any model."""
