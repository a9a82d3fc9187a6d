"""Answers that are wrong in every way a device has been seen to be wrong: no crash, and never a limit that was loosened."""

import math
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import TypeVar

import pytest

from adapters.family import Conversation
from adapters.modbus.frames import Frame, Read, Refusal, Registers, Reply, Request, Write
from adapters.registers.profile import Aim
from adapters.simulator.car import Car
from adapters.simulator.twin import Twin
from adapters.simulator.twins import Twins
from adapters.simulator.wire import Chunk
from grid_functions.model.instants import Instants
from grid_functions.model.reading import Quality
from grid_functions.model.setpoint import Setpoint
from tests.adapters.registers.bench import CHARGERS, OTHERS, PROFILES, bench, family
from tests.adapters.simulator.situations import Hand
from tests.adapters.stage import UTC_S

T = TypeVar("T")
NOW = Instants(1.0, 1_795_000_000.0)
Wrong = Callable[[Request, Reply, Random], Reply | None]


def _filled(byte: bytes) -> Wrong:
    return lambda request, reply, random: Registers(byte * len(reply.data)) if isinstance(reply, Registers) else reply


def _noise(request: Request, reply: Reply, random: Random) -> Reply:
    return Registers(random.randbytes(len(reply.data))) if isinstance(reply, Registers) else reply


def _nan(request: Request, reply: Reply, random: Random) -> Reply:
    """Every pair of registers a quiet NaN."""
    if not isinstance(reply, Registers):
        return reply
    return Registers((b"\x7f\xc0\x00\x00" * (len(reply.data) // 4 + 1))[: len(reply.data)])


def _one_register(request: Request, reply: Reply, random: Random) -> Reply:
    """A single register jumps."""
    if not isinstance(reply, Registers) or not reply.data:
        return reply
    data, at = bytearray(reply.data), 2 * random.randrange(len(reply.data) // 2)
    data[at : at + 2] = random.randbytes(2)
    return Registers(bytes(data))


def _exception(request: Request, reply: Reply, random: Random) -> Reply:
    return Refusal(random.choice((1, 2, 3, 4, 5, 6, 8, 10, 11, 200)))


WRONG: dict[str, Wrong] = {
    # What a link makes of another id, another unit, another function, too few or too many bytes: no answer.
    "no answer": lambda request, reply, random: None,
    "exception": _exception,
    "all ones": _filled(b"\xff"),
    "most positive": _filled(b"\x7f"),
    "most negative": _filled(b"\x80"),
    "zeros": _filled(b"\x00"),
    "not a number": _nan,
    "noise": _noise,
    "a jump": _one_register,
    "reads refused": lambda request, reply, random: Refusal(2) if isinstance(request, Read) else reply,
    "writes refused": lambda request, reply, random: Refusal(3) if isinstance(request, Write) else reply,
    "writes lost": lambda request, reply, random: None if isinstance(request, Write) else reply,
}


class Wire:
    """A twin in memory whose answers go wrong with a chance of ``share``."""

    def __init__(self, twin: Twin, wrong: Wrong, random: Random) -> None:
        self.twin, self.share = twin, 0.0
        self._wrong, self._random = wrong, random

    def carry_out(self, conversation: Conversation[T]) -> T:
        try:
            request = next(conversation)
            while True:
                self.twin, reply = self.twin.asked(request, self.twin.t_s)
                wrong = self._random.random() < self.share
                request = conversation.send(self._wrong(request, reply, self._random) if wrong else reply)
        except StopIteration as end:
            result: T = end.value
            return result


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("name", CHARGERS)
def test_a_charger_is_never_told_more_than_is_wanted(name: str, wrong: str) -> None:
    random, made = Random(f"{name} {wrong}"), family(name)  # noqa: S311 a test, no secret
    wire = Wire(Twin(PROFILES[name], car=Car()), WRONG[wrong], random)
    found = wire.carry_out(made.find(1))
    assert found is not None
    raw = wire.carry_out(made.poll(found))
    assert raw is not None
    wanted = Setpoint("", current_max_a=8.0)
    found = wire.carry_out(made.write(found, raw, wanted)).found or found
    assert wire.twin.limit_a == pytest.approx(8.0)
    for share in (0.2, 1.0, 0.5):
        wire.share = share
        for _ in range(15):
            found = wire.carry_out(made.find(1, found)) or found
            made.nameplate(found)
            made.capability(found)
            raw = wire.carry_out(made.poll(found, made.concerns(found, wanted)))
            if raw is None:
                continue
            look = made.decode(found, raw, NOW)
            for reading in look.readings.values():
                assert math.isfinite(reading.value) == (reading.quality is Quality.GOOD)
            found = wire.carry_out(made.write(found, raw, wanted, rearm=random.random() < 0.3)).found or found
            assert wire.twin.limit_a <= 8.0 + 1e-6
    # It answers well again, and holds what is wanted.
    wire.share = 0.0
    found = wire.carry_out(made.find(1, found))
    assert found is not None
    raw = wire.carry_out(made.poll(found))
    assert raw is not None
    wire.carry_out(made.write(found, raw, wanted))
    assert wire.twin.limit_a == pytest.approx(8.0)


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("name", OTHERS)
def test_a_battery_or_meter_ends_no_conversation(name: str, wrong: str) -> None:
    random, made = Random(f"{name} {wrong}"), family(name, rated_w=5000)  # noqa: S311 a test, no secret
    wire = Wire(replace(Twin(PROFILES[name]), net_w=-1000.0), WRONG[wrong], random)
    found = wire.carry_out(made.find(1))
    assert found is not None
    steered = Aim.CHARGE in PROFILES[name].orders
    wanted = Setpoint("", target_w=-500.0) if steered else Setpoint("", produce_max_w=500.0)
    if not PROFILES[name].orders:
        wanted = Setpoint("")
    wire.share = 0.5
    for _ in range(20):
        found = wire.carry_out(made.find(1, found)) or found
        raw = wire.carry_out(made.poll(found, frozenset({"x"})))
        if raw is None:
            continue
        look = made.decode(found, raw, NOW)
        for reading in look.readings.values():
            assert math.isfinite(reading.value) == (reading.quality is Quality.GOOD)
        wire.carry_out(made.write(found, raw, wanted))
    wire.share = 0.0
    raw = wire.carry_out(made.poll(found))
    assert raw is not None
    wire.carry_out(made.write(found, raw, wanted))
    if PROFILES[name].orders:
        assert wire.twin.power_w == pytest.approx(-500.0, abs=51)


class Mangling(Twins):
    """Twins whose frames go wrong on the wire."""

    mangle: Callable[[bytes], bytes] = staticmethod(lambda data: data)

    def answer(self, frame: Frame, answered_s: float) -> tuple[Chunk, ...]:
        return tuple(Chunk(0.0, self.mangle(chunk.data)) for chunk in super().answer(frame, answered_s))


FRAMES: dict[str, Callable[[bytes], bytes]] = {
    "another transaction": lambda data: bytes((data[0] ^ 1,)) + data[1:],
    "another unit": lambda data: data[:6] + bytes((data[6] ^ 1,)) + data[7:],
    "another function": lambda data: data[:7] + bytes((data[7] ^ 7,)) + data[8:],
    "cut short": lambda data: data[:4] + (len(data) - 7).to_bytes(2, "big") + data[6:-1],
    "too long": lambda data: data[:4] + (len(data) - 5).to_bytes(2, "big") + data[6:] + b"\0",
    "no Modbus": lambda data: b"HTTP/1.1 400 Bad Request\r\n\r\n",
}


@pytest.mark.parametrize("frames", FRAMES)
@pytest.mark.parametrize("name", ["abb-terra-ac", "keba-p30", "phoenix-em-cp-pp"])
async def test_frames_that_answer_something_else(name: str, frames: str) -> None:
    hand = Hand(UTC_S)
    async with bench(name, hand, Car(), twins=Mangling) as at, at.driven(timeout_s=0.2) as it:
        twins = at.twins
        assert isinstance(twins, Mangling)
        it.driver.want(Setpoint("device", 1, current_max_a=8.0))
        await it.look()
        twins.mangle = FRAMES[frames]
        it.driver.want(Setpoint("device", 2, current_max_a=7.0))
        seen = await it.look()
        assert not seen.condition.online
        assert at.twin.limit_a in (pytest.approx(8.0), pytest.approx(7.0))
        twins.mangle = lambda data: data
        for _ in range(20):
            seen = await it.look(1)
            if seen.condition.online and seen.condition.holds is not None and seen.condition.holds.decision == 2:
                break
        assert at.twin.limit_a == pytest.approx(7.0)


@pytest.mark.parametrize(("code", "doubtful"), [(4, True), (6, True), (11, True), (1, False), (2, False)])
def test_what_was_refused_for_now_when_it_was_found_leaves_a_doubt(code: int, doubtful: bool) -> None:
    """A busy meter told nothing at some registers once, and was not asked for them again as long as the connection stood."""
    told, random = 0, Random(1)  # noqa: S311 a test, no secret
    for name in (*CHARGERS, *OTHERS):
        made, twin = family(name), Twin(PROFILES[name], car=Car())
        whole = Wire(twin, WRONG["no answer"], random).carry_out(made.find(1))
        assert whole is not None
        assert not made.doubtful(whole)
        for span in whole.polled:
            wire = Wire(twin, _refused(span.request(1), code), random)
            wire.share = 1.0
            found = wire.carry_out(made.find(1))
            if found is not None:
                told += 1
                assert made.doubtful(found) is doubtful
    assert told > 20


def _refused(asked: Request, code: int) -> Wrong:
    return lambda request, reply, random: Refusal(code) if request == asked else reply
