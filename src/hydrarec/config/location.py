"""Location of the YAML files."""

from __future__ import annotations

from pathlib import Path

import hydrarec


def conf_dir() -> Path:
    """Absolute path of ``conf/``: inside the package in a wheel, beside ``src/`` in a clone or editable install.

    A relative ``config_path`` breaks console scripts and wheels; an absolute one works everywhere.
    """
    package = Path(hydrarec.__file__).resolve().parent
    for folder in (package / "conf", package.parents[1] / "conf"):
        if (folder / "train.yaml").is_file():
            return folder
    raise FileNotFoundError(f"hydrarec's conf/ folder is missing beside {package}; install the package again")
