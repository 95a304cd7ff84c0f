"""``conf/report.yaml``: what a report is made of."""

from __future__ import annotations

from dataclasses import dataclass

from hydrarec.config.kinds import Count, Seed, Share


@dataclass(frozen=True)
class ReportConfig:
    """The settings of a report; their defaults and what they mean stand in the YAML."""

    runs: str | list[str]
    name: str
    output_dir: str
    check: str | list[str] | None
    metrics: list[str]
    side_by_side: list[str]
    compare: Count
    curves: Count
    alpha: Share
    power: Share
    resamples: Count
    seed: Seed
