"""The process of one plug-in: finds the function, makes its steps, and says what came of them.

``python -m gateway.guests.worker NAME FD BYTES``: its line to the gateway, and how much address space it may have; ``--check NAME``
judges options instead. It blocks, for there is nobody else here to wait for, and ends with the gateway.
"""

import ctypes
import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from typing import Any

from gateway.config.options import structured
from gateway.guests import words
from gateway.guests.confinement import confine
from gateway.ledger.codec import Codec
from grid_functions.admission import MOST
from grid_functions.catalogue import Maker, folders_of, load_plug_in
from grid_functions.guest import GuestOptions, Keepsake, Turn
from grid_functions.machines import Machine
from grid_functions.model.errors import ConfigurationFault

_PR_SET_PDEATHSIG = 1


def main(name: str, number: int, memory: int) -> None:
    """Serve until the gateway closes its end."""
    _tie_to_parent()
    _stand_back()
    with socket.socket(fileno=number) as line:
        line.sendall(words.framed(words.told(words.Confined(confine(memory, folders_of(name))))))
        maker = load_plug_in(name)
        line.sendall(words.framed(words.ready(name, maker.channels)))
        places: dict[str, _Place] = {}
        while (body := _frame(line)) is not None:
            turn_number, fresh, turn = words.read_turn(body)
            if fresh:
                places.pop(turn.options.place, None)
            line.sendall(words.framed(_answer(maker, places, turn_number, turn)))


class _Place:
    """The function at one site or area, and its state between turns."""

    def __init__(self, maker: Maker, options: GuestOptions, own: Keepsake | None) -> None:
        self.options = options
        self.function: Machine = maker.build(structured(maker.options, options.settings))
        self.state: Any = self.function.empty()
        durable = getattr(self.state, "durable", None)
        self._codec = Codec(() if durable is None else (type(durable),))
        if own is not None and durable is not None:
            kept = self._codec.decode(own.kind, own.version, own.body.encode())
            self.state = replace(self.state, durable=kept)

    def step(self, turn: Turn) -> tuple[tuple[Any, ...], Keepsake | None]:
        """One step; the state goes on only if nothing raised."""
        done = self.function.step(self.state, turn.inputs, turn.now)  # type: ignore[arg-type]  # of a site or an area, as it was named
        said = tuple(done.outputs)
        durable = getattr(done.state, "durable", None)
        own = None
        if durable is not None:
            kind, version, body = self._codec.encode(durable)
            own = Keepsake(kind, version, body.decode())
        self.state = done.state
        return said, own


def _answer(maker: Maker, places: dict[str, _Place], number: int, turn: Turn) -> bytes:
    where = turn.options.place
    try:
        if where not in places or places[where].options != turn.options:
            places[where] = _Place(maker, turn.options, turn.own)
        outputs, own = places[where].step(turn)
        if len(outputs) > MOST:
            # The gateway would not take them either; this is only quicker than to put them into words.
            return words.told(
                words.Report(number, fault=f"{len(outputs)} outputs in one step: at most {MOST} are taken")
            )
        return words.stepped(number, outputs, own)
    except Exception as broken:
        # A function may raise whatever it likes: that is an answer too.
        text = f"function raised {type(broken).__name__}: {broken}"
        return words.told(words.Report(number, fault=text[:500]))


def _frame(line: socket.socket) -> bytes | None:
    head = _exactly(line, words.HEAD)
    return None if head is None else _exactly(line, int.from_bytes(head, "big"))


def _exactly(line: socket.socket, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        part = line.recv(size - len(parts))
        if not part:
            return None
        parts += part
    return bytes(parts)


def _stand_back() -> None:
    """Behind the gateway when there is little to go round."""
    with suppress(OSError, ValueError):
        os.nice(5)
    with suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:
        score.write("1000")


def _tie_to_parent() -> None:
    """Whoever loops for ever does not see the socket close: Linux kills it when the gateway is gone, elsewhere a thread looks."""
    parent = os.getppid()
    if sys.platform == "linux" and ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) == 0:
        if os.getppid() != parent:
            os._exit(1)
        return

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()


def check(name: str) -> None:
    """Read options from standard input; ends with 1, and what is wrong with them, line by line, if they are none."""
    confine(0, folders_of(name))
    try:
        structured(load_plug_in(name).options, sys.stdin.read())
    except ConfigurationFault as fault:
        sys.exit("\n".join(fault.mistakes))


if __name__ == "__main__":
    if sys.argv[1] == "--check":
        check(sys.argv[2])
    else:
        main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
