"""One plug-in's process: begun, asked one turn at a time, listened to, and killed when it does not keep to the bargain."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog

from gateway.child import begun
from gateway.guests import words
from gateway.guests.confinement import Layer
from grid_functions.guest import STEP_S, Failed, Stepped, Turn
from grid_functions.letters import Shapes
from grid_functions.model.errors import PeerFault, Unreachable

_log = structlog.get_logger("plug-in")

_KEPT_ENVIRONMENT = ("PYTHONPATH", "PYTHONHOME", "LANG", "LC_ALL", "TZ")
"""What a stranger's code is told of the gateway's environment: where packages are, and how people write."""

_SET_ENVIRONMENT = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"), "1"
)
"""Each thread of a linear algebra library reserves address space, of which there is little; what is printed is told at once; and there is
nowhere to write bytecode to.
"""

NOWHERE = "/"
"""Its working directory: none of the gateway's."""

_SPOKEN_PER_S = 65_536
"""Bytes of what it prints that are read in a second; who prints more waits, and may miss its turn."""

_FIRST = 4
"""The first turn of a place may take so many times as long: options are read then, and what was kept."""

_SHORT = 16_384
"""Bytes of an answer that are read in a millisecond or two."""

_ENDS_S = 10.0
"""How long a process that closed its line may take to end: its code says more than that it is gone."""

_LINES_PER_S = 20
_LINE = 300


@dataclass(frozen=True, slots=True)
class Terms:
    """``step_s``: for a turn; ``start_s``: until it is ready; ``memory``: address space in bytes, 0 = as much as there is.

    ``rest_s``: before it is begun again after one failure, doubled with each in a row up to a minute.
    """

    step_s: float = STEP_S
    start_s: float = 20.0
    memory: int = 1 << 30
    rest_s: float = 1.0


class GuestProcess:
    """Made by :func:`begin`."""

    def __init__(
        self,
        name: str,
        terms: Terms,
        child: asyncio.subprocess.Process,
        line: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self.name = name
        self.pid = child.pid
        self.known: set[str] = set()
        self.layers: tuple[Layer, ...] = ()
        self.channels: Shapes = {}
        self._terms = terms
        self._child = child
        self._reader, self._writer = line
        self._turns = 0
        self._spoken = asyncio.create_task(self._listen(), name=f"plug-in {name}")

    @property
    def ended(self) -> bool:
        """Whether it is gone."""
        return self._child.returncode is not None or self._reader.at_eof()

    async def turn(self, turn: Turn) -> Stepped | Failed:
        """What came of it, unjudged. Raises Unreachable when it ended or was late, PeerFault for nonsense: then it is of no more use."""
        self._turns += 1
        place = turn.options.place
        fresh = place not in self.known
        self.known.discard(place)
        limit_s = self._terms.step_s * (_FIRST if fresh else 1)
        answer = await self._within(self._exchange(words.asked(self._turns, turn, fresh=fresh)), limit_s, "no answer")
        # A long answer takes long to read: then in a thread, which holds up the loop for moments only.
        long = len(answer) > _SHORT
        done = (
            await asyncio.to_thread(words.read_report, answer, self._turns)
            if long
            else words.read_report(answer, self._turns)
        )
        if isinstance(done, Stepped):
            self.known.add(place)
        return done

    async def ready(self) -> None:
        """Returns once it is confined and can be asked; its letters are known then. Raises as :meth:`turn`."""
        # What holds is told before any of the package's code could say otherwise.
        self.layers = words.read_confined(await self._within(self._frame(), self._terms.start_s, "not begun"))
        self.channels = words.read_ready(await self._within(self._frame(), self._terms.start_s, "not begun"))

    async def kill(self) -> None:
        """It and whatever it has begun itself."""
        # It leads a session of its own, so nothing of ours is in its group.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()
        await self._child.wait()
        # What it said last says why; a grandchild that left the group may hold the pipe open.
        await asyncio.wait({self._spoken}, timeout=0.2)
        self._spoken.cancel()
        await asyncio.gather(self._spoken, return_exceptions=True)

    async def _within(self, said: Coroutine[Any, Any, bytes], limit_s: float, what: str) -> bytes:
        task = asyncio.create_task(said)
        try:
            # Not a timeout: an answer that lies there already when a busy loop comes to look is in time.
            await asyncio.wait({task}, timeout=limit_s)
            for _ in range(3):
                if not task.done():
                    await asyncio.sleep(0)
            if not task.done():
                raise Unreachable(f"{what} within {limit_s:g} s")
            return task.result()
        except (OSError, asyncio.IncompleteReadError) as fault:
            raise Unreachable(await self._how_it_ended()) from fault
        finally:
            task.cancel()

    async def _exchange(self, body: bytes) -> bytes:
        self._writer.write(words.framed(body))
        await self._writer.drain()
        return await self._frame()

    async def _frame(self) -> bytes:
        size = int.from_bytes(await self._reader.readexactly(words.HEAD), "big")
        if size > words.LONGEST:
            raise PeerFault(f"its answer has {size} bytes: at most {words.LONGEST} are read")
        return await self._reader.readexactly(size)

    async def _how_it_ended(self) -> str:
        try:
            async with asyncio.timeout(_ENDS_S):
                code = await self._child.wait()
        except TimeoutError:
            return "it closed its line to the gateway"
        return f"its process was ended by signal {-code}" if code < 0 else f"its process ended with code {code}"

    async def _listen(self) -> None:
        """What it prints goes to the log, so much in a second and no more."""
        assert self._child.stdout is not None
        while chunk := await self._child.stdout.read(_SPOKEN_PER_S):
            lines = chunk.decode(errors="replace").splitlines()
            for one in lines[:_LINES_PER_S]:
                _log.info("says", function=self.name, text=one[:_LINE])
            if len(lines) > _LINES_PER_S:
                _log.info("says more", function=self.name, lines=len(lines) - _LINES_PER_S)
            await asyncio.sleep(len(chunk) / _SPOKEN_PER_S)


def environment() -> dict[str, str]:
    """What a plug-in's process knows of ours."""
    kept = {key: os.environ[key] for key in _KEPT_ENVIRONMENT if key in os.environ}
    if path := kept.get("PYTHONPATH"):
        # What is meant from here means something else from there.
        kept["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, path.split(os.pathsep)))
    return kept | _SET_ENVIRONMENT


async def begin(name: str, terms: Terms) -> GuestProcess:
    """Begin a process, not yet ready. Raises OSError."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with theirs:
        line = await asyncio.open_connection(sock=ours, limit=words.LONGEST)
        try:
            child = await begun(
                *(sys.executable, "-P", "-m", "gateway.guests.worker", name, str(theirs.fileno()), str(terms.memory)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                limit=_SPOKEN_PER_S,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                env=environment(),
                cwd=NOWHERE,
            )
        except BaseException:
            line[1].close()
            raise
    return GuestProcess(name, terms, child, line)
