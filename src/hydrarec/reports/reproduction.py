"""The table of published and reproduced results, as Markdown and CSV."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

from hydrarec.config.schema import Published
from hydrarec.core import escaping
from hydrarec.reports.document import Table
from hydrarec.reports.writers import csv_file
from hydrarec.reports.writers.markdown import table_lines
from hydrarec.tasks.metrics.registry import better


@dataclass(frozen=True)
class Row:
    """One published result and our reproductions of it, one entry per finished seed.

    Attributes:
        values: the published metric. first_epochs: validation RMSE after the first epoch. seconds: training time.
        problem: why runs are missing; empty if none are.
    """

    published: Published
    values: list[float] = field(default_factory=list)
    first_epochs: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    problem: str = ""

    @property
    def mean(self) -> float:
        return statistics.mean(self.values)

    @property
    def verdict(self) -> str:
        if not self.values:
            return f"not run: {self.problem}"
        low, high = self.published.band
        if low <= self.mean <= high:
            word = "reproduced"
        else:
            above, below = (better(self.published.metric, self.mean, end) for end in (low, high))
            word = "MISS, better than the band" if above and below else "MISS"
        return f"{word} ({self.problem})" if self.problem else word

    def cells(self) -> dict[str, str]:
        published = self.published
        low, high = published.band
        ours = mean_and_spread(self.values) if self.values else "–"
        return {
            "id": published.id,
            "system": published.source,
            "metric": published.metric,
            "published": str(published.claim) if published.value is None else f"{published.value:.4f}",
            "ours, mean ± sd (n)": ours,
            "difference": "–" if published.value is None or not self.values else f"{self.mean - published.value:+.4f}",
            "band": f"{low:.4f} – {high:.4f}",
            "seconds": f"{statistics.mean(self.seconds):.1f}" if self.seconds else "–",
            "verdict": self.verdict,
        }


def mean_and_spread(values: list[float]) -> str:
    """Format ``mean ± sample standard deviation (n)``; a question mark replaces the spread of a single value."""
    spread = f"{statistics.stdev(values):.4f}" if len(values) > 1 else "?"
    return f"{statistics.mean(values):.4f} ± {spread} ({len(values)})"


def markdown(rows: list[Row]) -> str:
    """The table, the reasons for the tolerance bands, and the claims about first epochs."""
    cells = [row.cells() for row in rows]
    lines = table_lines(list(cells[0]), [[escaping.markdown(text) for text in entry.values()] for entry in cells])
    lines += [
        "",
        "*seconds*: training with validation, mean per run. *band*: the means of ours that count as reproduced, because",
        "",
    ]
    lines += [f"- {row.published.id}: {row.published.reason}." for row in rows]
    claims = first_epoch_claims(rows)
    return "\n".join([*lines, *([""] if claims else []), *claims]) + "\n"


def first_epoch_claims(rows: list[Row]) -> list[str]:
    """Sentences on whether one system's first epoch beats another's final result, as its source claims."""
    known = {row.published.id: row for row in rows if row.values}
    lines = []
    for row in known.values():
        other = known.get(row.published.first_epoch_beats or "")
        if other is None or not row.first_epochs:
            continue
        holds = better(row.published.metric, statistics.mean(row.first_epochs), other.mean)
        lines.append(
            f"{row.published.id} is claimed to beat {other.published.id}'s end with its first epoch: "
            f"{mean_and_spread(row.first_epochs)} against {mean_and_spread(other.values)}: "
            f"the claim {'holds' if holds else 'does not hold'} here."
        )
    return lines


def comma_separated(rows: list[Row]) -> str:
    """The table as CSV, with the values of each seed."""
    records = [{**row.cells(), "values": " ".join(f"{value:.6f}" for value in row.values)} for row in rows]
    return csv_file.render(Table.of_records("reproduction", "", records))
