"""Accelerated time: it jumps when nobody can go on, and stands still while something real is under way."""

import asyncio
import socket
import threading
import time

from gateway.lab.hours import AcceleratedLoop, LoopClock

BEGAN = 1_000_000.0


def test_a_day_passes_at_once_and_to_the_second() -> None:
    loop = AcceleratedLoop(BEGAN, lambda: False)
    began_s = time.monotonic()
    loop.reach(BEGAN + 86_400.0)
    assert loop.utc_s() == BEGAN + 86_400.0
    assert LoopClock(loop).now().utc_s == BEGAN + 86_400.0
    assert time.monotonic() - began_s < 60.0
    loop.close()


def test_who_is_due_first_comes_first() -> None:
    loop = AcceleratedLoop(BEGAN, lambda: False)
    seen: list[tuple[str, float]] = []

    async def note(name: str, after_s: float) -> None:
        await asyncio.sleep(after_s)
        seen.append((name, loop.utc_s() - BEGAN))

    async def both() -> None:
        await asyncio.gather(note("late", 50.0), note("early", 7.0))

    loop.run_until_complete(both())
    assert seen == [("early", 7.0), ("late", 50.0)]
    loop.close()


def test_time_stands_still_while_bytes_are_on_their_way() -> None:
    """Another thread sends when it likes; the timer of a simulated second must not overtake it."""
    ours, theirs = socket.socketpair()
    waits = threading.Event()
    loop = AcceleratedLoop(BEGAN, lambda: not heard.done())
    heard: asyncio.Future[bytes] = loop.create_future()

    def answer() -> None:
        waits.wait()
        theirs.send(b"late")

    def take() -> None:
        if not heard.done():
            heard.set_result(ours.recv(16))

    async def wait() -> tuple[bytes, float]:
        loop.add_reader(ours, take)
        asyncio.get_running_loop().call_soon(waits.set)
        async with asyncio.timeout(1.0):
            return await heard, loop.utc_s() - BEGAN

    thread = threading.Thread(target=answer)
    thread.start()
    assert loop.run_until_complete(wait()) == (b"late", 0.0)
    thread.join()
    loop.remove_reader(ours)
    ours.close()
    theirs.close()
    loop.close()
