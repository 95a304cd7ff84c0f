"""Building blocks shared by models: layers, histories, fold-in, schedules."""
