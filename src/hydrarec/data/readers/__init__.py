"""Readers turn files into a :class:`~hydrarec.data.table.RatingTable`; one module per family of formats."""
