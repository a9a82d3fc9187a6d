#!/bin/sh
# Makes $VENV once per lock file, interpreter and place; what was interrupted, moved or damaged is made anew.
set -eu
cd "$(dirname "$0")/.."
venv=${VENV:-.venv}

say() {
    printf '%s\n' "$*" >&2
}

fit() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

choose() {
    if [ -n "${PYTHON:-}" ]; then
        if fit "$PYTHON"; then
            command -v "$PYTHON"
            return
        fi
        say "setup: PYTHON=$PYTHON is not a Python 3.11 or later; name another one: make PYTHON=/path/to/python3.11 ..."
        return 1
    fi
    for candidate in python3 python3.13 python3.12 python3.11; do
        if fit "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    found=$(python3 --version 2>/dev/null || echo "no python3")
    say "setup: Python 3.11 or later is needed and there is $found; install one, or name it: make PYTHON=/path/to/python3.11 ..."
    return 1
}

python=$(choose)
key=$(
    "$python" - <<'PY'
import hashlib, os, pathlib, sys

place = f"{os.getcwd()} {sys.version} {sys.base_prefix}".encode()
files = [pathlib.Path(name).read_bytes() for name in ("requirements/dev.lock", "pyproject.toml")]
print(hashlib.sha256(b"\0".join([place, *files])).hexdigest()[:16])
PY
)
stamp="$venv/ready-$key"
if [ -e "$stamp" ] && "$venv/bin/python" -c '' >/dev/null 2>&1; then
    exit 0
fi

say "setup: making $venv with $("$python" --version) (once per lock file; a few minutes at most)"
rm -rf "$venv"
if ! "$python" -m venv "$venv"; then
    rm -rf "$venv"
    say "setup: this Python cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv"
    exit 1
fi
pip() {
    "$venv/bin/python" -m pip --disable-pip-version-check --no-input "$@"
}
# One pure Python package is published as source alone; of everything else a wheel, so that no compiler is needed.
pip install -qq --require-hashes --only-binary :all: --no-binary yattag -r requirements/dev.lock
pip install -qq --no-deps --no-build-isolation --editable .
: >"$stamp"
say "setup: done; the command is $venv/bin/osed"
