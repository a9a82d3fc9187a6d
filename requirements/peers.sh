#!/bin/sh
# Environments of their own for peers that cannot live in ours: $1 = where, $2 = its name, $3 = least Python, the rest = what to install.
# Does nothing when it is there; says why when no such Python is found, and fails nothing: the tests then skip with a reason.
set -eu
place="$1/$2" least="$3"
shift 3
[ -x "$place/bin/python" ] && exit 0
minor="${least#3.}"
for candidate in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11 \
    "$HOME"/.pyenv/versions/3.1[0-9]*/bin/python /usr/bin/python3; do
    command -v "$candidate" >/dev/null 2>&1 || continue
    if "$candidate" -c "import sys; sys.exit(not (3, $minor) <= sys.version_info < (3, 15))" 2>/dev/null; then
        echo "peers: $place with $("$candidate" --version)"
        rm -rf "$place"
        "$candidate" -m venv "$place"
        # What fails half-way must not pass for installed.
        "$place/bin/python" -m pip install --quiet "$@" || { rm -rf "$place"; exit 1; }
        exit 0
    fi
done
echo "peers: no Python $least or later (and before 3.15) was found for $*" >&2
