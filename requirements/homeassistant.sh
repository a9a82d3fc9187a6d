#!/bin/sh
# A real Home Assistant as a test peer, in an environment of its own: $1 = where. It pins its own Python, and so cannot live in ours.
# Where uv is at hand ($UV) it installs in a minute; pip takes ten.
set -eu
place="$1"
[ -x "$place/bin/hass" ] && [ -f "$place/.whole" ] && exit 0
for pair in 3.13=2025.4.4 3.12=2025.1.4; do
    minor="${pair%=*}" version="${pair#*=}"
    for candidate in "${PYTHON:-}" "python$minor" "$HOME"/.pyenv/versions/"$minor".*/bin/python; do
        command -v "${candidate:-/nowhere}" >/dev/null 2>&1 || continue
        "$candidate" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$minor')" 2>/dev/null || continue
        echo "homeassistant: $version in $place with $("$candidate" --version); some minutes"
        rm -rf "$place"
        "$candidate" -m venv "$place"
        if [ -x "${UV:-}" ]; then
            install="$UV pip install --quiet --python $place/bin/python"
        else
            install="$place/bin/python -m pip install --quiet"
        fi
        $install "homeassistant==$version"
        constraints="$("$place/bin/python" -c "import homeassistant as h, os; print(os.path.dirname(h.__file__))")/package_constraints.txt"
        # What its integrations for tests want, which it would fetch by itself when it starts.
        $install -c "$constraints" home-assistant-frontend SQLAlchemy Pillow ifaddr securetar cronsim fnv-hash-fast \
            psutil-home-assistant
        touch "$place/.whole"
        exit 0
    done
done
echo "homeassistant: no Python 3.13 or 3.12 was found (PYTHON=/path/to/python3.13)" >&2
exit 1
