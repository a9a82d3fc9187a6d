"""What a minute of an idle EndDevice costs: our appliance beside py20305's own client, both as processes at our utility server.

Run with ``python -m benchmarks --only cycle_cost``; it takes two and a half minutes, for a cycle is the 60 s at which everything is polled.
CPU: one session, and a whole appliance with a site for it, beside the mean of ten of the peer's processes. Memory: an appliance with ten
EndDevices beside all ten, each page that processes share counted once. Checked: every side knows the very controls that the server made,
and has polled in each cycle.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.cycles.ends import CYCLE_S
from benchmarks.far_end import FarEnd, far_end
from benchmarks.row import Row
from certs.dev_ca import authority, issue, write
from certs.identity import identify

DEVICES: Final = 10
ROUNDS: Final = 2
GOAL_CPU, GOAL_MEMORY = 1 / 3, 1 / 5
PEER: Final = "py20305's client"
MOST_START_S: Final = 60.0
REST_S: Final = 20.0
"""After all know everything: what was read is decided on and answered first, which is no idle minute of anybody's."""

LEAST_GETS: Final = 3
"""Of each EndDevice in a cycle: the list of programs, their controls, their default."""


def run() -> list[dict[str, Any]]:
    """Three rows. Raises AssertionError if a side did not poll, or knows other controls."""
    build = Path("build")
    build.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=build.resolve()) as folder, ExitStack() as stack:
        lfdis = _certified(Path(folder))
        names = list(lfdis)
        end = stack.enter_context(far_end("benchmarks.cycles.ends", folder, *lfdis.values(), alone=False))
        told = json.loads(end.answers.readline())

        def held(side: str, *arguments: str) -> FarEnd:
            return stack.enter_context(far_end(f"benchmarks.cycles.{side}", *arguments, alone=False))

        where = folder, str(told["port"])
        sides = [
            held("product", "session", *where, names.pop()),
            held("product", "appliance", *where, names.pop()),
            held("product", "appliance", *where, *(names.pop() for _ in range(DEVICES))),
            *(held("peer", *where, name) for name in names),
        ]
        for side in sides:
            _settle(side, told["mrids"])
        time.sleep(REST_S)
        cycles = [_cycle(end, sides, list(lfdis.values())) for _ in range(ROUNDS)]
        over = [_asked(side, "all") for side in sides]
        assert all(one["mrids"] == told["mrids"] for one in over)
    peers_ms = [statistics.mean(cycle[3:]) for cycle in cycles]
    sizes = [one["bytes"] / 2**20 for one in over]
    return [
        _row("session of one EndDevice, 60 s", "ms CPU", [one[0] for one in cycles], peers_ms, PEER, GOAL_CPU),
        _row("appliance of one EndDevice, 60 s", "ms CPU", [one[1] for one in cycles], peers_ms, PEER, GOAL_CPU),
        _row(
            "appliance of ten EndDevices",
            "MiB",
            [sizes[2]] * ROUNDS,
            [sum(sizes[3:])] * ROUNDS,
            f"ten of {PEER}",
            GOAL_MEMORY,
        ),
    ]


def _row(
    case: str, unit: str, ours: Sequence[float], theirs: Sequence[float], peer: str, goal: float
) -> dict[str, Any]:
    return Row("cycle_cost", case, unit, ours, theirs, peer, goal, "asyncio").plain()


def _certified(folder: Path) -> dict[str, str]:
    """Files for the server and each EndDevice; their LFDIs by name."""
    now = datetime.now(UTC)
    root = authority("bench", now)
    write(issue(root, "server", now, hosts=["127.0.0.1"]), folder, "server")
    names = [f"d{number}" for number in range(2 * DEVICES + 2)]
    for name in names:
        write(issue(root, name, now), folder, name)
    return {name: identify((folder / f"{name}.chain.pem").read_bytes()).lfdi for name in names}


def _asked(side: FarEnd, what: str) -> dict[str, Any]:
    side.commands.write(f"{what}\n".encode())
    side.commands.flush()
    told: dict[str, Any] = json.loads(side.answers.readline())
    return told


def _settle(side: FarEnd, mrids: Sequence[str]) -> None:
    """Returns once it knows all controls."""
    before_s = time.monotonic()
    while _asked(side, "all")["mrids"] != mrids:
        assert time.monotonic() - before_s < MOST_START_S, side
        time.sleep(0.5)


def _cycle(end: FarEnd, sides: Sequence[FarEnd], lfdis: Sequence[str]) -> list[float]:
    """CPU milliseconds of each side in a cycle."""
    _asked(end, "gets")
    before = [_asked(side, "cpu")["cpu_s"] for side in sides]
    time.sleep(CYCLE_S)
    after = [_asked(side, "cpu")["cpu_s"] for side in sides]
    gets = _asked(end, "gets")
    assert all(gets.get(lfdi, 0) >= LEAST_GETS for lfdi in lfdis), gets
    return [1e3 * (two - one) for one, two in zip(before, after, strict=True)]


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
