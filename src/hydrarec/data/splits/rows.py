"""Splits by row, ignoring user and time: random, reproduced from numpy's legacy generator, or in folds."""

from __future__ import annotations

import numpy as np

from hydrarec.core.errors import ConfigError
from hydrarec.core.kinds import Count, Fraction, Seed, Share
from hydrarec.data.interactions import Interactions
from hydrarec.data.splits.split import Source, Split, deal, require_training_share, shuffled, split_of
from hydrarec.data.table import TEST, TRAIN


class RandomSplit:
    """Assigns every row to a part at random; a user's ratings are spread over all parts.

    Args:
        seed: seed of the split, separate from the training seed.
        val, test: shares of all rows, rounded to whole rows. ``val=0.2, test=0`` is the 80/20 split of the founding
            write-ups. For a given seed, the test rows do not depend on the validation share.
    """

    def __init__(self, *, seed: Seed, val: Fraction, test: Fraction) -> None:
        require_training_share(val, test)
        self.seed, self.val, self.test = seed, val, test

    def __call__(self, interactions: Interactions, source: Source) -> Split:
        """Split the interactions."""
        total = len(interactions)
        parts = deal(shuffled(total, self.seed), round(total * self.test), round(total * self.val))
        train = 1 - self.val - self.test
        return split_of(parts, f"random {train:.0%}/{self.val:.0%}/{self.test:.0%}, split seed {self.seed}")


class LegacySplit:
    """The split of the fastai course's notebooks (references C1 … C4), reproduced exactly.

    Their ``get_cv_idxs`` takes the first ``val`` of ``numpy.random.RandomState(random_state).permutation(n)`` as
    validation rows of the file. MovieLens files are in canonical order. There is no test part.

    Args:
        random_state: 42 in the source.
        val: share of all rows, rounded down; 0.2 in the source.
    """

    def __init__(self, *, random_state: Seed, val: Share) -> None:
        self.random_state, self.val = random_state, val

    def __call__(self, interactions: Interactions, source: Source) -> Split:
        """Split the interactions."""
        order = np.random.RandomState(self.random_state).permutation(len(interactions))
        parts = deal(order, 0, int(self.val * len(interactions)))
        return split_of(parts, f"first {self.val:.0%} of numpy's legacy permutation {self.random_state} validate")


class FoldSplit:
    """k-fold cross-validation, one fold per run: fold number ``fold`` is the test part.

    Args:
        folds: number of folds; the dataset decides it for ``official`` folds.
        fold: number of the test fold, from 1.
        seed: seed of the folds and of the validation part.
        val: share of the *remaining* rows used to select the epoch; 0 to train a fixed number of epochs.
        official: use the dataset's published folds (ml-100k: u1 … u5) instead of random ones.
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
        """Split the interactions."""
        if self.official:
            parts = source.official_fold(self.fold).copy()
            name = f"official fold {self.fold}"
        else:
            order = shuffled(len(interactions), self.seed)
            parts = np.full(len(interactions), TRAIN, np.int8)
            parts[order[self.fold - 1 :: self.folds]] = TEST
            name = f"fold {self.fold} of {self.folds}, split seed {self.seed}"
        rest = np.flatnonzero(parts == TRAIN)
        parts[rest] = deal(shuffled(len(rest), self.seed + 1), 0, round(len(rest) * self.val))
        return split_of(parts, f"{name}, validation {self.val:.0%} of the rest")
