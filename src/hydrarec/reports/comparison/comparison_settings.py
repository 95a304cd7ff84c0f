"""The settings of ``hydrarec-report`` (``conf/report.yaml``)."""

from __future__ import annotations

from dataclasses import dataclass

from hydrarec.core.errors import ConfigError, did_you_mean
from hydrarec.core.kinds import Count, Repeats, Seed, Share
from hydrarec.tasks.metrics.registry import column_names, is_column

COSTS = ("seconds", "samples/s", "parameters", "peak MiB")


@dataclass(frozen=True)
class ReportConfig:
    """The settings of a report; the YAML file documents them and sets the defaults."""

    runs: str | list[str]
    name: str
    output_dir: str
    check: str | list[str] | None
    metrics: list[str]
    side_by_side: list[str]
    costs: list[str]
    compare: Count
    curves: Count
    alpha: Share
    power: Share
    resamples: Repeats
    seed: Seed

    def judge_columns(self) -> None:
        """Raise :class:`ConfigError` for an unknown column; known columns without values are omitted later."""
        for key in ("metrics", "side_by_side"):
            for name in getattr(self, key):
                if not is_column(name):
                    raise _unknown(key, name, column_names())
        for name in self.costs:
            if name not in COSTS:
                raise _unknown("costs", name, COSTS)


def _unknown(key: str, name: str, valid: list[str] | tuple[str, ...]) -> ConfigError:
    close = did_you_mean(name, valid)
    return ConfigError(f"{key}: there is no '{name}'", expected=close, fix=f"{key}=[{valid[0]}]", value=name)
