"""Read many configurations that differ little: every distinct section is parsed once."""

from __future__ import annotations

import re
from typing import Any

import yaml

from hydrarec.config.former_names import with_todays_names

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times the speed, where it was built in
_SECTION = re.compile(r"^(?=[^\s#-])", flags=re.MULTILINE)  # list entries of a section begin with its own indentation


class SectionReader:
    """Parses ``config.yaml`` by its top-level sections and keeps each, since the runs of a sweep share most of them.

    The sections are shared between the configurations: read them, never change them.
    """

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Any]] = {}

    def parse(self, text: str) -> dict[str, Any]:
        """The mapping that ``text`` holds.

        Raises:
            ValueError: it is no YAML, or no mapping.
        """
        config: dict[str, Any] = {}
        try:
            for section in _SECTION.split(text):
                if section not in self._known:
                    self._known[section] = _mapping(section)
                config.update(self._known[section])
        except ValueError:
            return _mapping(text)  # written by hand perhaps: an anchor that another section refers to
        return config


def _mapping(text: str) -> dict[str, Any]:
    loader = _LOADER(text)
    try:
        content = loader.get_single_data()
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    finally:
        loader.dispose()
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ValueError("no mapping")
    return with_todays_names(content)
