#!/usr/bin/env bash
# Set up and train: bash scripts/train.sh [overrides]. With no argument: biased_dot on ml-100k.
set -u
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
setup
exec "$PYTHON_HERE" -m hydrarec.cli.train "$@"
