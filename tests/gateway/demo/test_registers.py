"""What the witness's readings say: limits in watts, a point over time, how many reactive modes are enabled."""

import asyncio

from gateway.demo.registers import Address, Register, Witness, limit_w, reactive_modes, series
from tests.adapters.simulator.situations import Hand
from tests.adapters.stage import UTC_S, simulated

EAST = Address("pv-east", "127.0.0.1", 502, 1, 6000.0)


def read(t_s: float, model: int, point: str, value: float, device: str = "pv-east") -> Register:
    return Register(t_s, device, model, point, value)


def test_a_limit_is_a_share_of_the_rating_while_it_is_enabled() -> None:
    assert limit_w([read(0.0, 704, "WMaxLimPct", 25.0), read(0.0, 704, "WMaxLimPctEna", 1.0)], EAST) == 1500.0
    assert limit_w([read(0.0, 704, "WMaxLimPct", 25.0), read(0.0, 704, "WMaxLimPctEna", 0.0)], EAST) is None


def test_one_point_of_one_device_over_time() -> None:
    readings = [read(0.0, 701, "Var", 5.0), read(0.0, 701, "Var", 9.0, "battery"), read(1.0, 701, "Var", 6.0)]
    assert series(readings, "pv-east", 701, "Var") == [(0.0, 5.0), (1.0, 6.0)]


def test_reactive_modes_are_counted_reading_by_reading() -> None:
    readings = [
        read(0.0, 704, "VarSetEna", 1.0),
        read(0.0, 705, "Ena", 0.0),
        read(1.0, 704, "VarSetEna", 1.0),
        read(1.0, 705, "Ena", 1.0),
        read(1.0, 705, "Ena", 1.0, "battery"),
        read(1.0, 704, "WSetEna", 1.0),  # no reactive mode
        read(2.0, 705, "Ena", 1.0),
        read(2.0, 712, "Ena", 0.0),
    ]
    assert reactive_modes(readings, "pv-east") == [(0.0, 1), (1.0, 2), (2.0, 1)]


async def test_a_witness_that_several_ask_at_once_answers_each() -> None:
    """Two threads that share one client take each other's answers."""
    inverters = [{"name": "new", "kind": "der700", "rated_w": 8000, "dc_w": 9000, "link": "b", "models": [705, 712]}]
    async with simulated(Hand(UTC_S), inverters=inverters) as site:
        (found,) = (d for d in site.announcement["devices"] if d["name"] == "new")
        address = Address("new", found["host"], found["port"], found["unit"], 8000.0)
        witness = Witness([address])
        first = await witness.read()
        curve = await witness.curve(address)
        assert first
        assert curve
        asked = [one for _ in range(12) for one in (witness.read(), witness.curve(address))]
        answers = await asyncio.gather(*asked)
        await witness.close()
    assert [len(one) for one in answers[0::2]] == [len(first)] * 12
    assert answers[1::2] == [curve] * 12
