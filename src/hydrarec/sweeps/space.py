"""Search spaces in Hydra's sweep syntax: which keys vary, over which values, and their form for Optuna.

====================================  ==========================================================
``interval(0.0, 0.8)``                any number in between
``int(interval(1, 9))``               any whole number, both ends included
``tag(log, interval(1e-4, 1e-1))``    the same on a logarithmic scale
``range(1, 10)``, ``range(8, 65, 8)``  as in Python: excludes the end
``choice(16, 32, [64, 32])``          one of these
====================================  ==========================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep

from hydrarec.config.composition import parse_overrides
from hydrarec.core.errors import ConfigError


class Suggests(Protocol):
    """The methods of an Optuna trial that this module uses."""

    def suggest_categorical(self, name: str, choices: list[str]) -> Any: ...
    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int: ...
    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float: ...


@dataclass(frozen=True)
class Choice:
    """One of several values, each as written on the command line."""

    key: str
    options: tuple[str, ...]
    values: tuple[Any, ...]

    def suggest(self, trial: Suggests) -> Any:
        return trial.suggest_categorical(self.key, list(self.options))

    def parameter(self, value: object) -> Any:
        """Convert ``value`` to Optuna's parameter; None if it is not one of the choices."""
        return next(
            (option for option, known in zip(self.options, self.values, strict=True) if _same(known, value)), None
        )

    def ends(self) -> tuple[str, ...]:
        return self.options


@dataclass(frozen=True)
class Numbers:
    """Numbers from ``low`` to ``high``, both inclusive."""

    key: str
    low: float
    high: float
    step: float | None
    log: bool

    @property
    def whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int) and isinstance(self.step or 1, int)

    def suggest(self, trial: Suggests) -> Any:
        if self.whole:
            return trial.suggest_int(self.key, int(self.low), int(self.high), step=int(self.step or 1), log=self.log)
        return trial.suggest_float(self.key, self.low, self.high, step=self.step, log=self.log)

    def parameter(self, value: object) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float) or not self.low <= value <= self.high:
            return None
        on_grid = (
            self.step is None or abs((value - self.low) / self.step - round((value - self.low) / self.step)) < 1e-9
        )
        return value if on_grid and (not self.whole or isinstance(value, int)) else None

    def ends(self) -> tuple[str, ...]:
        return repr(self.low), repr(self.high)


Dimension = Choice | Numbers
Space = list[Dimension]


def read_space(node: Mapping[str, str | None]) -> Space:
    """Parse ``sweep.space``, which comes from the model's file: key → sweep; null removes an inherited key.

    Raises:
        ConfigError: an entry is not a sweep.
    """
    return [dimension_of(parse_overrides([f"{key}={text}"])[0]) for key, text in node.items() if text is not None]


def corners(space: Space) -> list[list[str]]:
    """Lists of overrides in which each dimension takes each of its ends at least once."""
    ends = [[f"{dimension.key}={end}" for end in dimension.ends()] for dimension in space]
    return [[each[min(place, len(each) - 1)] for each in ends] for place in range(max(map(len, ends), default=0))]


def is_dimension(override: Override) -> bool:
    """Whether the override is a search dimension; a plain list ``a,b`` means one search per value."""
    return override.is_sweep_override() and not getattr(override.value(), "simple_form", False)


def dimension_of(override: Override) -> Dimension:
    """Convert an override to a dimension of a search space."""
    key, sweep = override.get_key_element(), override.value()
    if not override.is_sweep_override():
        raise ConfigError(
            f"the search space gives {override.input_line}, which leaves nothing to choose",
            expected="interval(low, high), tag(log, interval(low, high)), range(start, stop, step) or choice(a, b)",
            fix=f"correct or remove {key}",
            value=override.input_line,
        )
    if isinstance(sweep, IntervalSweep):
        assert sweep.start is not None and sweep.end is not None
        return Numbers(key, sweep.start, sweep.end, None, "log" in sweep.tags)
    if isinstance(sweep, RangeSweep):
        values = [float(text) for text in override.sweep_string_iterator()]
        assert sweep.start is not None
        kind = int if all(isinstance(part, int) for part in (sweep.start, sweep.step)) else float
        return Numbers(key, kind(min(values)), kind(max(values)), kind(abs(sweep.step)), "log" in sweep.tags)
    options = tuple(override.sweep_string_iterator())
    return Choice(key, options, tuple(parse_overrides([f"{key}={option}"])[0].value() for option in options))


def _same(one: object, other: object) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)
