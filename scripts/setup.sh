# Sourced by train.sh and test.sh: a .venv with the package and the exact versions that the tests pass with.
# A second call installs nothing: a stamp holds the digest of what the installation was made from.
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)" || exit 6

setup() {  # setup [extra [lowest|newest]]: sets PYTHON_HERE; lowest and newest have an environment of their own
  local extra="${1:-}" versions="${2:-}" target="$ROOT" constraints="$ROOT/constraints.txt" environment stamp digest
  [ -n "$extra" ] && target="$ROOT[$extra]"
  environment="$ROOT/.venv${versions:+-$versions}"
  PYTHON_HERE="$environment/bin/python"
  stamp="$environment/.installed${extra:+-$extra}"
  digest=$(cat "$ROOT/pyproject.toml" "$constraints" | cksum)
  [ "$(cat "$stamp" 2>/dev/null)" = "$digest" ] && return
  "$PYTHON_HERE" -m pip --version >/dev/null 2>&1 || make_environment "$environment"  # absent, or left half-made
  if [ -n "$versions" ]; then
    resolve "$versions" "$extra" "$environment/constraints.txt"
    constraints="$environment/constraints.txt"
  fi
  echo "installing hydrarec${extra:+ with $extra}${versions:+ at the $versions versions} (once; some minutes)" >&2
  # pip shows its progress on a terminal and nothing but errors elsewhere
  "$PYTHON_HERE" -m pip install $([ -t 2 ] || echo --quiet) --disable-pip-version-check \
    -c "$constraints" -e "$target" || exit 6
  echo "$digest" > "$stamp"
}

make_environment() {
  local python="${PYTHON:-python3}"
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "hydrarec needs Python 3.11 or newer; found $("$python" --version 2>&1)" >&2
    echo "  fix: PYTHON=python3.11 bash $0" >&2
    exit 6
  }
  echo "making $1" >&2
  "$python" -m venv --clear "$1" || exit 6
}

resolve() {  # resolve lowest|newest extra FILE: the lowest or newest versions that pyproject.toml allows
  local resolution=highest
  [ "$1" = lowest ] && resolution=lowest-direct
  "$PYTHON_HERE" -m pip install --quiet --disable-pip-version-check uv || exit 6
  # torch stays as it is pinned: another one is gigabytes of CUDA
  "$PYTHON_HERE" -m uv pip compile --quiet "$ROOT/pyproject.toml" --extra "$2" --resolution "$resolution" \
    --python "$PYTHON_HERE" --no-annotate --no-header -c <(grep '^torch==' "$ROOT/constraints.txt") -o "$3" || exit 6
}
