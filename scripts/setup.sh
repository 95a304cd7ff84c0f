# Sourced by train.sh and test.sh: a .venv with the package and the exact versions that the tests pass with.
# A second call installs nothing: a stamp holds the digest of what the installation was made from.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 6

setup() {  # setup [extra]
  local extra="${1:-}" target="." stamp digest python="${PYTHON:-python3}"
  [ -n "$extra" ] && target=".[$extra]"
  if [ ! -x .venv/bin/python ]; then
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
      echo "hydrarec needs Python 3.11 or newer; found $("$python" --version 2>&1)" >&2
      echo "  to go on: PYTHON=python3.11 bash $0" >&2
      exit 6
    }
    echo "making .venv" >&2
    "$python" -m venv .venv || exit 6
  fi
  digest=$(cat pyproject.toml constraints.txt | cksum)
  stamp=".venv/.installed${extra:+-$extra}"
  if [ "$(cat "$stamp" 2>/dev/null)" != "$digest" ]; then
    echo "installing hydrarec${extra:+ with $extra} (once; some minutes)" >&2
    # pip shows its progress on a terminal and nothing but errors elsewhere
    .venv/bin/python -m pip install $([ -t 2 ] || echo --quiet) --disable-pip-version-check -c constraints.txt -e "$target" || exit 6
    echo "$digest" > "$stamp"
  fi
}
