"""``conf/describe.yaml``: which dataset is described, and where the description goes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydrarec.core.errors import ConfigError
from hydrarec.core.kinds import Count
from hydrarec.core.paths import folder_in

LARGEST = 50  # rows or columns of a cross-tab whose picture can still be read


@dataclass(frozen=True)
class DescribeConfig:
    """The settings of a description; the YAML has their defaults and explains them.

    ``split`` is there only for a dataset that brings its own, which has no meaning here.
    """

    dataset: dict[str, Any]
    filter: dict[str, Any]
    output_dir: str
    name: str | None
    users: Count
    items: Count
    split: dict[str, Any] | None = None

    def judge_size(self) -> None:
        """Raise :class:`ConfigError` for a cross-tab that nobody can read."""
        for key in ("users", "items"):
            if getattr(self, key) > LARGEST:
                raise ConfigError(
                    f"{key}={getattr(self, key)} is more than a picture can show",
                    expected=f"{key}: a whole number from 1 to {LARGEST}",
                    fix=f"{key}={LARGEST}",
                    value=getattr(self, key),
                )

    @property
    def folder(self) -> Path:
        """``<output_dir>/describe/<name>``.

        Raises:
            ConfigError: the name is no folder's.
        """
        name = self.name if self.name is not None else "-".join([self.dataset["name"], *filtered_by(self.filter)])
        return folder_in(str(Path(self.output_dir, "describe")), name)


def filtered_by(settings: dict[str, Any]) -> list[str]:
    """What a filter is set to leave out, of its settings: ``["core=5"]``."""
    neutral = {"min_rating": None, "user_fraction": 1, "core": 1}
    return [f"{key}={settings[key]}" for key, value in neutral.items() if settings[key] != value]
