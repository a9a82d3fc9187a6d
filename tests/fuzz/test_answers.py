"""Mutated Modbus answers: frames are told from noise, and a family makes of wild registers a look or nothing, never a crash."""

from random import Random

import pytest

from adapters.devices.sunspec.family import SunSpec
from adapters.modbus.frames import (
    Deframer,
    Frame,
    FrameError,
    Read,
    Refusal,
    Registers,
    Reply,
    Request,
    Write,
    Written,
    decode_reply,
    encode_reply,
    encode_request,
)
from adapters.simulator.registers import layout
from grid_functions.model.instants import Instants
from grid_functions.model.setpoint import Setpoint
from tests.adapters.devices.images import Unit
from tests.fuzz.mangling import mangled

NOW = Instants(1.0, 1_795_000_000.0)
ASKED: list[Request] = [Read(1, 40000, 2), Read(1, 40070, 50), Write(1, 40300, (7,), 6), Write(1, 40300, (7, 8, 9))]


def answers(seed: int, number: int) -> None:
    """Every stream of mutated frames is a FrameError, a refusal, or an answer of the size that was asked for."""
    random = Random(seed)  # noqa: S311  # a test, no secret
    for _ in range(number):
        request = random.choice(ASKED)
        wrong = mangled(_sound(request, random), random)
        deframer = Deframer()
        try:
            deframer.feed(wrong)
            while (frame := deframer.next_frame()) is not None:
                reply = decode_reply(request, frame)
                if isinstance(reply, Registers):
                    assert isinstance(request, Read)
                    assert len(reply.values) == request.count
        except FrameError:
            continue


def _sound(request: Request, random: Random) -> bytes:
    asked = Frame(random.randrange(65536), request.unit, _pdu(request))
    reply: Reply
    if isinstance(request, Read):
        reply = Registers(random.randbytes(2 * request.count))
    else:
        reply = Refusal(random.randrange(256)) if random.random() < 0.2 else Written()
    return encode_reply(asked, reply)


def _pdu(request: Request) -> bytes:
    return encode_request(request, 1)[7:]


def wild_registers(seed: int, number: int) -> None:
    """Found, polled, decoded, told and given back, while any register may be anything and any answer may be missing."""
    random = Random(seed)  # noqa: S311  # a test, no secret
    for _ in range(number):
        wild = random.choice((0.0, 0.001, 0.01, 0.2))
        silent = random.choice((0.0, 0.0, 0.05))

        def answering(request: Request, wild: float = wild, silent: float = silent) -> Reply | bool:
            if random.random() < silent:
                return False
            return Refusal(random.randrange(1, 12)) if random.random() < silent else True

        models = random.choice(((1, 701, 702, 703, 704), (1, 101, 120, 121, 123), (1, 103, 123), (1, 203)))
        unit = Unit(models, _values(models, random), answering)
        family = SunSpec()
        found = unit.carry_out(family.find(1))
        if found is None:
            continue
        family.nameplate(found)
        family.capability(found)
        raw = unit.carry_out(family.poll(found))
        if raw is None:
            continue
        look = family.decode(found, raw, NOW)
        wanted = Setpoint(
            "", produce_max_w=random.choice((0.0, 1.0, 1234.5, 1e12)), on=random.choice((None, True, False))
        )
        unit.carry_out(family.write(found, raw, wanted))
        unit.carry_out(family.release(found, raw, look.points))


def _values(models: tuple[int, ...], random: Random) -> dict[tuple[int, str], int | str]:
    share = random.choice((0.1, 0.5, 0.9))
    found: dict[tuple[int, str], int | str] = {}
    for point in layout(models).points:
        if point.key[1] in ("ID", "L") or random.random() > share:
            continue
        if point.kind == "string":
            found[point.key] = random.choice(("", "OSED", "x" * (2 * point.size)))
        elif point.key[1].endswith("_SF"):
            found[point.key] = random.choice((0, -2, -1, 3, 10, 11, -11, 99))
        else:
            found[point.key] = random.choice((0, 1, 100, 5000, (1 << (16 * point.size - 1)) - 1))
    return found


def test_mutated_answers_are_told_from_answers() -> None:
    answers(1, 5000)


def test_wild_registers_end_no_conversation() -> None:
    wild_registers(2, 200)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(50))
def test_a_hundred_thousand_mutated_answers_are_told_from_answers(seed: int) -> None:
    answers(1000 + seed, 2000)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(50))
def test_many_wild_registers_end_no_conversation(seed: int) -> None:
    wild_registers(2000 + seed, 400)
