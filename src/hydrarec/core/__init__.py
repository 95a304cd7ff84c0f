"""What every room may use: errors, files, paths, the console, kinds of values, several processes."""
