"""One genre per item, to colour it by: most items have several, in no order of importance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hydrarec.analysis.attributes import genre_flags

OTHER = "other"


def main_genres(genres: Sequence[str], *, most: int) -> list[str]:
    """The most informative of each item's genres (``Action|Sci-Fi``): its rarest among the ``most`` frequent; [n].

    ``other`` for an item with none of these. Ties are broken by name.
    """
    names, flags = genre_flags(genres)
    counts = flags.sum(axis=0)
    frequent = np.argsort(-counts, kind="stable")[:most]
    rarest_first = frequent[::-1]
    found = [OTHER] * len(genres)
    for place in reversed(rarest_first):  # the rarest last, to overwrite the others
        for item in np.flatnonzero(flags[:, place]):
            found[item] = names[place]
    return found
