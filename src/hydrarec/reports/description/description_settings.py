"""The settings of ``hydrarec-describe`` (``conf/describe.yaml``): the dataset and the output folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydrarec.core.errors import ConfigError
from hydrarec.core.kinds import Count
from hydrarec.core.paths import folder_in

LARGEST = 50  # most rows or columns of a legible cross-tab


@dataclass(frozen=True)
class DescribeConfig:
    """The settings of a description; the YAML file documents them and sets the defaults.

    ``split`` is accepted only because some datasets set their own; it has no effect here.
    """

    dataset: dict[str, Any]
    filter: dict[str, Any]
    output_dir: str
    name: str | None
    users: Count
    items: Count
    split: dict[str, Any] | None = None

    def judge_size(self) -> None:
        """Raise :class:`ConfigError` for a cross-tab too large to read."""
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
        """The output folder, ``<output_dir>/describe/<name>``.

        Raises:
            ConfigError: the name is not a valid folder name.
        """
        name = self.name if self.name is not None else "-".join([self.dataset["name"], *filtered_by(self.filter)])
        return folder_in(str(Path(self.output_dir, "describe")), name)


def filtered_by(settings: dict[str, Any]) -> list[str]:
    """The filter settings that remove something: ``["core=5"]``."""
    neutral = {"min_rating": None, "user_fraction": 1, "core": 1}
    return [f"{key}={settings[key]}" for key, value in neutral.items() if settings[key] != value]
