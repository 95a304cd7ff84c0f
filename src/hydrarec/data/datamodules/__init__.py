"""LightningDataModules: explicit ratings, and implicit feedback with drawn negatives."""
