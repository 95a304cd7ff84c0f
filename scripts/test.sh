#!/usr/bin/env bash
# Set up, then lint, types, tests: bash scripts/test.sh [pytest arguments]. With arguments: the tests alone.
# --lowest or --newest before them: the tests with the lowest or newest versions that pyproject.toml allows.
set -eu
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
versions=""
case "${1:-}" in --lowest|--newest) versions="${1#--}"; shift ;; esac
setup dev "$versions"
cd "$ROOT"
if [ $# -eq 0 ]; then
  if [ -z "$versions" ]; then  # other versions of the tools have other opinions
    .venv/bin/ruff check .
    .venv/bin/ruff format --check --quiet . || { echo "fix: .venv/bin/ruff format ." >&2; exit 1; }
    .venv/bin/mypy
  fi
  set -- -n auto --dist worksteal  # a process per core; neighbours stay together, and so do the runs that they share
fi
exec "$PYTHON_HERE" -m pytest "$@"
