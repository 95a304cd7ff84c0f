"""What several models are built from: layers, histories, fold-in, schedules."""
