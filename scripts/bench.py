"""Measure every performance claim against its reference in the same run: python scripts/bench.py [trainer] [loading] [ranking] [sweep] [recommend] [onehot].

Each figure is the median of several measurements, taken in turn with its reference (A B A B …), so that a drift of the
machine's speed meets both. CPU time where the work is computation, so that a busy neighbour does not count. Prints a
table per part and writes outputs/bench/<part>.json: a list of {name, value, unit, reference, ratio, asked}.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from benchmarks.figures import Figure, show
from benchmarks.loading import bench_loading
from benchmarks.onehot import bench_onehot
from benchmarks.ranking import bench_ranking
from benchmarks.recommend import bench_recommend
from benchmarks.sweep import bench_sweep
from benchmarks.trainer import bench_trainer
from hydrarec.core.files import write_json

OUTPUT = Path("outputs/bench")

PARTS: dict[str, Callable[[argparse.Namespace], list[Figure]]] = {
    "trainer": bench_trainer,
    "loading": bench_loading,
    "ranking": bench_ranking,
    "sweep": bench_sweep,
    "recommend": bench_recommend,
    "onehot": bench_onehot,
}


def main() -> None:
    """Measure the named parts, print a table of each and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help=f"any of {', '.join(PARTS)}; all by default")
    parser.add_argument("--repeats", type=int, default=5, help="measurements per figure; the median is shown")
    parser.add_argument("--rows", type=int, default=20_000_000, help="rows of the large ratings file and data set")
    parser.add_argument("--epochs", type=int, default=15, help="of each equal job of the sweep: 4 to 5 s")
    arguments = parser.parse_args()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for part in arguments.parts or PARTS:
        figures = PARTS[part](arguments)
        show(part, figures)
        write_json(OUTPUT / f"{part}.json", [asdict(figure) for figure in figures])
        sys.stdout.write(f"{OUTPUT / part}.json\n")


if __name__ == "__main__":
    main()
