"""The settings of ``conf/recommend.yaml``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hydrarec.core.errors import ConfigError, did_you_mean
from hydrarec.core.hints import setting
from hydrarec.core.kinds import Count, Index, Mebibytes, Parallel

Question = Literal["user", "users", "item", "ratings", "export"]
FORMATS = (".parquet", ".csv")  # of the table of users=

# An example of each question, and the settings that go with it.
_EXAMPLES: dict[Question, str] = {
    "user": "user=1",
    "users": "users=all out=recs.parquet",
    "item": 'item="Toy Story"',
    "ratings": 'ratings="{Toy Story: 5, Alien: 2}"',
    "export": "export=embeddings.parquet",
}
FILTERS = ("genres", "not_genres", "years", "min_ratings")
_GOES_WITH: dict[Question, tuple[str, ...]] = {
    "user": ("why", *FILTERS),
    "users": ("out", *FILTERS),
    "item": FILTERS,
    "ratings": ("why", *FILTERS),
    "export": (),
}


@dataclass(frozen=True)
class RecommendConfig:
    """Settings of a recommendation; the YAML has their defaults and meanings."""

    run: str
    user: str | None
    users: str | None
    item: str | None
    ratings: str | None
    export: str | None
    k: Count
    why: bool
    reasons: Count
    genres: list[str] | None
    not_genres: list[str] | None
    years: tuple[int, int] | None
    min_ratings: Index
    out: str | None
    on_unknown: Literal["error", "skip"]
    memory_mib: Mebibytes
    threads: Parallel

    def question(self) -> Question:
        """The one question that is asked.

        Raises:
            ConfigError: none, several, or settings that do not go with it.
        """
        asked = [question for question in _EXAMPLES if getattr(self, question) is not None]
        if len(asked) != 1:
            what = f"{' and '.join(asked)} are given together" if asked else "nothing is asked"
            raise ConfigError(
                what,
                expected=f"exactly one of {', '.join(_EXAMPLES)}",
                fix=f"hydrarec-recommend run={self.run} {_EXAMPLES[asked[0] if asked else 'user']}",
            )
        self._check_filters(asked[0])
        if self.years is not None and self.years[0] > self.years[1]:
            first, last = self.years
            raise ConfigError(
                f"years=[{first},{last}] ends before it begins",
                expected="the first year, then the last",
                fix=f"years=[{last},{first}]",
            )
        if asked[0] == "users":
            self._check_out()
        return asked[0]

    def _check_filters(self, question: Question) -> None:
        for name in dict.fromkeys(each for settings in _GOES_WITH.values() for each in settings):
            if getattr(self, name) and name not in _GOES_WITH[question]:
                others = [other for other, settings in _GOES_WITH.items() if name in settings]
                raise ConfigError(
                    f"{name} has no effect with {question}",
                    expected=f"{name} with {' or '.join(others)}",
                    fix=f"remove {name}, or use {_EXAMPLES[others[0]]}",
                    value=name,
                )

    def _check_out(self) -> None:
        if self.out is None:
            raise ConfigError(
                "users without out: recommendations for many users go into a file",
                expected=f"out=<a file that ends in {' or '.join(FORMATS)}>",
                fix=f"users={self.users} out=recs.parquet",
            )
        path = Path(self.out)
        suffix = path.suffix
        if suffix not in FORMATS:
            example = path / f"recs{FORMATS[0]}" if path.is_dir() or not path.name else path.with_suffix(FORMATS[0])
            raise ConfigError(
                f"out={self.out}: '{suffix}' is not a format that can be written",
                expected=did_you_mean(suffix, FORMATS),
                fix=setting("out", str(example)),
                value=self.out,
            )
