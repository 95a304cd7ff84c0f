"""Which metrics a report shows, and which way is better."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_LOWER = ("loss", "rmse", "mae")  # errors; whatever else is measured is better when higher


def lower_is_better(metric: str) -> bool:
    """Of ``<part>/<name>[/<protocol>]``."""
    return base_name(metric) in _LOWER


def base_name(metric: str) -> str:
    """``hr@10`` of ``test/hr@10/full``."""
    return metric.split("/")[1] if "/" in metric else metric


def chosen(available: Iterable[str], wanted: Sequence[str]) -> list[str]:
    """Of the metrics that were measured those with the ``wanted`` names, in that order, under every protocol.

    Of the test part; of the validation part where nothing was tested. Estimates (``…/unbiased``) and the last epoch's are
    not among them.
    """
    names = list(dict.fromkeys(available))
    part = "test" if any(name.startswith("test/") for name in names) else "val"
    found = [
        name
        for want in wanted
        for name in names
        if base_name(name) == want and name.startswith(f"{part}/") and _is_plain(name)
    ]
    return list(dict.fromkeys(found))


def counterpart(monitor: str | None, available: Iterable[str]) -> str | None:
    """The test metric of the monitored validation metric, or the monitored one itself where nothing was tested."""
    names = set(available)
    if monitor is None:
        return None
    tested = monitor.replace("val/", "test/", 1)
    return tested if tested in names else monitor if monitor in names else None


def better(metric: str, first: float, second: float) -> bool:
    return first < second if lower_is_better(metric) else first > second


def _is_plain(name: str) -> bool:
    _, _, *rest = name.split("/")
    return not rest or (len(rest) == 1 and (rest[0] == "full" or rest[0].startswith("sampled")))
