"""Readers: files on disk → :class:`~hydrarec.data.table.RatingTable`. One module per family of formats."""
