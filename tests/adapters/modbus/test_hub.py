"""Sockets that share one watcher: whole, in turn, and none at the cost of another. On both loops."""

import asyncio
import gc
import os
import socket
from collections.abc import Callable, Iterator
from contextvars import ContextVar

import pytest
import uvloop

from adapters.modbus.hub import MOST_READ, Socket
from tests.adapters.modbus.peers import until

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=LOOPS)
def runner(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=LOOPS[request.param], debug=True) as one:
        yield one


class Ear(asyncio.Protocol):
    """Notes in a common record what it hears, and how it ended; then does what it is told to."""

    def __init__(self, name: str, record: list[tuple[str, bytes]], then: Callable[[], object] = lambda: None) -> None:
        self.name, self.record, self.then = name, record, then
        self.lost: list[Exception | None] = []

    def data_received(self, data: bytes) -> None:
        self.record.append((self.name, data))
        self.then()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.append(exc)


def pair(ear: Ear) -> tuple[Socket, socket.socket]:
    """Our end, and the device's."""
    mine, device = socket.socketpair()
    return Socket(asyncio.get_running_loop(), mine, ear), device


def test_what_the_system_does_not_take_at_once_arrives_whole_and_in_order(runner: asyncio.Runner) -> None:
    async def main() -> None:
        ear = Ear("a", [])
        ours, device = pair(ear)
        large = bytes(range(256)) * 8192
        ours.write(large)
        ours.write(b"and then")
        with device:
            device.setblocking(False)
            expected, arrived = large + b"and then", b""
            while len(arrived) < len(expected):
                arrived += await asyncio.get_running_loop().sock_recv(device, 1 << 20)
            assert arrived == expected
            device.send(b"heard")
            await until(lambda: bool(ear.record))
            ours.write(b"small")
            assert await asyncio.get_running_loop().sock_recv(device, 100) == b"small"
            # Room that nobody waits for wakes nobody.
            assert ours._hub is not None
            assert ours._hub._selector.select(0) == []
            ours.abort()

    runner.run(main())


def test_who_never_stops_sending_holds_up_nobody(runner: asyncio.Runner) -> None:
    async def main() -> None:
        record: list[tuple[str, bytes]] = []
        (flooded, flood), (quiet, device) = pair(Ear("flood", record)), pair(Ear("quiet", record))
        with flood, device:
            sent = flood.send(bytes(10 * MOST_READ))
            device.send(b"once")
            await until(lambda: sum(len(data) for name, data in record if name == "flood") == sent)
            before = [len(data) for name, data in record[: record.index(("quiet", b"once"))] if name == "flood"]
            assert len(before) <= 1
            assert all(size <= MOST_READ for size in before)
            flooded.abort()
            quiet.abort()

    runner.run(main())


def test_a_defect_costs_the_connection_at_which_it_came_up_and_no_other(runner: asyncio.Runner) -> None:
    def defect() -> None:
        raise ValueError("a defect")

    async def main() -> None:
        told: list[BaseException] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, said: told.append(said["exception"]))
        record: list[tuple[str, bytes]] = []
        ears = [Ear("a", record, defect), Ear("b", record), Ear("c", record, defect)]
        ends = [pair(ear) for ear in ears]
        for _, device in ends:
            device.send(b"one")
        await until(lambda: len(record) == 3)
        assert [[str(one) for one in ear.lost] for ear in ears] == [["a defect"], [], ["a defect"]]
        assert [str(one) for one in told] == ["a defect", "a defect"]
        assert [device.recv(1) for _, device in (ends[0], ends[2])] == [b"", b""]
        ends[1][1].send(b"two")
        await until(lambda: record[-1] == ("b", b"two"))
        ends[1][0].abort()
        for _, device in ends:
            device.close()

    runner.run(main())


def test_who_is_dropped_within_a_wake_is_heard_no_more(runner: asyncio.Runner) -> None:
    async def main() -> None:
        record: list[tuple[str, bytes]] = []
        ears = [Ear("a", record, lambda: ends[1][0].abort()), Ear("b", record, lambda: ends[0][0].abort())]
        ends = [pair(ear) for ear in ears]
        for _, device in ends:
            device.send(b"one")
        await until(lambda: sum(len(ear.lost) for ear in ears) == 1)
        first = record[0][0]
        assert record == [(first, b"one")]
        assert [ear.lost for ear in ears if ear.name != first] == [[None]]
        ends[0 if first == "a" else 1][0].abort()
        await asyncio.sleep(0)
        assert [ear.lost for ear in ears] == [[None], [None]]
        for _, device in ends:
            device.close()

    runner.run(main())


@pytest.mark.parametrize("unread", [b"", b"read by nobody"])
def test_a_broken_connection_is_told_once(runner: asyncio.Runner, unread: bytes) -> None:
    async def main() -> None:
        ear = Ear("a", [])
        ours, device = pair(ear)
        ours.write(unread)
        device.close()
        ours.write(b"nobody is there")
        ours.write(b"nor now")
        await until(lambda: bool(ear.lost))
        ours.abort()
        await asyncio.sleep(0.01)
        assert len(ear.lost) == 1

    runner.run(main())


def test_a_write_that_fails_ends_the_connection_though_nothing_can_be_read(runner: asyncio.Runner) -> None:
    async def main() -> None:
        ear = Ear("a", [])
        ours, device = pair(ear)
        with device:
            ours._socket.shutdown(socket.SHUT_WR)
            ours.write(b"not taken")
            assert not ear.lost  # who writes is not interrupted
            await until(lambda: bool(ear.lost))
            assert isinstance(ear.lost[0], BrokenPipeError)

    runner.run(main())


def test_nothing_is_left_open_and_a_loop_can_begin_again(runner: asyncio.Runner) -> None:
    async def once() -> None:
        record: list[tuple[str, bytes]] = []
        (one, its_device), (other, others_device) = pair(Ear("a", record)), pair(Ear("b", record))
        its_device.send(b"one")
        await until(lambda: record == [("a", b"one")])
        one.abort()
        others_device.send(b"two")
        await until(lambda: record[1:] == [("b", b"two")])
        other.abort()
        its_device.close()
        others_device.close()

    async def main() -> None:
        await asyncio.sleep(0)
        before = sorted(os.listdir("/dev/fd"))
        await once()
        await once()
        assert sorted(os.listdir("/dev/fd")) == before

    runner.run(main())


@pytest.mark.parametrize("make", LOOPS.values())
def test_a_loop_that_is_closed_tells_of_sockets_that_were_not(make: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def main() -> socket.socket:
        _, device = pair(Ear("a", []))
        return device

    def abandoned() -> socket.socket:
        with asyncio.Runner(loop_factory=make) as one:
            device = one.run(main())
        gc.collect()
        return device

    with pytest.warns(ResourceWarning, match="unclosed"):
        device = abandoned()
    with device:
        assert device.recv(1) == b""


def test_nobody_hears_in_the_context_of_another(runner: asyncio.Runner) -> None:
    whose = ContextVar("whose", default="nobody's")

    async def main() -> None:
        heard: list[str] = []
        whose.set("the first's")
        ends = [pair(Ear(name, [], lambda: heard.append(whose.get()))) for name in "ab"]
        for _, device in ends:
            device.send(b"one")
        await until(lambda: len(heard) == 2)
        assert heard == ["nobody's"] * 2
        for ours, device in ends:
            ours.abort()
            device.close()

    runner.run(main())
