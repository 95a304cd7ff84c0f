"""The DataModule of implicit feedback: batches of positives with sampled negatives, and held-out items as queries."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from hydrarec.core.blocks import floats_at_once
from hydrarec.core.errors import ConfigError, DataError
from hydrarec.core.kinds import Count, Exponent, Mebibytes, Seed
from hydrarec.data.batching.batches import Unit
from hydrarec.data.batching.candidates import draw_candidates
from hydrarec.data.batching.loaders import Samples
from hydrarec.data.batching.negatives import NegativeSampler, popularity_weights
from hydrarec.data.batching.queries import Queries, QueryLoader
from hydrarec.data.batching.samples import CatalogueSamples, ContrastedSamples
from hydrarec.data.datamodules.base import InteractionsDataModule
from hydrarec.data.interactions import Interactions
from hydrarec.data.splits import Split
from hydrarec.data.table import TEST

log = logging.getLogger(__name__)

GivenCandidates = tuple[np.ndarray, np.ndarray]  # rows of the interactions int64 [T], items int32 [T, C]


class RankingDataModule(InteractionsDataModule):
    """Treats every interaction as a positive, whatever its rating, and redraws the negatives in each epoch.

    A user who has touched every item has no negatives; the user's positives are excluded from the batches and counted.

    Args:
        interactions, split, unit, steps_per_call, seed: as in the base.
        given_candidates: the dataset's own candidates for its test part, or None.
        batch_size: samples per optimiser step over all processes: positives and negatives together, or users, or items.
        num_negatives: negatives per positive; ``catalogue``: the whole catalogue.
        negative_alpha: negatives ∝ popularity^α; 0: uniform over the items that the user has not touched.
        avoid_held_out: never draw the user's held-out items as negatives. Off by default, because training must not
            know which items are held out.
        protocol: evaluation protocol; ``full`` needs no candidates.
        num_candidates: candidates per held-out item under the sampled protocol.
        eval_seed: seed of the candidates; independent of the training seed.
        eval_memory: MiB for the scores of a full evaluation; on a GPU a share of its memory, if that is more.
    """

    implicit = True

    def __init__(
        self,
        *,
        interactions: Interactions,
        split: Split,
        given_candidates: GivenCandidates | None,
        unit: Unit,
        batch_size: Count,
        num_negatives: Count | Literal["catalogue"],
        negative_alpha: Exponent,
        avoid_held_out: bool,
        protocol: Literal["sampled", "full", "both"],
        num_candidates: Count,
        eval_seed: Seed,
        eval_memory: Mebibytes,
        steps_per_call: Count,
        seed: int,
    ) -> None:
        if isinstance(num_negatives, int) and num_negatives > interactions.num_items:
            raise ConfigError(
                f"task.datamodule.num_negatives={num_negatives} of {interactions.num_items} items",
                expected=f"1 to {interactions.num_items}, or catalogue for all of them with task.objective.loss=softmax",
                fix=f"task.datamodule.num_negatives={min(4, interactions.num_items)}",
                value=num_negatives,
            )
        self.num_negatives = num_negatives
        self.negative_alpha, self.avoid_held_out = negative_alpha, avoid_held_out
        self.protocol, self.num_candidates, self.eval_seed = protocol, num_candidates, eval_seed
        self.given_candidates, self.eval_memory = given_candidates, eval_memory
        super().__init__(
            interactions=interactions,
            split=split,
            unit=unit,
            batch_size=batch_size,
            steps_per_call=steps_per_call,
            seed=seed,
        )

    # -- training -----------------------------------------------------------------------------------------------------

    @property
    def samples_per_row(self) -> int:
        """Samples per training row: the positive and its negatives."""
        return 1 + self.num_negatives if self.unit == "interactions" and isinstance(self.num_negatives, int) else 1

    @property
    def num_samples(self) -> int:
        """Samples per epoch, including negatives."""
        return len(self._usable) * self.samples_per_row if self.unit == "interactions" else super().num_samples

    def training_samples(self) -> Samples:
        """Training samples: positives with their negatives."""
        data = self._training_data
        positions = self._usable
        users, items = data.users, data.items
        if len(positions) < len(users):
            users, items = users[positions], items[positions]
        users, items = users.to(self.device), items.to(self.device)
        if self.num_negatives == "catalogue":
            return CatalogueSamples(users, items, data.num_items)
        excluded = self._touched if self.avoid_held_out else (data.users, data.items)
        weights = None
        if self.negative_alpha > 0:
            counts = torch.bincount(data.items, minlength=data.num_items)
            weights = popularity_weights(counts, self.negative_alpha).to(self.device)
        owners, theirs = (part.to(self.device) for part in excluded)
        sampler = NegativeSampler(owners, theirs, data.num_users, data.num_items, weights)
        return ContrastedSamples(users, items, positions.to(self.device), sampler, self.num_negatives, self.seed)

    @cached_property
    def _usable(self) -> Tensor:
        """Training positives whose users have at least one possible negative, int64 [P]."""
        data = self._training_data
        owners, items = self._touched if self.avoid_held_out else (data.users, data.items)
        drawable = torch.ones(data.num_items, dtype=torch.int64)
        if self.negative_alpha > 0:  # items untouched in training have weight 0
            drawable = (torch.bincount(data.items, minlength=data.num_items) > 0).long()
        left = drawable.sum() - torch.bincount(owners, weights=drawable[items], minlength=data.num_users).long()
        usable = (left[data.users] > 0).nonzero().squeeze(1)
        if len(usable) == 0:
            raise DataError(
                "every user has touched every item: there is nothing to compare a positive with",
                expected="at least one user with an item left to draw",
                fix="task=rating, or filter.min_rating=4 to count fewer ratings as positive",
            )
        return usable

    @cached_property
    def _touched(self) -> tuple[Tensor, Tensor]:
        """Users and items of all interactions in all parts, int64 [N] each."""
        users, items, _ = self.columns(np.arange(len(self.interactions)))
        return users, items

    # -- evaluation ---------------------------------------------------------------------------------------------------

    def evaluation(self, part: str, rows: np.ndarray) -> QueryLoader:
        """The loader of held-out items as queries; items of earlier parts are masked."""
        queries = self.on_device(part, lambda: self._queries(part, rows))
        floats = floats_at_once(self.device, self.eval_memory * 2**18)
        users_per_batch = floats // (3 * self.interactions.num_items)  # scores, and temporaries
        return QueryLoader(queries, users_per_batch=max(1, users_per_batch), **self.share)

    def _queries(self, part: str, rows: np.ndarray) -> Queries:
        users, items, _ = self.columns(rows)
        earlier = np.sort(np.concatenate([self.split.train, self.split.val])) if part == "test" else self.split.train
        seen_users, seen_items, _ = self.columns(earlier)
        return Queries(users, items, self._candidates(part, users, rows), seen_users, seen_items.int()).to(self.device)

    def _candidates(self, part: str, users: Tensor, rows: np.ndarray) -> Tensor:
        """Candidates, int32 [T, C]: the dataset's own for its own test part, else drawn with ``eval_seed``."""
        if self.protocol == "full":
            return torch.empty(len(users), 0, dtype=torch.int32)
        if self._are_given(part, rows):
            return self._given(rows)
        positions = torch.from_numpy(rows)
        drawn = draw_candidates(
            users, positions, self._touched, self.interactions.num_items, self.num_candidates, self.eval_seed
        )
        return drawn.int()

    def _are_given(self, part: str, rows: np.ndarray) -> bool:
        """Whether the dataset provides candidates for every row of this part, or the part is its own test part."""
        if self.given_candidates is None or part != "test":
            return False
        own = self.interactions.part
        is_own = own is not None and np.array_equal(np.flatnonzero(own == TEST), rows)
        return is_own or bool(np.isin(rows, self.given_candidates[0]).all())

    def _given(self, rows: np.ndarray) -> Tensor:
        """The dataset's own candidates of ``rows``, int32 [T, C].

        Raises:
            ConfigError: their number differs from the one in the metrics' names. DataError: a row has none.
        """
        assert self.given_candidates is not None
        given_rows, items = self.given_candidates
        if items.shape[1] != self.num_candidates:
            raise ConfigError(
                f"task.datamodule.num_candidates={self.num_candidates}, and {self.interactions.name} brings {items.shape[1]} per item",
                expected=f"{items.shape[1]}",
                fix=f"task.datamodule.num_candidates={items.shape[1]}",
                value=self.num_candidates,
            )
        lacking = np.setdiff1d(rows, given_rows)
        if len(lacking):
            data = self.interactions
            user = data.user_ids.to_list()[data.users[lacking[0]]]
            item = data.item_ids.to_list()[data.items[lacking[0]]]
            raise DataError(
                f"{data.name} brings no candidates for its test pair ({user},{item}) ({len(lacking):,} such pairs)",
                expected="candidates for each of its test pairs",
                fix="fetch the files again, all of one release, or split=leave_one_out",
                value=f"{user},{item}",
            )
        return torch.from_numpy(items[np.argsort(given_rows)][np.isin(np.sort(given_rows), rows)].astype(np.int32))

    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = {"protocol": self.protocol}
        if self.unit == "interactions":
            report["positives_without_negatives"] = len(self.split.train) - len(self._usable)
        for part, loader in (("val", self.val_dataloader()), ("test", self.test_dataloader())):
            if self.protocol != "full" and isinstance(loader, QueryLoader):
                given = self._are_given(part, getattr(self.split, part))
                report[part] = self._report_of(loader.queries.candidates, given)
        return report

    def _report_of(self, candidates: Tensor, given: bool) -> dict[str, Any]:
        """The source of a part's candidates, and the number of held-out items with too few, for ``run.json``."""
        numbers = (candidates >= 0).sum(1)
        fewer, fewest = int((numbers < self.num_candidates).sum()), int(numbers.min())
        if fewer:
            log.warning(
                "%d of %d held-out items have fewer than %d candidates, as few as %d: their ranks are better for it",
                *(fewer, len(numbers), self.num_candidates, fewest),
            )
        return {
            "candidates": int(numbers.max()),
            "drawn": "by the dataset's authors" if given else f"from eval_seed {self.eval_seed}",
            "queries_with_fewer": fewer,
            "fewest": fewest,
        }
