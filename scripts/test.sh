#!/usr/bin/env bash
# Set up, then lint, types, tests: bash scripts/test.sh [pytest arguments]. With arguments: the tests alone.
set -eu
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
setup dev
cd "$ROOT"
if [ $# -eq 0 ]; then
  .venv/bin/ruff check .
  .venv/bin/ruff format --check --quiet . || { echo "fix: .venv/bin/ruff format ." >&2; exit 1; }
  .venv/bin/mypy
  set -- -n auto --dist worksteal  # a process per core; neighbours stay together, and so do the runs that they share
fi
exec "$PYTHON_HERE" -m pytest "$@"
