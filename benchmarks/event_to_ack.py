"""From the last byte of a changed DERControlList to the acknowledged write that takes effect, beside a blocking script and a peer chain.

Run with ``python -m benchmarks --only event_to_ack``. Ours is the whole appliance (session, timeline, decision, ledger, driver); the floor
makes the same requests and commits from one blocking script; the peer is py20305's client and models with pymodbus' asynchronous client and
plain sqlite3 (FULL). All sides answer with the same Responses and write the same registers, which is checked event by event. Wall is
measured by the far ends' one clock; CPU is the side's own process, threads included, over the whole event. Sides take turns within each
round; the ratio is the median of the rounds' ratios, the spread the distance between its quartiles.
"""

import asyncio
import gc
import json
import statistics
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.event import blocking, chain, play, product
from benchmarks.event.stand import Played, Stand, check, recipe, stand
from benchmarks.row import Row

FLOOR, CHAIN = "blocking script", "py20305 + pymodbus"
GOALS = {FLOOR: 2.5, CHAIN: 1 / 3}
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}
ROUNDS = 4


def run() -> list[dict[str, Any]]:
    """Rows per loop, measure and peer. Raises AssertionError if any side wrote or answered otherwise."""
    # Not the memory file system: a commit is to reach a disk.
    build = Path("build")
    build.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=build.resolve()) as folder, stand(Path(folder)) as ends:
        rounds = [_round(ends, Path(folder) / str(number)) for number in range(ROUNDS)]
    return [
        _row(rounds, case, unit, measure, peer, loop)
        for loop in LOOPS
        for peer in GOALS
        for case, unit, measure in (
            ("tightening, p50", "ms", lambda played: _p50_ms(played, True)),
            ("loosening, p50", "ms", lambda played: _p50_ms(played, False)),
            ("one event", "ms CPU", lambda played: 1e3 * played.cpu_s),
        )
    ]


def _round(ends: Stand, folder: Path) -> dict[tuple[str, str], Played]:
    folder.mkdir()
    played: dict[tuple[str, str], Played] = {}
    for loop in LOOPS:
        played["ours", loop] = _awaited(product.perform(ends, folder / f"ours-{loop}"), loop)
    of = recipe(played["ours", "asyncio"].account)
    _settle()
    floor = blocking.perform(ends, of, folder / "floor.db")
    for loop in LOOPS:
        played[FLOOR, loop] = floor
        played[CHAIN, loop] = _awaited(chain.perform(ends, of, folder / f"chain-{loop}.db"), loop)
    check({f"{side}, {loop}": one for (side, loop), one in played.items()})
    return played


def _awaited(side: Coroutine[Any, Any, Played], loop: str) -> Played:
    _settle()
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(side)


def _settle() -> None:
    """What others left behind is nobody's to collect while timed."""
    gc.collect()
    gc.freeze()


def _p50_ms(played: Played, tightens: bool) -> float:
    return 1e3 * statistics.median(played.wall_s(tightens))


def _row(
    rounds: list[dict[tuple[str, str], Played]],
    case: str,
    unit: str,
    measure: Callable[[Played], float],
    peer: str,
    loop: str,
) -> dict[str, Any]:
    ours = [measure(one["ours", loop]) for one in rounds]
    theirs = [measure(one[peer, loop]) for one in rounds]
    return Row("event_to_ack", f"{case}, {play.TIMED} events", unit, ours, theirs, peer, GOALS[peer], loop).plain()


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
