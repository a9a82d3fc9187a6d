"""Options of plug-ins, judged before the gateway runs: each in a process of its own, since nobody else can read them."""

import json
import subprocess
import sys
from collections.abc import Iterator

from gateway.config.parts import PlugIns
from gateway.config.schema import Configuration
from gateway.guests.process import NOWHERE, environment

_PATIENCE_S = 20.0


def mistakes(configuration: Configuration) -> Iterator[str]:
    """What is wrong with the options of every plug-in that is named, or with the plug-in itself."""
    for site in configuration.sites:
        yield from _of(f"site {site.name}", site.plug_ins)
    for area in configuration.areas:
        yield from _of(f"area {area.name}", area.plug_ins)


def _of(place: str, wanted: PlugIns) -> Iterator[str]:
    for name, options in wanted.items():
        try:
            done = subprocess.run(  # noqa: S603  # our own module; the name is an entry point's
                [sys.executable, "-P", "-m", "gateway.guests.worker", "--check", name],
                input=json.dumps(options),
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=_PATIENCE_S,
                env=environment(),
                cwd=NOWHERE,
            )
        except subprocess.TimeoutExpired:
            yield f"{place}: plug_ins.{name}: it does not load within {_PATIENCE_S:g} s"
            continue
        if done.returncode:
            said = done.stderr.strip().splitlines()[-5:] or [f"its process ended with code {done.returncode}"]
            yield from (f"{place}: plug_ins.{name}: {line[:300]}" for line in said)
