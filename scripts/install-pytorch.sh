#!/usr/bin/env bash
# Installs PyTorch, the judge of the numerics tests, into a virtual environment of its own (5 GB, some minutes), and prints the
# path of its Python on the last line: FTCTL_PYTHON for the tests. Does nothing where it is installed already.
#
#     scripts/install-pytorch.sh [FOLDER]      (default: .tmp/pytorch)
set -euo pipefail
cd "$(dirname "$0")/.."
requirements=test/numerics/requirements.txt
folder=${1:-.tmp/pytorch}
if ! cmp -s "$requirements" "$folder/requirements.txt"; then
  if ! python3 -m venv --clear "$folder" 2>/dev/null; then
    # Debian's python3 has no venv of its own.
    apt-get install -y --no-install-recommends python3-venv
    python3 -m venv --clear "$folder"
  fi
  "$folder/bin/pip" install --disable-pip-version-check --no-input --quiet -r "$requirements"
  cp "$requirements" "$folder/requirements.txt"
fi
realpath -s "$folder/bin/python"
