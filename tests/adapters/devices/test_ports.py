"""Modules and ports of direct current: laid out by the peer's definitions, read only when somebody asks."""

import pytest

from adapters.devices.sunspec.family import SunSpec
from adapters.family import DcPort
from adapters.modbus.frames import Read, Refusal
from tests.adapters.rack import Key, Rack, filled, points, served, who
from tests.adapters.simulator.situations import Hand
from tests.adapters.stage import UTC_S, desk

PORTS: dict[Key, int | str] = {
    **points(714, NPrt=3, DCA_SF=-1, DCV_SF=0, DCW_SF=1, DCWH_SF=2, Tmp_SF=0),
    (714, "Prt[1].PrtTyp"): 0,
    (714, "Prt[1].IDStr"): "east",
    (714, "Prt[1].DCA"): 85,
    (714, "Prt[1].DCV"): 612,
    (714, "Prt[1].DCW"): 520,
    (714, "Prt[1].DCWhInj"): 7,
    (714, "Prt[1].Tmp"): 41,
    (714, "Prt[1].DCSta"): 1,
    (714, "Prt[2].PrtTyp"): 1,
    (714, "Prt[2].DCA"): -25,
    (714, "Prt[2].DCW"): -120,
    (714, "Prt[3].DCSta"): 3,
    (714, "Prt[3].DCAlrm"): 0b10_0000_0000_0001,
}
"""8.5 A at 612 V, 5200 W and 700 Wh from an array; a battery that takes 1200 W (-120) at 2.5 A (-25); a port that failed."""


def _rack(*models: int, **counts: int) -> Rack:
    ac = 701 if 714 in models else 103
    return Rack((1, ac, *models), who() | filled(ac), {"NPrt": 3, "N": 2, "module": 2, **counts})


def _ports(rack: Rack) -> tuple[DcPort, ...]:
    family = SunSpec()
    found = rack.carry_out(family.find(1))
    assert found is not None
    return rack.carry_out(family.ports(found))


def test_ports_of_714_in_this_house_s_signs() -> None:
    rack = _rack(714)
    rack.values |= PORTS
    east, battery, broken = _ports(rack)
    assert east == DcPort("east", "PV", -5200.0, -8.5, 612.0, 700.0, 41.0, "ON")
    assert (battery.name, battery.kind, battery.power_w, battery.current_a) == ("port 2", "ESS", 1200.0, 2.5)
    assert (battery.voltage_v, battery.state) == (None, "")
    assert (broken.power_w, broken.state) == (None, "ERROR")
    assert broken.alarms == {"GROUND_FAULT", "UNDER_TEMP"}


def test_modules_of_160() -> None:
    rack = _rack(160)
    rack.values |= points(160, DCA_SF=-2, DCV_SF=-1, DCW_SF=0, DCWH_SF=0, N=2)
    told = {"DCA": 512, "DCV": 3550, "DCW": 1818, "DCWH": 9_000_000, "Tmp": 38, "DCSt": 4, "DCEvt": 1}
    rack.values |= {(160, f"module[2].{name}"): value for name, value in told.items()}
    first, second = _ports(rack)
    assert first == DcPort("input 1")
    assert second == DcPort(
        "input 2", "", -1818.0, -5.12, 355.0, 9_000_000.0, 38.0, "MPPT", frozenset({"GROUND_FAULT"})
    )


def test_a_scale_factor_that_is_not_told_leaves_the_value_unknown() -> None:
    rack = _rack(714)
    rack.values |= PORTS
    del rack.values[714, "DCW_SF"]
    assert _ports(rack)[0].power_w is None
    assert _ports(rack)[0].current_a == -8.5


@pytest.mark.parametrize("models", [(), (714,)], ids=["no such model", "no ports"])
def test_none_are_told_where_there_are_none(models: tuple[int, ...]) -> None:
    rack = Rack((1, 701, *models), who() | filled(701), {"NPrt": 0})
    rack.values |= points(714, NPrt=0) if models else {}
    assert _ports(rack) == ()


def test_a_unit_that_refuses_the_model_tells_of_none() -> None:
    rack = _rack(714)
    rack.values |= PORTS
    family = SunSpec()
    found = rack.carry_out(family.find(1))
    assert found is not None
    rack.habit = lambda request: Refusal(2)
    assert rack.carry_out(family.ports(found)) == ()
    rack.habit = lambda request: None
    assert rack.carry_out(family.ports(found)) == ()


async def test_they_are_read_when_asked_for_at_most_once_a_minute_and_never_by_a_poll() -> None:
    rack, hand = _rack(714), Hand(UTC_S)
    rack.values |= PORTS
    place = next(spot.offset for (model, name), spot in rack.spots.items() if (model, name) == (714, "Prt[1].DCW"))

    def asked() -> int:
        told = [r for r in rack.asked if isinstance(r, Read) and r.address <= 40000 + place < r.address + r.count]
        rack.asked.clear()
        return len(told)

    async with served(rack), desk(rack.port, hand) as one:
        rack.asked.clear()
        for _ in range(3):
            await one.look(1.0)
        assert asked() == 0
        assert [port.power_w for port in await one.driver.ports()] == [-5200.0, 1200.0, None]
        assert asked() == 1
        rack.values[714, "Prt[1].DCW"] = 100
        hand.t_s += 59.0
        assert (await one.driver.ports())[0].power_w == -5200.0
        assert asked() == 0
        hand.t_s += 1.0
        assert (await one.driver.ports())[0].power_w == -1000.0
        assert asked() == 1


async def test_a_silent_device_tells_of_none() -> None:
    rack, hand = _rack(714), Hand(UTC_S)
    rack.values |= PORTS
    async with served(rack), desk(rack.port, hand, timeout_s=0.2) as one:
        rack.habit = lambda request: None
        await one.look(1.0)
        assert await one.driver.ports() == ()
