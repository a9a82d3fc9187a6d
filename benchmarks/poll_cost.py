"""What one poll of a DERControlList costs a process that holds 200 mutual-TLS sessions, beside aiohttp with envoy-schema.

Run with ``python -m benchmarks --only poll_cost``. Process CPU per poll, at a steady rate; the sides take turns within each round. The list
is another one each time, or always the same. What keeping the rate costs without any poll is measured in each round and taken off.
"""

import asyncio
import gc
import json
import os
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, redirect_stderr
from pathlib import Path
from typing import Any, Final

import aiohttp
import uvloop
from envoy_schema.server.schema.sep2.der import DERControlListResponse

from benchmarks.event import play
from benchmarks.row import Row
from benchmarks.sessions.product import live
from benchmarks.sessions.stand import Stand, stand
from certs.tls import client_context
from gateway.lines import speak

PEER: Final = "aiohttp + envoy-schema"
GOALS: Final = {"changed": 0.35, "same": 0.2}
WORDS: Final = {"changed": "list changed", "same": "list unchanged"}
LOOPS: Final[dict[str, Callable[[], asyncio.AbstractEventLoop]]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}
SESSIONS: Final = 200
RATE: Final = 150.0
"""Polls a second, over all sessions."""

ROUNDS, POLLS = 4, 300


class Peer:
    """One EndDevice's polling, as a script would do it."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self._session = session
        self._url = f"https://127.0.0.1:{port}{play.CONTROLS}?s=0&l=50"
        self.mrids = frozenset[str]()

    async def poll(self) -> None:
        """GET and parse."""
        async with self._session.get(self._url) as response:
            body = await response.read()
        self.mrids = frozenset(one.mRID for one in DERControlListResponse.from_xml(body).DERControl or [])


def run() -> list[dict[str, Any]]:
    """A row per loop and kind of poll. Raises AssertionError if polls went missing or the sides read other events."""
    build = Path("build")
    build.mkdir(exist_ok=True)
    rows = []
    with (
        tempfile.TemporaryDirectory(dir=build.resolve()) as folder,
        stand(Path(folder)) as ends,
        Path(os.devnull).open("w") as nowhere,
        redirect_stderr(nowhere),
    ):
        speak(json_lines=True)
        for name, factory in LOOPS.items():
            with asyncio.Runner(loop_factory=factory) as runner:
                rows += runner.run(_rounds(ends, name))
    return rows


async def _rounds(ends: Stand, loop: str) -> list[dict[str, Any]]:
    costs: dict[tuple[str, str], list[float]] = {}
    async with live(SESSIONS, ends.port, ends.files, ends.identity) as ours, _peers(ends) as peers:
        for peer in peers:
            await peer.poll()

        async def our_poll(number: int) -> None:
            await ours[number].poll()

        async def their_poll(number: int) -> None:
            await peers[number].poll()

        for _ in range(ROUNDS):
            pace_ms = await _paced(_nothing)
            for word in GOALS:
                for side, poll in (("ours", our_poll), ("peer", their_poll)):
                    costs.setdefault((side, word), []).append(await _cost(ends, word, poll) - pace_ms)
                for mine, their in zip(ours, peers, strict=True):
                    # A connection counts its own polls, so of a changing list all that is the same is its length.
                    assert mine.mrids == their.mrids if word == "same" else len(mine.mrids) >= len(their.mrids) == 10
    return [
        Row("poll_cost", WORDS[word], "ms CPU", costs["ours", word], costs["peer", word], PEER, goal, loop).plain()
        for word, goal in GOALS.items()
    ]


async def _cost(ends: Stand, word: str, poll: Callable[[int], Awaitable[None]]) -> float:
    """CPU of one poll, ms."""
    ends.serve(word)
    for number in range(SESSIONS):
        await poll(number)  # the list as it now is
    assert ends.serve(word) == SESSIONS
    cost_ms = await _paced(poll)
    assert ends.serve(word) == POLLS
    return cost_ms


async def _nothing(number: int) -> None:
    pass


async def _paced(poll: Callable[[int], Awaitable[None]]) -> float:
    """CPU of one poll at the rate, with what keeping it costs, ms."""
    gc.collect()
    gc.freeze()
    tasks = []
    began_s, cpu_s = time.monotonic(), time.process_time()
    for number in range(POLLS):
        await asyncio.sleep(max(began_s + number / RATE - time.monotonic(), 0.0))
        tasks.append(asyncio.ensure_future(poll(number % SESSIONS)))
    await asyncio.gather(*tasks)
    cpu_s = time.process_time() - cpu_s
    return 1e3 * cpu_s / POLLS


@asynccontextmanager
async def _peers(ends: Stand) -> AsyncIterator[list[Peer]]:
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(SESSIONS):
            connector = aiohttp.TCPConnector(ssl=client_context(ends.files), keepalive_timeout=75.0)
            made.append(Peer(await stack.enter_async_context(aiohttp.ClientSession(connector=connector)), ends.port))
        yield made


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
