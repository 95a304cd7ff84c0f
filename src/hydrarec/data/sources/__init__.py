"""Get a published data set: download, verify, unpack, and find copies made by hand."""
