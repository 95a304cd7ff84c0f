"""What a data set is: where it comes from, what it must contain, how it becomes interactions."""
