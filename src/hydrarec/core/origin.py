"""Whose code an exception comes from: the user's own classes, or hydrarec and the libraries that it needs."""

from __future__ import annotations

import functools
import importlib.metadata
import re
import sys
import sysconfig
import traceback
from pathlib import Path
from types import FrameType

from hydrarec.core.errors import UserCodeError

_OURS = [Path(__file__).resolve().parents[1], Path(__file__).resolve().parents[2] / "hydra_plugins"]
_LIBRARIES = [Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")]
_STANDARD = [Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")]


def user_error(raised: BaseException) -> UserCodeError | None:
    """The error of the user's own code, if ``raised`` comes from there; with the traceback from that code on.

    That is so if a frame of its traceback runs the user's code or, failing that, a method of a user's class that it
    inherits: a gradient that cannot be computed shows up in our training step, and the cause is in their model.
    """
    frames = list(traceback.walk_tb(raised.__traceback__))
    places = [place for place, (frame, _) in enumerate(frames) if _is_users(frame.f_code.co_filename)]
    if places:
        frame, line = frames[places[-1]]
        name, file = f"{frame.f_globals.get('__name__')}.{frame.f_code.co_qualname}", frame.f_code.co_filename
    else:
        places = [place for place, (frame, _) in enumerate(frames) if _users_class(frame) is not None]
        if not places:
            return None
        frame, line = frames[places[-1]]
        owner = _users_class(frame)
        assert owner is not None
        name, file = f"{owner.__module__}.{owner.__qualname__}.{frame.f_code.co_name}", frame.f_code.co_filename
    first = (str(raised).splitlines() or [""])[0][:200]
    error = UserCodeError(
        f"error in {name}: {type(raised).__name__}: {first}",
        fix="correct that code; its traceback is above, and in error.json",
        file=file,
        line=line,
    )
    shown = traceback.TracebackException.from_exception(raised)
    del shown.stack[: places[0]]
    shown.__cause__ = shown.__context__ = None
    error.traceback = "".join(shown.format())
    return error


def _users_class(frame: FrameType) -> type | None:
    """The class of the frame's ``self``, if it is the user's."""
    owner = type(frame.f_locals.get("self"))
    module = sys.modules.get(owner.__module__)
    file = getattr(module, "__file__", None)
    return owner if file is not None and _is_users(file) else None


@functools.cache
def _is_users(filename: str) -> bool:
    path = Path(filename)
    if filename.startswith("<") or not path.is_absolute():  # generated, or frozen into the interpreter
        return False
    path = path.resolve()
    if any(path.is_relative_to(folder) for folder in _OURS):
        return False
    for folder in _LIBRARIES:
        if path.is_relative_to(folder):
            return path.relative_to(folder).parts[0].removesuffix(".py") not in _needed_packages()
    return not any(path.is_relative_to(folder) for folder in _STANDARD)


@functools.cache
def _needed_packages() -> frozenset[str]:
    """Top-level packages of the installed distributions that hydrarec needs, directly or not, with all extras.

    Without hydrarec's own metadata (a source tree that was not installed), all installed packages.
    """
    owners = importlib.metadata.packages_distributions()
    needed, left = set[str](), ["hydrarec"]
    while left:
        name = _normal(left.pop())
        if name in needed:
            continue
        try:
            requirements = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:  # an extra that is not installed
            if name == "hydrarec":
                return frozenset(owners)
            continue
        needed.add(name)
        left += [re.split(r"[^\w.-]", requirement, maxsplit=1)[0] for requirement in requirements]
    return frozenset(package for package, names in owners.items() if {_normal(name) for name in names} & needed)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
