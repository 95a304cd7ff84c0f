"""What is described, how it came about, and what to do next with it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from hydrarec.analysis.description import Description
from hydrarec.data.datasets.base import About
from hydrarec.reports.description.description_settings import filtered_by

SMALL = 2048  # ratings below which a training part may not fill a batch of the usual size


@dataclass(frozen=True)
class Subject:
    """A described dataset.

    Attributes:
        found: what is in it.
        about: where it comes from.
        filtering: what the filter did, as :meth:`hydrarec.data.filters.Filter.report` says it.
        chosen: the overrides that chose dataset and filter.
    """

    found: Description
    about: About
    filtering: dict[str, Any]
    chosen: list[str]

    @property
    def name(self) -> str:
        return self.found.interactions.name

    @property
    def left_out(self) -> str:
        """What the filter left out, in words; empty where it left everything."""
        before, after = self.filtering["before"], self.filtering["after"]
        if before == after:
            return ""
        counts = (f"{after[what]:,} of {before[what]:,} {what}" for what in ("ratings", "users", "items"))
        return f"The filter ({', '.join(filtered_by(self.filtering))}) left {', '.join(counts)}."

    @property
    def command(self) -> str:
        """The command that describes the same again."""
        return shlex.join(["hydrarec-describe", *self.chosen])

    @property
    def next_command(self) -> str:
        """A first run on it: ratings that are all equal can only be ranked, and without times nothing is latest."""
        data, more = self.found.interactions, []
        if len(self.found.bars.counts) == 1:
            more.append("task=ranking")
        if self.found.parts is not None:
            more.append("split=given")
        elif more and data.timestamps is None:
            more += ["split=user_ratio", "split.order=random"]
        if len(data) < SMALL:
            more.append(f"task.datamodule.batch_size={1 << max(0, (len(data) // 4).bit_length() - 1)}")
        return shlex.join(["hydrarec-train", *self.chosen, *more])
