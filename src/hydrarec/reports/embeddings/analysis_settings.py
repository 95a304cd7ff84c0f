"""The settings of ``hydrarec-analyze`` (``conf/analyze.yaml``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hydrarec.core.errors import ConfigError
from hydrarec.core.kinds import Count, Repeats, Seed, Share


@dataclass(frozen=True)
class ComponentConfig:
    """The settings of ``conf/callbacks/embeddings.yaml``: the component settings of :class:`AnalyzeConfig`."""

    top_n: Count
    centred: bool
    components: Count
    extremes: Count
    min_ratings: Count
    titled: Count
    level: Share
    shuffles: Repeats
    seed: Seed


@dataclass(frozen=True)
class AnalyzeConfig:
    """The settings of an analysis; the YAML file documents them and sets the defaults."""

    run: str | None
    runs: str | list[str] | None
    compare: str | list[str] | None
    output_dir: str
    name: str | None
    top_n: Count
    centred: bool
    components: Count
    extremes: Count
    min_ratings: Count
    titled: Count
    items: int | str | list[int | str] | None
    item: int | str | None
    metric: Literal["cosine", "inner"]
    k: Count
    bias_top_n: Count
    bias_list: Count
    projector: Count
    level: Share
    resamples: Repeats
    shuffles: Repeats
    least: Share
    seed: Seed

    def judge_subject(self) -> None:
        """Raise :class:`ConfigError` unless exactly one of ``run``, ``runs`` and ``compare`` is given."""
        given = [name for name in ("run", "runs", "compare") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ConfigError(
                f"{' and '.join(given)} are given" if given else "no run is given",
                expected="one of run=<run folder>, runs=[<run folder>, …] and compare=<run folder>,<run folder>",
                fix="hydrarec-analyze run=outputs/<name>/<run>",
            )
