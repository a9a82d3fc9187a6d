"""Copy me with the blueprint: a family as a conversation of registers in and setpoints out."""

import math
from typing import TypeVar

import pytest

from adapters.devices._blueprint import Blueprint, BlueprintOptions, Found
from adapters.family import Conversation, Family
from adapters.modbus.frames import Read, Refusal, Registers, Reply, Request, Write, Written
from grid_functions.model.instants import Instants
from grid_functions.model.reading import Quality
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.units import Quantity

T = TypeVar("T")

# It is a family: mypy says so here.
FAMILY: Family[Found, bytes] = Blueprint(BlueprintOptions(rated_w=5000))
FOUND = Found(1, 7)
NOW = Instants(1.0, 2.0)


def told(conversation: Conversation[T], *replies: Reply | None) -> tuple[T, list[Request]]:
    """The result of a conversation that is sent these replies, and what it asked."""
    asked = []
    try:
        asked.append(next(conversation))
        for reply in replies:
            asked.append(conversation.send(reply))  # noqa: PERF401 - a conversation, not a list
    except StopIteration as end:
        result: T = end.value
        return result, asked
    raise AssertionError(f"still asking {asked[-1]}")


def test_found_by_its_mark() -> None:
    assert told(FAMILY.find(1), Registers(b"\x50\x56\x00\x07")) == (FOUND, [Read(1, 0, 2)])
    for stranger in (Registers(b"Sun\x00"), Refusal(2), None):
        assert told(FAMILY.find(1), stranger)[0] is None


def test_generation_is_negative_here() -> None:
    # 1500 W = 0x05DC, limit 2000 W = 0x07D0.
    look = FAMILY.decode(FOUND, b"\x05\xdc\x07\xd0", NOW)
    assert look.readings[Quantity.NET, None].value == -1500.0
    assert look.holds == Setpoint("", produce_max_w=2000.0)


def test_unknown_power_is_no_number() -> None:
    reading = FAMILY.decode(FOUND, b"\x80\x00\xff\xff", NOW).readings[Quantity.NET, None]
    assert reading.quality is Quality.MISSING
    assert math.isnan(reading.value)


def test_a_silent_device_is_no_poll() -> None:
    assert told(FAMILY.poll(FOUND), None)[0] is None


@pytest.mark.parametrize(
    ("limit_w", "register"), [(1234.9, 1234), (0.0, 0), (-1.0, 0), (9000.0, 5000), (math.inf, 5000)]
)
def test_limit_is_rounded_towards_tighter(limit_w: float, register: int) -> None:
    wanted = Setpoint("x", produce_max_w=limit_w)
    writing, asked = told(FAMILY.write(FOUND, b"\x00\x00\xff\xff", wanted), Written())
    assert asked == [Write(1, 3, (register,))]
    assert writing.points == {"limit": register}


def test_what_reads_so_is_not_written() -> None:
    assert told(FAMILY.write(FOUND, b"\x00\x00\x07\xd0", Setpoint("x", produce_max_w=2000.0)))[0].silent


def test_refusal_and_silence() -> None:
    wanted = Setpoint("x", produce_max_w=1.0)
    refused, _ = told(FAMILY.write(FOUND, b"\x00\x00\x07\xd0", wanted), Refusal(3))
    assert (refused.points, refused.refused) == ({}, "limit: exception 3 (illegal data value)")
    lost, _ = told(FAMILY.write(FOUND, b"\x00\x00\x07\xd0", wanted), None)
    assert (lost.points, lost.refused) == ({"limit": 1}, "")


def test_release_gives_back_what_was() -> None:
    assert told(FAMILY.release(FOUND, b"\x00\x00\x07\xd0", {"limit": 65535}), Written())[1] == [Write(1, 3, (65535,))]


def test_what_it_cannot_do_is_said() -> None:
    assert told(FAMILY.write(FOUND, b"\x00\x00\x07\xd0", Setpoint("x", on=False)))[0].refused


def test_options_have_ranges() -> None:
    with pytest.raises(ValueError, match="rated_w"):
        BlueprintOptions(rated_w=0)
