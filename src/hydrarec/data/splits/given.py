"""Predefined splits: separate files of one dataset, or an index file."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hydrarec.core.errors import ConfigError, DataError
from hydrarec.core.kinds import Seed
from hydrarec.data.interactions import Interactions
from hydrarec.data.splits.chronology import hold_out_last, timestamps_of
from hydrarec.data.splits.split import Source, Split, split_of
from hydrarec.data.table import TEST, TRAIN, VALIDATION

EARLIEST_CLOCK = 631_152_000  # 1990-01-01: a smaller time in a file of ratings is a row number


class GivenSplit:
    """A predefined split.

    Times in such files may be mere row numbers (He et al. 2017). Therefore only their order within one user's training
    rows is used, and the look-ahead is reported only if all times are later than 1990.

    Args:
        index: an ``.npz`` with int64 arrays ``train``, ``val``, ``test`` of row numbers in canonical order, and the
            ``fingerprint`` of the interactions it was made for. None: the parts are the dataset's separate files.
        hold_out_last: move each user's latest *training* rating to validation, so that settings can be chosen without
            the test part. Users with one training rating keep it and are counted.
        seed: seed for ties in time under ``hold_out_last``; the given parts do not depend on it.
    """

    def __init__(self, *, index: str | None, hold_out_last: bool, seed: Seed) -> None:
        self.index, self.hold_out_last, self.seed = index, hold_out_last, seed

    def __call__(self, interactions: Interactions, source: Source) -> Split:
        """Split the interactions.

        Raises:
            ConfigError: the dataset is one file and there is no index; or ``hold_out_last`` is set although there are
                no times or there is a given validation part.
            DataError: the index cannot be read or belongs to other interactions, or no user has a rating to hold out.
        """
        if self.index is None:
            parts, protocol = _parts_of_files(interactions, source), "given files"
        else:
            path = Path(self.index)
            parts, protocol = _parts_of_index(path, interactions), f"index {path.name}"
        left_out: dict[str, int] = {}
        if self.hold_out_last:
            parts, left_out = self._with_last_held_out(interactions, source, parts)
            protocol += f", each user's latest training rating validates, ties by split seed {self.seed}"
        times = interactions.seconds
        clocks = times is not None and bool(times.min() >= EARLIEST_CLOCK)
        return split_of(parts, protocol, left_out=left_out, times_compare=clocks)

    def _with_last_held_out(
        self, interactions: Interactions, source: Source, parts: NDArray[np.int8]
    ) -> tuple[NDArray[np.int8], dict[str, int]]:
        """Move each user's latest training row to validation; return the parts and the users left out."""
        if (parts == VALIDATION).any():
            raise ConfigError(
                "split.hold_out_last=true beside a validation part that is given already",
                expected="given parts without one",
                fix="split.hold_out_last=false",
            )
        times = timestamps_of(interactions, source, "split.hold_out_last")
        train = np.flatnonzero(parts == TRAIN)
        users = interactions.users[train]
        counts = np.bincount(users, minlength=interactions.num_users)
        if not (counts > 1).any():
            raise DataError(
                "no user has two training ratings, so split.hold_out_last can hold nothing out",
                expected="a user with 2 training ratings or more",
                fix="split.hold_out_last=false",
            )
        parts = parts.copy()
        parts[train] = hold_out_last(users, times[train], self.seed, counts > 1, np.zeros_like(counts))
        reasons = {"no training rating": (counts == 0).sum(), "only 1 training rating": (counts == 1).sum()}
        return parts, {reason: int(number) for reason, number in reasons.items() if number}


def _parts_of_files(interactions: Interactions, source: Source) -> NDArray[np.int8]:
    if interactions.part is None:
        raise ConfigError(
            f"split=given needs parts, and dataset {source.name} is one file",
            expected="a dataset of separate train and test files, or split.index=<file>.npz",
            fix="split=random, or set dataset.test_path",
        )
    return interactions.part


def _parts_of_index(path: Path, interactions: Interactions) -> NDArray[np.int8]:
    """The part of each row according to an index file: int8 [N]."""
    try:
        with np.load(path, allow_pickle=False) as file:
            stored = {name: file[name] for name in ("train", "val", "test", "fingerprint")}
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise DataError(
            f"not a split index: {error}",
            expected="an .npz with train, val, test and fingerprint",
            fix="split=random",
            file=path,
        ) from error
    if str(stored["fingerprint"]) != interactions.fingerprint:
        raise DataError(
            "this index was made for other interactions",
            expected=f"fingerprint {interactions.fingerprint[:12]}…",
            fix="use the dataset that the index was made for",
            file=path,
            value=str(stored["fingerprint"])[:12],
        )
    rows = np.concatenate([stored[name] for name in ("train", "val", "test")])
    if rows.dtype.kind not in "iu" or not np.array_equal(np.sort(rows), np.arange(len(interactions))):
        raise DataError(
            "the parts of this index overlap, leave rows out, or name rows that do not exist",
            expected=f"each row number from 0 to {len(interactions) - 1} in exactly one part",
            fix="make the index again",
            file=path,
        )
    parts = np.empty(len(interactions), np.int8)
    for part, name in ((TRAIN, "train"), (VALIDATION, "val"), (TEST, "test")):
        parts[stored[name]] = part
    return parts
