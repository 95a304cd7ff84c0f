"""Which rows train, which select, which are looked at once: pure functions of (interactions, split seed).

Rows of :class:`Interactions` are in canonical order, so no split depends on the row order of a file. Leave-one-out and
splits in time will live here too: a class with ``__call__(interactions, source) -> Split``.
"""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from hydrarec.config.kinds import Count, Fraction, Seed, Share
from hydrarec.data.interactions import Interactions
from hydrarec.data.table import TEST, TRAIN, VALIDATION
from hydrarec.errors import ConfigError, DataError


class Source(Protocol):
    """A dataset that may know an official split of its own."""

    name: str

    def official_fold(self, fold: int) -> np.ndarray:
        """int8 [N]: the part (``TRAIN`` or ``TEST``) of each row of the interactions in official fold ``fold``."""
        ...


@dataclass(frozen=True)
class Split:
    """Disjoint, complete row numbers (int64, ascending) into the interactions, and the protocol in words."""

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray
    protocol: str

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the three parts: equal if and only if the same rows train, select and test."""
        digest = hashlib.sha256()
        for part in (self.train, self.val, self.test):
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(np.ascontiguousarray(part, dtype="<i8").tobytes())
        return digest.hexdigest()

    def report(self, interactions: Interactions) -> dict[str, Any]:
        """What the split did, for ``run.json``: rows per part, and the cold ones, unseen in training."""
        known_users = np.bincount(interactions.users[self.train], minlength=interactions.num_users) > 0
        known_items = np.bincount(interactions.items[self.train], minlength=interactions.num_items) > 0
        parts = {}
        for name, rows in (("train", self.train), ("val", self.val), ("test", self.test)):
            users, items = interactions.users[rows], interactions.items[rows]
            parts[name] = {
                "ratings": len(rows),
                "users": len(np.unique(users)),
                "items": len(np.unique(items)),
                "ratings_of_cold_users": int((~known_users[users]).sum()),
                "ratings_of_cold_items": int((~known_items[items]).sum()),
            }
        return {"protocol": self.protocol, "fingerprint": self.fingerprint, "parts": parts}


class RandomSplit:
    """Every row to one part at random, ratings of one user spread over all parts.

    Args:
        seed: of the split alone; the seed of the training is another one.
        val, test: shares of all rows, rounded to whole rows. ``val=0.2, test=0`` is the 80/20 split of the founding
            write-ups. With one seed, the test rows are the same whatever the share of validation.
    """

    def __init__(self, *, seed: Seed, val: Fraction, test: Fraction) -> None:
        if val + test >= 1:
            raise ConfigError(
                f"split.val={val} and split.test={test} leave nothing to train on",
                expected="val + test below 1",
                fix="split.val=0.1 split.test=0.1",
            )
        self.seed, self.val, self.test = seed, val, test

    def __call__(self, interactions: Interactions, source: Source) -> Split:
        total = len(interactions)
        order = _shuffled(total, self.seed)
        num_test, num_val = round(total * self.test), round(total * self.val)
        parts = np.full(total, TRAIN, np.int8)
        parts[order[:num_test]] = TEST
        parts[order[num_test : num_test + num_val]] = VALIDATION
        train = 1 - self.val - self.test
        return _split(parts, f"random {train:.0%}/{self.val:.0%}/{self.test:.0%}, split seed {self.seed}")


class LegacySplit:
    """The split of the fastai course's notebooks (references C1 … C4), reproduced to the row.

    Their ``get_cv_idxs`` takes the first ``val`` of ``numpy.random.RandomState(random_state).permutation(n)`` as
    validation rows of the file, which for MovieLens is in canonical order. There is no test part.

    Args:
        random_state: 42 in the source.
        val: share of all rows, rounded down, 0.2 in the source.
    """

    def __init__(self, *, random_state: Seed, val: Share) -> None:
        self.random_state, self.val = random_state, val

    def __call__(self, interactions: Interactions, source: Source) -> Split:
        order = np.random.RandomState(self.random_state).permutation(len(interactions))
        parts = np.full(len(interactions), TRAIN, np.int8)
        parts[order[: int(self.val * len(interactions))]] = VALIDATION
        return _split(parts, f"first {self.val:.0%} of numpy's legacy permutation {self.random_state} validate")


class FoldSplit:
    """k-fold cross-validation, one fold per run: fold ``fold`` is the test part.

    Args:
        folds: number of folds; ``official`` folds bring their own number.
        fold: which one, from 1.
        seed: of the assignment of rows to folds, and of the validation part.
        val: share of the *remaining* rows that selects the epoch; 0 to train a fixed number of epochs.
        official: the dataset's published folds (ml-100k: u1 … u5) in place of random ones.
    """

    def __init__(self, *, folds: Count, fold: Count, seed: Seed, val: Fraction, official: bool) -> None:
        if not 1 <= fold <= folds or folds < 2:
            raise ConfigError(
                f"split.fold={fold} of split.folds={folds} does not exist",
                expected=f"1 to {folds}, of 2 folds or more",
                fix="split.fold=1",
                value=fold,
            )
        self.folds, self.fold, self.seed, self.val, self.official = folds, fold, seed, val, official

    def __call__(self, interactions: Interactions, source: Source) -> Split:
        if self.official:
            parts = source.official_fold(self.fold).copy()
            name = f"official fold {self.fold}"
        else:
            order = _shuffled(len(interactions), self.seed)
            parts = np.full(len(interactions), TRAIN, np.int8)
            parts[order[self.fold - 1 :: self.folds]] = TEST
            name = f"fold {self.fold} of {self.folds}, split seed {self.seed}"
        rest = np.flatnonzero(parts == TRAIN)
        order = _shuffled(len(rest), self.seed + 1)
        parts[rest[order[: round(len(rest) * self.val)]]] = VALIDATION
        return _split(parts, f"{name}, validation {self.val:.0%} of the rest")


class GivenSplit:
    """Parts that somebody else drew: separate files of one dataset, or an index file.

    Args:
        index: an ``.npz`` with int64 arrays ``train``, ``val``, ``test`` of row numbers into the canonical order, and
            ``fingerprint``, that of the interactions it was made for. None: the parts are the dataset's separate files.
    """

    def __init__(self, *, index: str | None) -> None:
        self.index = index

    def __call__(self, interactions: Interactions, source: Source) -> Split:
        if self.index is None:
            if interactions.part is None:
                raise ConfigError(
                    f"split=given needs parts, and dataset {source.name} is one file",
                    expected="a dataset of separate train and test files, or split.index=<file>.npz",
                    fix="split=random, or set dataset.test_path",
                )
            return _split(interactions.part, "given files")
        path = Path(self.index)
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
        return _split(parts, f"index {path.name}")


def _shuffled(total: int, seed: int) -> np.ndarray:
    return np.random.Generator(np.random.Philox(seed)).permutation(total)


def _split(parts: np.ndarray, protocol: str) -> Split:
    train, val, test = (np.flatnonzero(parts == part) for part in (TRAIN, VALIDATION, TEST))
    if len(train) == 0 or len(val) + len(test) == 0:
        raise DataError(
            f"the split '{protocol}' of {len(parts):,} ratings leaves {len(train):,} to train on and {len(val) + len(test):,} to evaluate",
            expected="at least one of each",
            fix="more ratings, or other shares: split.val=0.2 split.test=0.2",
        )
    return Split(train, val, test, protocol)
