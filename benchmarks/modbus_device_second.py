"""What a device costs per second of operation: read, decoded, decided, held and shown a heartbeat, beside pymodbus with pysunspec2.

Run with ``python -m benchmarks --only modbus_device_second``. Ours is the whole appliance with sites of ten; the peer makes the very
requests that ours makes. Every window is a fresh process on a core that the devices do not use.
"""

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.modbus.fleet import LOOPS, Account, Task
from benchmarks.modbus.stand import Asked, Stand, stand
from benchmarks.row import Row

PEER, BARE, BOUND = "pymodbus + pysunspec2", "pymodbus", "bound"
CPU, REQUESTS_CPU = 0.6, 0.5
"""The largest shares of the peer's CPU that are good enough: of everything, of the requests alone."""

LATE_MS, KB_EACH = 100.0, 100.0
MANY: Final = 1000
PATIENCE_S: Final = 60.0
ROUNDS, WINDOW_S = 2, 10.0
FEW: Final = (10, 100)
SHORT_ROUNDS, SHORT_S = 2, 3.0
REACH, STEP, TOP = 1500, 250, 2500
"""Of the largest fleet that is on time: how many it should be, and how finely it is sought."""

Request = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Fleets:
    """Plays sides, each in a process of its own, and checks what they asked for."""

    ends: Stand
    folder: str

    def play(
        self, side: str, loop: str, devices: int, window_s: float, requests: tuple[Request, ...] = ()
    ) -> tuple[Account, Asked]:
        """One window."""
        task = Task(side, loop, devices, window_s, self.ends.spans, self.folder, requests)
        command = [sys.executable, "-m", "benchmarks.modbus.fleet"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own module
            assert process.stdin is not None
            assert process.stdout is not None
            # A side that hangs breaks its benchmark and holds no other.
            guard = threading.Timer(window_s + PATIENCE_S, process.kill)
            guard.start()
            for word, line in ((b"begun\n", json.dumps(asdict(task)).encode()), (b"over\n", b"")):
                process.stdin.write(line + b"\n")
                process.stdin.flush()
                said = process.stdout.readline()
                assert said == word, (task, said)
                asked = self.ends.asked()
            plain = json.loads(process.communicate(b"\n")[0])
            guard.cancel()
        return Account(**{**plain, "late_ms": tuple(plain["late_ms"])}), asked


def run() -> list[dict[str, Any]]:
    """Rows per number of devices and loop. Raises AssertionError if a side asked for or understood other things."""
    build = Path("build")
    build.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=build.resolve()) as folder, stand() as ends:
        fleets = Fleets(ends, folder)
        account, asked = fleets.play("ours", "uvloop", FEW[0], SHORT_S)
        requests = tuple(sorted(one for one, times in asked.items() if times > account.cycles / 2))
        rows = [row for loop in LOOPS for row in _many(fleets, loop, requests)]
        rows += [row for devices in FEW for row in _few(fleets, devices, requests)]
        return [*rows, _most(fleets)]


def _many(fleets: Fleets, loop: str, requests: tuple[Request, ...]) -> list[dict[str, Any]]:
    ours, peer, links, clients = ([] for _ in range(4))
    for _ in range(ROUNDS):
        ours.append(_checked(fleets.play("ours", loop, MANY, WINDOW_S), requests))
        peer.append(_checked(fleets.play("peer", loop, MANY, WINDOW_S, requests), requests))
        links.append(_checked(fleets.play("links", loop, MANY, SHORT_S, requests), requests))
        clients.append(_checked(fleets.play("clients", loop, MANY, SHORT_S, requests), requests))
    _check_same(ours, peer)
    case = f"{MANY} devices"
    bounds = [1.0] * ROUNDS
    return [
        _row(case, "us CPU", _cpu(ours), _cpu(peer), PEER, CPU, loop),
        _row(f"{case}, requests alone", "us CPU", _cpu(links), _cpu(clients), BARE, REQUESTS_CPU, loop),
        _row(f"{case}, p99 late", "ms", _late(ours), [LATE_MS * one for one in bounds], BOUND, 1.0, loop),
        _row(f"{case}, memory of each", "KB", _memory(ours), [KB_EACH * one for one in bounds], BOUND, 1.0, loop),
    ]


def _few(fleets: Fleets, devices: int, requests: tuple[Request, ...]) -> list[dict[str, Any]]:
    ours, peer = [], []
    for _ in range(SHORT_ROUNDS):
        ours.append(_checked(fleets.play("ours", "uvloop", devices, SHORT_S), requests))
        peer.append(_checked(fleets.play("peer", "uvloop", devices, SHORT_S, requests), requests))
    _check_same(ours, peer)
    case = f"{devices} devices"
    return [
        _row(case, "us CPU", _cpu(ours), _cpu(peer), PEER, CPU, "uvloop"),
        _row(f"{case}, p99 late", "ms", _late(ours), [LATE_MS] * SHORT_ROUNDS, BOUND, 1.0, "uvloop"),
    ]


def _most(fleets: Fleets) -> dict[str, Any]:
    """The largest fleet that is on time, as the mean distance between two devices' polls."""
    most = _largest(lambda devices: fleets.play("ours", "uvloop", devices, SHORT_S)[0])
    case = f"largest on time: {most} devices"
    return _row(case, "ms apart", [1e3 / max(most, 1)] * 2, [1e3 / REACH] * 2, f"{REACH} devices", 1.0, "uvloop")


def _largest(play: Callable[[int], Account]) -> int:
    """In steps, up or down from where it should be; a size that fails is tried once more, for other work on the machine may have
    delayed it.
    """

    def is_on_time(devices: int) -> bool:
        return any(play(devices).late_ms[1] < LATE_MS for _ in range(2))

    if is_on_time(REACH):
        return next((most - STEP for most in range(REACH + STEP, TOP + STEP, STEP) if not is_on_time(most)), TOP)
    return next((most for most in range(REACH - STEP, 0, -STEP) if is_on_time(most)), 0)


def _checked(played: tuple[Account, Asked], requests: tuple[Request, ...]) -> Account:
    """Every cycle made these requests, and next to nothing else was asked. Cycles under way at either end of the window count once in one
    account and not in the other."""
    account, asked = played
    assert account.cycles > 0, account
    for request in requests:
        assert abs(asked[request] / account.cycles - 1) < 0.25, (request, asked, account.cycles)
    others = asked.total() - sum(asked[request] for request in requests)
    assert others < 0.1 * asked.total(), asked
    return account


def _check_same(ours: Sequence[Account], peer: Sequence[Account]) -> None:
    """Both understood the same. Power moves from second to second by less than 80 W, and the limit held with it by a step or two."""
    mine, theirs = ({tuple(value[1:-1]) for one in side for value in one.values} for side in (ours, peer))
    assert mine == theirs, (mine, theirs)
    held = {value[-1] for one in (*ours, *peer) for value in one.values}
    assert max(held) - min(held) <= 40, held
    powers = {value[0] for one in (*ours, *peer) for value in one.values}
    assert all(abs(power - 5000) < 80 for power in powers), powers


def _cpu(side: Sequence[Account]) -> list[float]:
    """Per cycle of one device, us."""
    return [1e6 * one.cpu_s / one.cycles for one in side]


def _late(side: Sequence[Account]) -> list[float]:
    """p99 of all windows together is not kept; the worst of them stands for each."""
    return [max(one.late_ms[1] for one in side)] * len(side)


def _memory(side: Sequence[Account]) -> list[float]:
    return [one.bytes_each / 1e3 for one in side]


def _row(
    case: str, unit: str, ours: list[float], theirs: list[float], peer: str, goal: float, loop: str
) -> dict[str, Any]:
    return Row("modbus_device_second", case, unit, ours, theirs, peer, goal, loop).plain()


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
