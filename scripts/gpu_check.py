"""What only a GPU can show, in one run: python scripts/gpu_check.py --out DIR [--seconds 470] [--only PART …].

Rehearse it without a GPU: --device cpu --tiny. Each part writes what it found to DIR/results.json as soon as it has it;
a part that fails costs the others nothing. DIR/table.md is the same for people.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path


def main() -> int:
    """Run the parts; 1 if one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("outputs/gpu_check"))
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--tiny", action="store_true", help="small data, for a rehearsal")
    parser.add_argument("--seconds", type=float, default=470.0, help="start no part that would end later")
    parser.add_argument("--only", nargs="*", default=[], metavar="PART")
    arguments = parser.parse_args()
    os.environ.setdefault("HYDRAREC_CACHE_DIR", tempfile.mkdtemp())
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read with the first handle; bit-equal runs need it
    from gpu import agreement, harness, machine, speed, training, waits

    harness.prepare(arguments)
    parts = [*machine.PARTS, *agreement.PARTS, *training.PARTS, *waits.PARTS, *speed.PARTS, *training.SEVERAL]
    return harness.run_parts(parts, arguments)


if __name__ == "__main__":
    sys.exit(main())
