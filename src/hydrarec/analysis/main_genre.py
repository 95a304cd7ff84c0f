"""One genre per item, for a colour: most items have several, and lists of genres are in no order of importance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hydrarec.analysis.attributes import genre_flags

OTHER = "other"


def main_genres(genres: Sequence[str], *, most: int) -> list[str]:
    """Of each item's genres (``Action|Sci-Fi``) the one that tells most: the rarest among the ``most`` frequent; [n].

    ``other`` for an item that has none of these. Ties go by name.
    """
    names, flags = genre_flags(genres)
    counts = flags.sum(axis=0)
    frequent = np.argsort(-counts, kind="stable")[:most]
    rarest_first = frequent[::-1]
    found = [OTHER] * len(genres)
    for place in reversed(rarest_first):  # the rarest last, over the others
        for item in np.flatnonzero(flags[:, place]):
            found[item] = names[place]
    return found
