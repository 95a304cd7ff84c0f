"""Registry of metrics: the single definition used to compute, select, show, plot and compare them.

To add a metric, add one entry to :data:`METRICS`. This module does not import torch, because tables and the command line
read it; the sibling modules pass tensors to an entry's ``values``.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Basis = Literal["loss", "ratings", "ranks", "lists"]


@dataclass(frozen=True)
class Metric:
    """A metric of a task.

    Attributes:
        name: name in ``result.json``, without part, list length and protocol. label: text in titles and on axes.
        meaning: one-line definition.
        basis: input of the metric: the objective's ``loss``; the errors of all ``ratings``; the ``ranks`` of held-out
            items, per user, or per held-out item among sampled candidates; all recommended ``lists`` together.
        values: returns one float64 number per unit, whose mean is the metric; for lists, the metric itself. Argument: for
            ratings, prediction − rating, float64 [N], a tensor or an array; for ranks
            :class:`~hydrarec.tasks.metrics.top_list.TopList`; for lists :class:`~hydrarec.tasks.metrics.exposure.Shown`.
        at_k: whether it depends on the length of the list: ``hr@10``.
        root: whether it is the square root of the mean.
        shown: whether the epoch table, TensorBoard's charts and the end of a run show it; files hold all metrics.
        drawn: whether the training curves plot it.
        digits: number of digits after the decimal point.
    """

    name: str
    label: str
    meaning: str
    basis: Basis
    values: Callable[[Any], Any]
    lower_is_better: bool = False
    at_k: bool = False
    root: bool = False
    shown: bool = False
    drawn: bool = False
    digits: int = 4

    def of_mean(self, mean: Any) -> Any:
        """Compute the metric from the mean of :attr:`values`, a number or a tensor."""
        return mean**0.5 if self.root else mean

    def slope(self, first: float, second: float) -> float:
        """Ratio of the difference of two means to the difference of the metric."""
        return (math.sqrt(first) + math.sqrt(second)) or 1.0 if self.root else 1.0

    def format(self, value: float) -> str:
        return f"{value:.{self.digits}f}"


_ENTRIES = (
    Metric("rmse", "RMSE", "root of the mean squared error", "ratings", lambda errors: errors**2,
           lower_is_better=True, root=True, shown=True, drawn=True),
    Metric("mae", "MAE", "mean absolute error", "ratings", abs, lower_is_better=True, shown=True),
    Metric("loss", "loss", "what training minimises, without penalties", "loss", lambda loss: loss,
           lower_is_better=True, shown=True, drawn=True),
    Metric("hr", "HR", "1 if a relevant item is among the first k", "ranks", lambda top: top.hit,
           at_k=True, shown=True, drawn=True),
    Metric("recall", "recall", "relevant items among the first k / |R|, where R are the relevant items", "ranks",
           lambda top: top.hits / top.num_relevant, at_k=True),
    Metric("precision", "precision", "relevant items among the first k / k", "ranks", lambda top: top.hits / top.k,
           at_k=True),
    Metric("ndcg", "NDCG", "Σ 1/log2(rank + 1) of the relevant items among the first k / that of min(|R|, k) at the top",
           "ranks", lambda top: top.gain / top.ideal_gain, at_k=True, shown=True, drawn=True),
    Metric("mrr", "MRR", "1 / rank of the first relevant item, 0 if that is beyond k", "ranks",
           lambda top: top.reciprocal_rank, at_k=True),
    Metric("map", "MAP", "Σ precision at the rank of each relevant item among the first k / min(|R|, k)", "ranks",
           lambda top: top.precision_sum / top.num_relevant.clamp(max=top.k), at_k=True),
    Metric("auc", "AUC", "share of the pairs (relevant, other candidate) in the right order; 1/2 without such a pair",
           "ranks", lambda top: top.ordered_pairs),
    Metric("coverage", "coverage", "share of the catalogue that is in at least one list", "lists",
           lambda shown: (shown.counts > 0).sum().double() / len(shown.counts), at_k=True),
    Metric("popularity", "popularity", "mean training interactions of the recommended items, one per place", "lists",
           lambda shown: (shown.counts * shown.popularity).sum() / shown.counts.sum().double(), at_k=True),
    Metric("gini", "Gini", "0 if every item is recommended equally often, 1 − 1/M if all places go to one of M items",
           "lists", lambda shown: shown.inequality, lower_is_better=True, at_k=True),
)  # fmt: skip
METRICS: dict[str, Metric] = {metric.name: metric for metric in _ENTRIES}

_KEY = re.compile(r"(?:(train|val|test)/)?(\w+)(?:@([1-9]\d*))?(?:/(full|sampled\d+))?(?:/(\w+))?")


@dataclass(frozen=True)
class Measure:
    """A metric as measured by a run: on a part, at a list length, under a protocol.

    Attributes:
        part: train, val or test. k: length of the list. protocol: full or sampled<number>.
        variant: ``last``: of the last epoch; ``unbiased``, ``cls``, ``bv``: estimates of full from sampled ranks.
    """

    metric: Metric
    k: int | None = None
    part: str = ""
    protocol: str = ""
    variant: str = ""

    @classmethod
    def parse(cls, key: str) -> Measure | None:
        """Parse ``[<part>/]<metric>[@k][/<protocol>][/<variant>]``; None if the key has another form."""
        match = _KEY.fullmatch(key)
        metric = METRICS.get(match[2]) if match else None
        if match is None or metric is None or metric.at_k != bool(match[3]):
            return None
        return cls(metric, int(match[3]) if match[3] else None, match[1] or "", match[4] or "", match[5] or "")

    @property
    def name(self) -> str:
        """Short name: ``hr@10``."""
        return self.metric.name if self.k is None else f"{self.metric.name}@{self.k}"

    @property
    def label(self) -> str:
        """Label for titles and axes: ``HR@10``."""
        return self.metric.label if self.k is None else f"{self.metric.label}@{self.k}"

    @property
    def key(self) -> str:
        """Key in ``result.json``: ``test/hr@10/full``."""
        return "/".join(filter(None, [self.part, self.name, self.protocol, self.variant]))

    @property
    def unit(self) -> str:
        """Name of the units that have one value each, in the plural."""
        if self.metric.basis == "ratings":
            return "ratings"
        return "users" if self.protocol == "full" else "held-out items"

    @property
    def columns(self) -> tuple[str, list[str]] | None:
        """Task whose outcome file holds the units, and the columns to read: ids, then the inputs of the values."""
        if self.variant:
            return None
        if self.metric.basis == "ratings":
            return "rating", [f"{self.part}/{name}" for name in ("row", "target", "prediction")]
        if self.metric.basis == "ranks" and self.protocol:
            ranks = [f"{self.part}/{self.protocol}/{name}" for name in ("better", "tied", "candidates")]
            return "ranking", [f"{self.part}/{'user' if self.protocol == 'full' else 'row'}", *ranks]
        return None


def measures(basis: Basis, ks: Sequence[int] = ()) -> list[Measure]:
    """List all measures computed from ``basis``: metrics at every list length, then those without a length."""
    metrics = [metric for metric in METRICS.values() if metric.basis == basis]
    at_k = [Measure(metric, k) for k in ks for metric in metrics if metric.at_k]
    return at_k + [Measure(metric) for metric in metrics if not metric.at_k]


def shown_measure(key: str) -> Measure | None:
    """Parse ``key``; None unless its metric is shown during training and at the end of a run."""
    measure = Measure.parse(key)
    return measure if measure and measure.metric.shown and not measure.variant else None


def lower_is_better(key: str) -> bool:
    """Whether lower values are better; False for unregistered keys."""
    measure = Measure.parse(key)
    return measure is not None and measure.metric.lower_is_better


def mode_of(key: str) -> Literal["min", "max"]:
    """Return the direction in which ``key`` improves."""
    return "min" if lower_is_better(key) else "max"


def better(key: str, first: float, second: float) -> bool:
    """Whether ``first`` is better than ``second``."""
    return first < second if lower_is_better(key) else first > second


def base_name(key: str) -> str:
    """Shorten ``test/hr@10/full`` to ``hr@10``; unregistered keys are unchanged."""
    measure = Measure.parse(key)
    return key if measure is None else measure.name


def column_names() -> list[str]:
    """Example column names for a report."""
    ranked = sorted(METRICS.values(), key=lambda metric: metric.at_k)
    return [Measure(metric, 10 if metric.at_k else None).name for metric in ranked]


def is_column(name: str) -> bool:
    """Whether ``name`` is a valid column of a report, such as ``hr@10``."""
    return base_name(name) == name and Measure.parse(name) is not None


def select_keys(available: Iterable[str], names: Sequence[str]) -> list[str]:
    """Select the keys with one of ``names``, in that order, under every protocol, without variants (estimates, last epoch).

    Keys are from the test part, or from the validation part if nothing was tested.
    """
    known = {key: measure for key in available if (measure := Measure.parse(key)) and not measure.variant}
    part = "test" if any(measure.part == "test" for measure in known.values()) else "val"
    return [
        key
        for name in dict.fromkeys(names)
        for key, measure in known.items()
        if measure.name == name and measure.part == part
    ]


def validation_key(key: str) -> str:
    """Key of the same metric in the history: on the validation part, per epoch."""
    measure = Measure.parse(key)
    return key if measure is None else dataclasses.replace(measure, part="val", variant="").key


def counterpart(monitor: str | None, available: Iterable[str]) -> str | None:
    """Test metric that corresponds to the monitored validation metric; ``monitor`` itself if nothing was tested."""
    names = set(available)
    if monitor is None:
        return None
    tested = monitor.replace("val/", "test/", 1)
    return tested if tested in names else monitor if monitor in names else None
