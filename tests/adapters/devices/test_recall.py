"""What is kept from poll to poll is what would be concluded anew: whatever changes on the device, in whatever order."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.devices.sunspec.family import SunSpec
from adapters.devices.sunspec.found import Found, Memory
from adapters.devices.sunspec.recall import Noted, Recall
from adapters.family import Look, Writing
from adapters.simulator.registers import PointKey
from adapters.sunspec.points import Value
from grid_functions.model.instants import Instants
from grid_functions.model.setpoint import Revert, Setpoint
from tests.adapters.devices.images import Unit, identified
from tests.adapters.devices.images import points as raw
from tests.adapters.devices.test_sunspec import AC103, AC701, CONTROL123, LIMIT704, PLATE702

FAMILY = SunSpec()
NOW = Instants(100.0, 1_800_000_100.0)
WANTED = (
    Setpoint("pv", 1, produce_max_w=4000.0, revert=Revert(60, 1000.0)),
    Setpoint("pv", 2, produce_max_w=4000.0, on=True),
    Setpoint("pv", 3, on=False),
)
BASIC = raw(120, WRtg=5000, WRtg_SF=0) | raw(121, WMax=5000, WMax_SF=0)

Changes = list[tuple[PointKey, int | None]]


def young() -> Unit:
    """An inverter of the 700 series."""
    rest = (
        raw(703, ES=1) | raw(715, LocRemCtl=0, DERHb=7, ControllerHb=3, OpCtl=1) | raw(713, WHRtg=1000, SoC=50, Sta=0)
    )
    return Unit((1, 701, 702, 703, 704, 713, 715), {**identified(), **AC701, **PLATE702, **LIMIT704, **rest})


def older() -> Unit:
    """An inverter of the 100 series."""
    return Unit((1, 103, 120, 121, 122, 123), {**identified(), **AC103, **BASIC, **CONTROL123}, unpadded=True)


def changes(unit: Callable[[], Unit]) -> st.SearchStrategy[Changes]:
    """One point at a time, to what it may just as well read; None: not implemented."""
    keys = sorted(key for key, value in unit().values.items() if key[0] != 1 and isinstance(value, int))
    return st.lists(
        st.tuples(st.sampled_from(keys), st.sampled_from([0, 1, 2, 3, 100, 5000, 0x7FFF, None])), max_size=12
    )


def found(unit: Unit) -> Found:
    """The device, looked at for the first time."""
    it = unit.carry_out(FAMILY.find(1))
    assert it is not None
    return it


def forgetful(it: Found) -> Found:
    """The same device, of which nothing is remembered."""
    return replace(it, memory=Memory(), quick=replace(it.quick, _last={}))


def seen(unit: Unit, it: Found, wanted: Setpoint, rearm: bool) -> tuple[Look | None, list[Any], Writing[Found] | None]:
    """One look, and what a write of ``wanted`` would send; the device is left as it is."""
    values = unit.carry_out(FAMILY.poll(it))
    if values is None:
        return None, [], None
    look, before = FAMILY.decode(it, values, NOW), dict(unit.values)
    writing = unit.carry_out(FAMILY.write(it, values, wanted, rearm=rearm))
    writes, unit.values = unit.writes, before
    return look, writes, replace(writing, found=None)


@pytest.mark.parametrize("unit", [young, older])
@given(st.data())
def test_remembering_makes_no_difference(unit: Callable[[], Unit], data: st.DataObject) -> None:
    device = unit()
    it = found(device)
    for key, value in data.draw(changes(unit)):
        device.values.pop(key, None)
        device.values |= {} if value is None else {key: value}
        wanted, rearm = data.draw(st.sampled_from(WANTED)), data.draw(st.booleans())
        # Readings that are no number are equal to none, themselves included.
        assert str(seen(device, it, wanted, rearm)) == str(seen(device, forgetful(it), wanted, rearm))


def test_what_reads_the_same_is_the_same_object() -> None:
    device = young()
    it = found(device)
    before = device.carry_out(FAMILY.poll(it))
    device.values[701, "W"] = 5990
    after = device.carry_out(FAMILY.poll(it))
    assert before is not None
    assert after is not None
    assert [model for model in before if after[model] is not before[model]] == [701]
    looks = [FAMILY.decode(it, values, NOW) for values in (before, after)]
    assert looks[0].holds is looks[1].holds
    assert looks[0].points is looks[1].points
    assert looks[0].readings != looks[1].readings


READ: dict[int, Mapping[str, Value | None]] = {1: {"a": 1, "b": 2}, 2: {"c": 3}}


@pytest.mark.parametrize(
    ("values", "again"),
    [
        (READ, False),
        ({**READ, 1: {"a": 1, "b": 9}}, False),
        ({**READ, 1: {"a": 9, "b": 2}}, True),
        ({**READ, 1: {"a": None, "b": 2}}, True),
        ({**READ, 2: {"c": 9}}, False),
        ({1: READ[1]}, True),
        ({**READ, 3: {}}, True),
    ],
)
def test_it_is_drawn_anew_when_what_was_looked_at_reads_otherwise(
    values: Mapping[int, Mapping[str, Value | None]], again: bool
) -> None:
    recall, drawn = Recall[Value | None](), list[Value | None]()

    def conclude(read: Mapping[int, Mapping[str, Value | None]]) -> Value | None:
        drawn.append(read[1].get("a"))
        return drawn[-1]

    about = object()
    recall((about,), READ, conclude)
    assert recall((about,), values, conclude) == values[1]["a"]
    assert len(drawn) == 1 + again
    recall((object(),), values, conclude)
    assert len(drawn) == 2 + again


@pytest.mark.parametrize(
    "look",
    [
        lambda read: read.get("b"),
        lambda read: read["b"],
        lambda read: "b" in read,
        lambda read: list(read),
        lambda read: dict(read.items()),
        lambda read: list(read.values()),
        lambda read: list(read.keys()),
        lambda read: {**read},
        lambda read: read.over({"z": 1}).get("b"),
    ],
)
def test_every_way_of_looking_is_noted(look: Callable[[Noted], Any]) -> None:
    read = Noted({"a": 1, "b": 2})
    look(read)
    assert "b" in read.names


def test_what_devices_read_the_same_is_kept_once_for_all_of_them() -> None:
    one, other = young(), young()
    other.values[701, "W"] = 321
    first, second = found(one), found(other)
    here, there = (unit.carry_out(FAMILY.poll(it)) for unit, it in ((one, first), (other, second)))
    assert here is not None
    assert there is not None
    assert here[704] is there[704]
    assert here[701] != there[701]
    # What is written to one is no business of the other's.
    one.carry_out(FAMILY.write(first, here, WANTED[0]))
    assert there[704]["WMaxLimPctEna"] == LIMIT704[704, "WMaxLimPctEna"]
