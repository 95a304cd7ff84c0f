# Sourced by train.sh and test.sh: a .venv with the package and the exact versions that the tests pass with.
# A second call installs nothing: a stamp holds the digest of what the installation was made from.
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)" || exit 6
PYTHON_HERE="$ROOT/.venv/bin/python"

setup() {  # setup [extra]
  local extra="${1:-}" target="$ROOT" stamp digest python="${PYTHON:-python3}"
  [ -n "$extra" ] && target="$ROOT[$extra]"
  stamp="$ROOT/.venv/.installed${extra:+-$extra}"
  digest=$(cat "$ROOT/pyproject.toml" "$ROOT/constraints.txt" | cksum)
  [ "$(cat "$stamp" 2>/dev/null)" = "$digest" ] && return
  if ! "$PYTHON_HERE" -m pip --version >/dev/null 2>&1; then  # absent, or left half-made
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
      echo "hydrarec needs Python 3.11 or newer; found $("$python" --version 2>&1)" >&2
      echo "  fix: PYTHON=python3.11 bash $0" >&2
      exit 6
    }
    echo "making $ROOT/.venv" >&2
    "$python" -m venv --clear "$ROOT/.venv" || exit 6
  fi
  echo "installing hydrarec${extra:+ with $extra} (once; some minutes)" >&2
  # pip shows its progress on a terminal and nothing but errors elsewhere
  "$PYTHON_HERE" -m pip install $([ -t 2 ] || echo --quiet) --disable-pip-version-check \
    -c "$ROOT/constraints.txt" -e "$target" || exit 6
  echo "$digest" > "$stamp"
}
