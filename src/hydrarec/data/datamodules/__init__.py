"""LightningDataModules for explicit ratings and for implicit feedback with sampled negatives."""
