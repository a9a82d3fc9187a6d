"""The link against pymodbus's server and against servers that misbehave. Time stands still where it would decide."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import pytest
import uvloop
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from adapters.modbus.frames import FrameError, Read, Refusal, Registers, Reply, Request, Write, Written
from adapters.modbus.link import Link
from adapters.modbus.wire import NoAnswer
from grid_functions.model.errors import OurFault, Unreachable
from tests.adapters.modbus.peers import Peer, StillTimer, answer, link_to, scripted, until

READ = Read(1, 100, 1)
FORTY_TWO = "03 02 002A"
REPLY = Registers(b"\x00\x2a")


@asynccontextmanager
async def pymodbus_server(*devices: SimDevice) -> AsyncIterator[int]:
    server: Any = ModbusTcpServer(list(devices), address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    try:
        port: int = server.transport.sockets[0].getsockname()[1]
        yield port
    finally:
        await server.shutdown()


def device(unit: int, *values: int) -> SimDevice:
    return SimDevice(unit, [SimData(100, values=list(values), datatype=DataType.REGISTERS)])


async def good(peer: Peer) -> None:
    while True:
        await peer.send(answer(await peer.request(), FORTY_TWO))


def once(pdu: str) -> Callable[[Peer], Awaitable[None]]:
    async def script(peer: Peer) -> None:
        await peer.send(answer(await peer.request(), pdu))

    return script


async def mute(peer: Peer) -> None:
    while True:
        await peer.request()


async def test_two_units_share_one_connection_of_pymodbus() -> None:
    async with pymodbus_server(device(1, 1, 2, 3), device(7, 9)) as port:
        link = Link("127.0.0.1", port, jitter=lambda low, _high: low)
        replies = await asyncio.gather(
            link.transact(Read(1, 100, 3)),
            link.transact(Read(7, 100, 1)),
            link.transact(Write(1, 101, (500,), 6)),
            link.transact(Write(1, 100, (501, 502))),
            link.transact(Read(1, 100, 3)),
        )
        assert [r.values if isinstance(r, Registers) else r for r in replies] == [
            (1, 2, 3),
            (9,),
            Written(),
            Written(),
            (501, 502, 3),
        ]
        assert link.connections == 1
        await link.close()


async def test_exceptions_of_pymodbus_are_returned() -> None:
    async with pymodbus_server(device(1, 1)) as port:
        link = Link("127.0.0.1", port, jitter=lambda low, _high: low)
        assert await link.transact(Read(1, 200, 1)) == Refusal(ExcCodes.ILLEGAL_ADDRESS)
        assert await link.transact(Read(9, 100, 1)) == Refusal(ExcCodes.DEVICE_FAILURE)
        assert await link.transact(Read(1, 100, 1)) == Registers(b"\x00\x01")
        await link.close()


def test_works_on_uvloop() -> None:
    async def main() -> Reply:
        async with scripted(good) as peer:
            link = link_to(peer)
            try:
                return await link.transact(READ)
            finally:
                await link.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(main()) == REPLY


async def test_split_frame() -> None:
    async def bytewise(peer: Peer) -> None:
        frame = answer(await peer.request(), FORTY_TWO)
        await peer.send(*(frame[i : i + 1] for i in range(len(frame))))

    async with scripted(bytewise) as peer:
        link = link_to(peer)
        assert await link.transact(READ) == REPLY
        await link.close()


async def test_wrong_transaction_id_is_dropped_and_the_right_one_taken() -> None:
    async def script(peer: Peer) -> None:
        request = await peer.request()
        stray = answer(b"\xaa\xaa" + request[2:], "03 02 0063")
        await peer.send(stray + answer(request, FORTY_TWO))

    async with scripted(script) as peer:
        link = link_to(peer)
        assert await link.transact(READ) == REPLY
        assert link.late_answers == 1
        await link.close()


async def test_what_looks_like_the_answer_inside_of_another_frame_is_not_taken() -> None:
    async def script(peer: Peer) -> None:
        request = await peer.request()
        inside = answer(request, "03 02 0063")  # 99
        stray = answer(b"\xaa\xaa" + request[2:], f"03 {len(inside):02X} {inside.hex()}")
        # Nothing, twice, lets the link read what came before.
        await peer.send(stray[: -len(inside)], b"", b"", inside, b"", b"", answer(request, FORTY_TWO))

    async with scripted(script) as peer:
        link = link_to(peer)
        assert await link.transact(READ) == REPLY
        assert link.late_answers == 1
        await link.close()


async def test_wrong_transaction_id_alone_is_no_answer() -> None:
    timer = StillTimer()

    async def script(peer: Peer) -> None:
        request = await peer.request()
        await peer.send(answer(b"\xaa\xaa" + request[2:], FORTY_TWO))

    async with scripted(script) as peer:
        link = link_to(peer, timer)
        task = asyncio.create_task(link.transact(READ))
        await until(lambda: link.late_answers == 1)
        assert not task.done()
        timer.advance(3.0)
        with pytest.raises(NoAnswer, match="no answer within"):
            await task
        await link.close()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda f: f[:6] + b"\x02" + f[7:], "unit 2"),
        (lambda f: f[:7] + b"\x04" + f[8:], "function 4"),
        (lambda f: f[:8] + b"\x04" + f[9:], "read of 2 bytes"),
    ],
)
async def test_wrong_unit_function_or_count_fails_that_request_only(spoil: Callable[[bytes], bytes], why: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.send(spoil(answer(await peer.request(), FORTY_TWO)))
        await good(peer)

    async with scripted(script) as peer:
        link = link_to(peer)
        with pytest.raises(FrameError, match=why):
            await link.transact(READ)
        assert await link.transact(READ) == REPLY
        assert link.connections == 1
        await link.close()


async def test_late_answer_after_timeout_does_not_shift_what_follows() -> None:
    timer, released = StillTimer(), asyncio.Event()

    async def script(peer: Peer) -> None:
        late = answer(await peer.request(), "03 02 0063")  # 99
        await released.wait()
        await peer.send(late)
        await peer.send(answer(await peer.request(), FORTY_TWO))

    async with scripted(script) as peer:
        link = link_to(peer, timer)
        first = asyncio.create_task(link.transact(READ))
        await until(lambda: link.connected and timer.due == [3.0])
        timer.advance(3.0)
        with pytest.raises(NoAnswer):
            await first
        second = asyncio.create_task(link.transact(READ))
        await until(lambda: timer.due == [3.0])
        released.set()
        assert await second == REPLY
        assert (link.connections, link.late_answers) == (1, 1)
        await link.close()


async def test_cancelled_request_leaves_the_link_in_step() -> None:
    got_it = asyncio.Event()

    async def script(peer: Peer) -> None:
        first = await peer.request()
        got_it.set()
        second = await peer.request()
        await peer.send(answer(first, "03 02 0063") + answer(second, FORTY_TWO))

    async with scripted(script) as peer:
        link = link_to(peer)
        task = asyncio.create_task(link.transact(READ))
        await got_it.wait()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()
        assert await link.transact(READ) == REPLY
        assert link.late_answers == 1
        await link.close()


async def test_cancelled_in_the_queue_frees_its_turn() -> None:
    timer = StillTimer()
    async with scripted(mute, good) as peer:
        link = link_to(peer, timer, mute_after=1)
        first = asyncio.create_task(link.transact(READ))
        queued = asyncio.create_task(link.transact(READ))
        await until(lambda: timer.due == [3.0] and link.connected)
        queued.cancel()
        timer.advance(3.0)
        results = await asyncio.gather(first, queued, return_exceptions=True)
        assert [type(r) for r in results] == [NoAnswer, asyncio.CancelledError]
        timer.advance(0.1)  # the pause after a connection that never answered
        assert await link.transact(READ) == REPLY
        await link.close()


async def test_a_request_for_one_connection_that_queued_over_its_loss_is_not_sent_on_the_next() -> None:
    timer = StillTimer()
    async with scripted(mute, good) as peer:
        link = link_to(peer, timer, mute_after=1)
        first = asyncio.create_task(link.transact(READ))
        await until(lambda: timer.due == [3.0] and link.connected)
        queued = asyncio.create_task(link.transact(READ, on=link.connections))
        timer.advance(3.0)
        results = await asyncio.gather(first, queued, return_exceptions=True)
        assert [type(r) for r in results] == [NoAnswer, Unreachable]
        timer.advance(0.1)  # the pause after a connection that never answered
        assert await link.transact(READ) == REPLY
        with pytest.raises(Unreachable):
            await link.transact(READ, on=1)
        assert await link.transact(READ, on=2) == REPLY
        await link.close()


async def test_mute_device_is_dropped_after_three_and_found_again() -> None:
    timer = StillTimer()
    async with scripted(mute, good) as peer:
        link = link_to(peer, timer)
        for _ in range(3):
            task = asyncio.create_task(link.transact(READ))
            await until(lambda: link.connected and timer.due == [3.0])
            timer.advance(3.0)
            with pytest.raises(NoAnswer):
                await task
        assert not link.connected
        with pytest.raises(Unreachable, match=r"next attempt in 0\.1 s"):
            await link.transact(READ)
        timer.advance(0.1)
        assert await link.transact(READ) == REPLY
        assert (peer.accepted, link.connections) == (2, 2)
        await link.close()


@pytest.mark.parametrize("half_a_frame", [b"", bytes.fromhex("0001 0000 0005 01")])
async def test_reset_in_the_middle(half_a_frame: bytes) -> None:
    timer = StillTimer()

    async def script(peer: Peer) -> None:
        await peer.send(answer(await peer.request(), FORTY_TWO))
        await peer.request()
        await peer.send(half_a_frame)
        peer.reset()

    async with scripted(script, good) as peer:
        link = link_to(peer, timer)
        assert await link.transact(READ) == REPLY
        with pytest.raises(Unreachable, match="connection lost"):
            await link.transact(READ)
        # It had answered before, so there is no pause: idle connections are closed by many devices.
        assert await link.transact(READ) == REPLY
        await link.close()


async def test_refused_second_client_is_not_hammered() -> None:
    """A device with one TCP session accepts and hangs up: each attempt doubles the pause, 0.1 s to the maximum."""
    timer = StillTimer()

    async def hang_up(peer: Peer) -> None:
        await peer.request()
        peer.reset()

    async with scripted(hang_up) as peer:
        link = link_to(peer, timer, pause_max_s=0.5)
        for pause_s in (0.1, 0.2, 0.4, 0.5, 0.5):
            with pytest.raises(Unreachable, match="connection lost"):
                await link.transact(READ)
            with pytest.raises(Unreachable, match=f"next attempt in {pause_s} s"):
                await link.transact(READ)
            timer.advance(pause_s)
        await link.close()


async def test_nobody_listens() -> None:
    timer, drawn = StillTimer(), list[tuple[float, float]]()

    def dice(low: float, high: float) -> float:
        drawn.append((low, high))
        return low

    async with scripted(good) as peer:
        port = peer.port
    link = Link("127.0.0.1", port, jitter=dice, timer=timer)
    with pytest.raises(Unreachable):
        await link.transact(READ)
    with pytest.raises(Unreachable, match="next attempt"):
        await link.transact(READ)
    timer.advance(0.05)
    with pytest.raises(Unreachable):
        await link.transact(READ)
    assert drawn == [(0.05, 0.1), (0.1, 0.2)]
    assert timer.due == []
    await link.close()


async def test_answer_ends_the_doubling() -> None:
    timer = StillTimer()

    async def hang_up(peer: Peer) -> None:
        await peer.request()
        peer.reset()

    async with scripted(hang_up, hang_up, once(FORTY_TWO), hang_up) as peer:
        link = link_to(peer, timer)
        for pause_s in (0.1, 0.2):
            with pytest.raises(Unreachable):
                await link.transact(READ)
            timer.advance(pause_s)
        assert await link.transact(READ) == REPLY
        await link.close()
        link = link_to(peer, timer)
        with pytest.raises(Unreachable):
            await link.transact(READ)
        with pytest.raises(Unreachable, match=r"in 0\.1 s"):
            await link.transact(READ)
        await link.close()


@pytest.mark.parametrize(
    ("wire", "why"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "protocol id"),
        (bytes.fromhex("0001 0000 0400 01 03") + bytes(1022), "length 1024"),
        (bytes.fromhex("0001 0000 0001 01"), "length 1"),
    ],
)
async def test_garbage_fails_the_request_and_drops_the_connection(wire: bytes, why: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.send(answer(await peer.request(), FORTY_TWO))
        await peer.request()
        await peer.send(wire)

    async with scripted(script, good) as peer:
        link = link_to(peer)
        assert await link.transact(READ) == REPLY
        with pytest.raises(FrameError, match=why):
            await link.transact(READ)
        assert not link.connected
        assert await link.transact(READ) == REPLY
        assert link.connections == 2
        await link.close()


async def test_pipelined_when_allowed_and_answered_in_one_segment_out_of_order() -> None:
    async def script(peer: Peer) -> None:
        first, second = await peer.request(), await peer.request()
        await peer.send(answer(second, "03 02 0002") + answer(first, "03 02 0001"))

    async with scripted(script) as peer:
        link = link_to(peer, max_in_flight=2)
        replies = await asyncio.gather(link.transact(READ), link.transact(READ))
        assert [r.values for r in replies if isinstance(r, Registers)] == [(1,), (2,)]
        await link.close()


async def test_one_in_flight_by_default() -> None:
    arrived: list[int] = []

    async def script(peer: Peer) -> None:
        while request := await peer.reader.read(1000):
            arrived.append(len(request))
            await peer.send(answer(request, FORTY_TWO))

    async with scripted(script) as peer:
        link = link_to(peer)
        await asyncio.gather(*(link.transact(READ) for _ in range(3)))
        assert arrived == [12, 12, 12]  # one read request is 12 bytes
        await link.close()


async def test_gap_is_kept_between_exchanges() -> None:
    timer = StillTimer()
    async with scripted(good) as peer:
        link = link_to(peer, timer, min_gap_s=0.5)
        assert await link.transact(READ) == REPLY
        second = asyncio.create_task(link.transact(READ))
        await until(lambda: timer.due == [0.5])
        timer.advance(0.4)
        await asyncio.sleep(0)
        assert not second.done()
        timer.advance(0.2)
        assert await second == REPLY
        await link.close()


async def test_connection_attempt_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    timer, loop = StillTimer(), asyncio.get_running_loop()

    async def black_hole(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(loop, "create_connection", black_hole)
    link = Link("192.0.2.1", 502, jitter=lambda _low, high: high, timer=timer)
    task = asyncio.create_task(link.transact(READ))
    await until(lambda: timer.due == [3.0])
    timer.advance(3.0)
    with pytest.raises(Unreachable, match="no connection within"):
        await task
    cancelled = asyncio.create_task(link.transact(READ))
    timer.advance(0.1)
    await until(lambda: timer.due == [3.0])
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert timer.due == []
    await link.close()


async def test_close_fails_what_is_under_way_and_everything_after() -> None:
    timer = StillTimer()
    async with scripted(mute) as peer:
        link = link_to(peer, timer)
        task = asyncio.create_task(link.transact(READ))
        await until(lambda: link.connected and timer.due == [3.0])
        await link.close()
        await link.close()
        with pytest.raises(Unreachable, match="closed"):
            await task
        with pytest.raises(OurFault, match="closed link"):
            await link.transact(READ)


async def test_transaction_ids_wrap_around() -> None:
    async with scripted(good) as peer:
        link = link_to(peer)
        link._transaction = 0xFFFE
        for _ in range(3):
            assert await link.transact(READ) == REPLY
        await link.close()


async def test_conversation_is_told_of_silence_and_goes_on() -> None:
    async def script(peer: Peer) -> None:
        await peer.send(answer(await peer.request(), "04 02 0000"))
        await peer.send(answer(await peer.request(), "83 02"))
        await good(peer)

    def conversation() -> Generator[Request, Reply | None, list[Reply | None]]:
        return [(yield READ), (yield READ), (yield READ)]

    async with scripted(script) as peer:
        link = link_to(peer, StillTimer())
        assert await link.converse(conversation()) == [None, Refusal(2), REPLY]
        await link.close()


@pytest.mark.parametrize("code", ["05", "06"])
async def test_conversation_gives_a_busy_unit_time(code: str) -> None:
    timer = StillTimer()

    def conversation() -> Generator[Request, Reply | None, list[Reply | None]]:
        return [(yield READ), (yield READ)]

    async def script(peer: Peer) -> None:
        await peer.send(answer(await peer.request(), f"83 {code}"))
        await good(peer)

    async with scripted(script) as peer:
        link = link_to(peer, timer)
        task = asyncio.create_task(link.converse(conversation()))
        await until(lambda: timer.due == [0.5])
        timer.advance(0.5)
        assert await task == [Refusal(int(code)), REPLY]
        await link.close()


async def test_hundred_requests_through_a_server_that_splits_strays_and_drops() -> None:
    """Whatever a connection goes through, an answer is the one to its own question."""
    count = 0

    async def script(peer: Peer) -> None:
        nonlocal count
        while True:
            request = await peer.request()
            count += 1
            frame = answer(request, "03 02" + request[8:10].hex())  # the register holds its own address
            stray = answer(bytes((request[0] ^ 0x55, *request[1:])), "03 02 DEAD")
            if count % 17 == 0:
                peer.reset()
                return
            cut = count % len(frame)
            await peer.send(
                stray if count % 3 == 0 else b"", frame[:cut], frame[cut:] + (stray if count % 5 == 0 else b"")
            )

    async with scripted(script) as peer:
        link = link_to(peer)
        answered = 0
        for address in range(100):
            try:
                reply = await link.transact(Read(1, address, 1))
            except Unreachable:
                continue
            assert reply == Registers(address.to_bytes(2, "big"))
            answered += 1
        assert answered == 95  # every 17th of 100 is lost: 5
        assert link.connections == 6
        await link.close()


def reading(*addresses: int) -> Generator[Request, Reply | None, list[Reply | None]]:
    """A conversation of these reads."""
    replies: list[Reply | None] = []
    for address in addresses:
        replies += [(yield Read(1, address, 1))]
    return replies


async def test_who_waits_for_a_turn_has_it_between_the_requests_of_a_conversation() -> None:
    asked: list[int] = []
    go = asyncio.Event()

    async def script(peer: Peer) -> None:
        while True:
            request = await peer.request()
            asked.append(int.from_bytes(request[8:10], "big"))
            await go.wait()
            await peer.send(answer(request, FORTY_TWO))

    async with scripted(script) as peer:
        link = link_to(peer)
        long = asyncio.create_task(link.converse(reading(1, 2, 3)))
        await until(lambda: asked == [1])
        short = asyncio.create_task(link.transact(Read(1, 9, 1)))
        await asyncio.sleep(0)
        go.set()
        assert (await short, await long) == (REPLY, [REPLY] * 3)
        assert asked == [1, 9, 2, 3]
        await link.close()


async def test_each_request_of_a_conversation_has_its_own_time() -> None:
    timer = StillTimer()
    asked: list[bytes] = []
    may = asyncio.Semaphore(0)

    async def script(peer: Peer) -> None:
        for _ in range(3):
            asked.append(await peer.request())
            await may.acquire()
            await peer.send(answer(asked[-1], FORTY_TWO))
        asked.append(await peer.request())
        await peer.request()

    def sent(count: int) -> bool:
        return len(asked) == count

    async with scripted(script) as peer:
        link = link_to(peer, timer)
        task = asyncio.create_task(link.converse(reading(1, 2, 3, 4)))
        for number in (1, 2, 3):
            await until(partial(sent, number))
            timer.advance(2.0)
            may.release()
        await until(partial(sent, 4))
        timer.advance(2.9)
        await asyncio.sleep(0)
        assert not task.done()
        timer.advance(0.2)
        assert await task == [REPLY, REPLY, REPLY, None]
        assert timer.due == []
        await link.close()


@pytest.mark.parametrize("fault", [FrameError("of its own"), ValueError("a defect"), NoAnswer("of its own")])
async def test_what_a_conversation_raises_reaches_who_holds_it(fault: Exception) -> None:
    def conversation() -> Generator[Request, Reply | None, None]:
        yield READ
        raise fault

    async with scripted(good) as peer:
        link = link_to(peer)
        with pytest.raises(type(fault), match=str(fault)):
            await link.converse(conversation())
        assert await link.transact(READ) == REPLY
        assert peer.accepted == 1
        await link.close()


async def test_a_conversation_cancelled_in_the_middle_asks_no_more() -> None:
    asked: list[bytes] = []
    may = asyncio.Event()

    async def script(peer: Peer) -> None:
        asked.append(await peer.request())
        await peer.send(answer(asked[-1], FORTY_TWO))
        asked.append(await peer.request())
        await may.wait()
        await peer.send(answer(asked[-1], FORTY_TWO))
        await good(peer)

    async with scripted(script) as peer:
        link = link_to(peer)
        task = asyncio.create_task(link.converse(reading(1, 2, 3)))
        await until(lambda: len(asked) == 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        may.set()
        assert await link.transact(READ) == REPLY
        assert link.late_answers == 1
        await link.close()
