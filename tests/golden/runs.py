"""Run all golden runs and write their hashes: ``python tests/golden/runs.py --out FILE.json``.

A process that has imported torch is forked per command, since an import takes longer than a run. The command is found
in ``pyproject.toml``, so that modules may be renamed.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import pkgutil
import signal
import sys
import tempfile
import tomllib
import traceback
from collections.abc import Callable
from pathlib import Path

# Before numpy and torch are imported: the order of sums depends on the number of threads.
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))
ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])

from tests.golden.cases import CASES, COMMON, Case, write_ratings  # noqa: E402
from tests.golden.hashing import environment, hashes_of_run  # noqa: E402

COMMAND = "hydrarec-train"
LIMIT = 120  # seconds that a command may take


def main() -> None:
    """The script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="where the hashes are written, as JSON")
    parser.add_argument("--folder", type=Path, help="where the runs are kept; by default they are deleted")
    parser.add_argument("--only", default="", help="run only the cases whose name contains this text")
    settings = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hydrarec-golden-") as temporary:
        folder = (settings.folder or Path(temporary)).resolve()
        hashes = run_all(folder, settings.only)
    content = {"environment": environment(), "runs": hashes}
    settings.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def run_all(folder: Path, only: str) -> dict[str, dict[str, str]]:
    """The hashes of every run, by name.

    Raises:
        RuntimeError: a command failed.
    """
    (folder / "runs").mkdir(parents=True)
    write_ratings(folder)
    os.environ["HYDRAREC_CACHE_DIR"] = str(folder / "cache")
    for name in ("HYDRAREC_DATA_DIR", "LOCAL_RANK"):
        os.environ.pop(name, None)
    entry = entry_point()
    gc.collect()
    gc.freeze()  # or each command's collector would copy the pages of all of torch
    hashes: dict[str, dict[str, str]] = {}
    for name, case in CASES.items():
        if only in name:
            for run, path in run_case(entry, folder / "runs" / slug(name), case).items():
                hashes[f"{name}{run}"] = hashes_of_run(path)
    return hashes


def entry_point() -> Callable[[], object]:
    """The function behind the command, as this checkout's ``pyproject.toml`` names it; all modules are imported."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    module, _, function = scripts[COMMAND].partition(":")
    main = getattr(importlib.import_module(module), function)
    package = importlib.import_module(module.partition(".")[0])
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(found.name)
    return main


def slug(name: str) -> str:
    """A folder name."""
    return name.replace(", ", "-").replace(" ", "-")


def run_case(entry: Callable[[], object], folder: Path, case: Case) -> dict[str, Path]:
    """Run a case in its folder; the run folders by the end of their names, which only jobs of a sweep have."""
    folder.mkdir()
    target = "hydra.sweep.dir=sweep" if case.sweep else "hydra.run.dir=run"
    run_command(entry, folder, [*(["-m"] if case.sweep else []), *COMMON, *case.overrides, target])
    if case.sweep:
        jobs = sorted(path.parent for path in (folder / "sweep").glob("*/result.json"))
        return {f", seed {json.loads((job / 'run.json').read_text())['seed']}": job for job in jobs}
    if case.resume is not None:
        (folder / "run" / "result.json").unlink()  # without it a run is not finished
        run_command(entry, folder, ["resume=run", *case.resume])
    return {"": folder / "run"}


def run_command(entry: Callable[[], object], folder: Path, arguments: list[str]) -> None:
    """``hydrarec-train arguments…`` in the folder, in a fork of this process.

    Raises:
        RuntimeError: it failed, or took too long.
    """
    log = folder / "log.txt"
    pid = os.fork()
    if pid == 0:
        _become(entry, folder, arguments, log)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code != 0:
        said = log.read_text(encoding="utf-8", errors="replace")[-3000:]
        raise RuntimeError(f"{COMMAND} {' '.join(arguments)} in {folder} ended with {code}:\n{said}")


def _become(entry: Callable[[], object], folder: Path, arguments: list[str], log: Path) -> None:
    """The child's part: never returns."""
    code = 1
    try:
        signal.alarm(LIMIT)
        os.chdir(folder)
        stream = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        for number in (1, 2):
            os.dup2(stream, number)
        sys.argv = [COMMAND, *arguments]
        code = entry() or 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except Exception:  # noqa: BLE001  (or the child would go on as if it were its parent)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
