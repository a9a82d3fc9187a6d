"""pysunspec2's own client and our driver read the same simulated devices at the same simulated instant."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from adapters.simulator.server import Simulator
from grid_functions.model.device import Role
from grid_functions.model.reading import MeterKey, Quality
from grid_functions.model.units import Phase, Quantity
from tests.adapters.simulator.situations import Hand
from tests.adapters.stage import UTC_S, desk, peer, simulated

# What each reading is in the definitions, and the sign of this house: consumption and absorption positive.
Q = Quantity
DER700: Mapping[MeterKey, tuple[str, int]] = {
    (Q.NET, None): ("W", -1),
    (Q.NET, Phase.A): ("WL1", -1),
    (Q.NET, Phase.B): ("WL2", -1),
    (Q.NET, Phase.C): ("WL3", -1),
    (Q.REACTIVE, None): ("Var", -1),
    (Q.REACTIVE, Phase.A): ("VarL1", -1),
    (Q.REACTIVE, Phase.B): ("VarL2", -1),
    (Q.REACTIVE, Phase.C): ("VarL3", -1),
    (Q.CURRENT, None): ("A", 1),
    (Q.CURRENT, Phase.A): ("AL1", 1),
    (Q.CURRENT, Phase.B): ("AL2", 1),
    (Q.CURRENT, Phase.C): ("AL3", 1),
    (Q.VOLTAGE, None): ("LNV", 1),
    (Q.VOLTAGE, Phase.A): ("VL1", 1),
    (Q.VOLTAGE, Phase.B): ("VL2", 1),
    (Q.VOLTAGE, Phase.C): ("VL3", 1),
    (Q.FREQUENCY, None): ("Hz", 1),
    (Q.ENERGY_PRODUCED, None): ("TotWhInj", 1),
    (Q.ENERGY_CONSUMED, None): ("TotWhAbs", 1),
}
LEGACY: Mapping[MeterKey, tuple[str, int]] = {
    (Q.NET, None): ("W", -1),
    (Q.REACTIVE, None): ("VAr", -1),
    (Q.CURRENT, None): ("A", 1),
    (Q.CURRENT, Phase.A): ("AphA", 1),
    (Q.CURRENT, Phase.B): ("AphB", 1),
    (Q.CURRENT, Phase.C): ("AphC", 1),
    (Q.VOLTAGE, Phase.A): ("PhVphA", 1),
    (Q.VOLTAGE, Phase.B): ("PhVphB", 1),
    (Q.VOLTAGE, Phase.C): ("PhVphC", 1),
    (Q.FREQUENCY, None): ("Hz", 1),
    (Q.ENERGY_PRODUCED, None): ("WH", 1),
}
METER: Mapping[MeterKey, tuple[str, int]] = {
    (Q.NET, None): ("W", 1),
    (Q.NET, Phase.A): ("WphA", 1),
    (Q.NET, Phase.B): ("WphB", 1),
    (Q.NET, Phase.C): ("WphC", 1),
    (Q.REACTIVE, None): ("VAR", 1),
    (Q.REACTIVE, Phase.A): ("VARphA", 1),
    (Q.REACTIVE, Phase.B): ("VARphB", 1),
    (Q.REACTIVE, Phase.C): ("VARphC", 1),
    (Q.CURRENT, None): ("A", 0),  # signed in the model, a root mean square here
    (Q.CURRENT, Phase.A): ("AphA", 0),
    (Q.CURRENT, Phase.B): ("AphB", 0),
    (Q.CURRENT, Phase.C): ("AphC", 0),
    (Q.VOLTAGE, None): ("PhV", 1),
    (Q.VOLTAGE, Phase.A): ("PhVphA", 1),
    (Q.VOLTAGE, Phase.B): ("PhVphB", 1),
    (Q.VOLTAGE, Phase.C): ("PhVphC", 1),
    (Q.FREQUENCY, None): ("Hz", 1),
    (Q.ENERGY_CONSUMED, None): ("TotWhImp", 1),
    (Q.ENERGY_PRODUCED, None): ("TotWhExp", 1),
}


@pytest.fixture
def hand() -> Hand:
    return Hand(UTC_S)


@pytest.fixture
async def site(hand: Hand) -> AsyncIterator[Simulator]:
    async with simulated(hand, sun={"fraction": 0.613}) as running:
        yield running


@pytest.mark.parametrize(
    ("device", "link", "unit", "role", "model", "table"),
    [
        ("old", "a", 1, Role.PV, 103, LEGACY),
        ("new", "b", 1, Role.PV, 701, DER700),
        ("meter", "a", 240, Role.METER, 203, METER),
    ],
)
async def test_every_reading_is_the_peers(
    site: Simulator,
    hand: Hand,
    device: str,
    link: str,
    unit: int,
    role: Role,
    model: int,
    table: Mapping[MeterKey, tuple[str, int]],
) -> None:
    async with desk(site.ports[link], hand, unit=unit, role=role) as it:
        seen = await it.look(3601.5)  # an hour, so that energies have counted

        def read(client: Any) -> dict[str, float | None]:
            found = client.models[model][0]
            return {point: found.points[point].cvalue for point, _ in table.values()}

        theirs = await peer(site, device, read)
    expected = {
        key: abs(value) if sign == 0 else sign * value
        for key, (point, sign) in table.items()
        if (value := theirs[point]) is not None and not (point.startswith("TotWh") and model == 203 and value == 0)
    }
    ours = seen.condition.readings
    assert {reading.quality for reading in ours.values()} == {Quality.GOOD}
    assert {key: reading.value for key, reading in ours.items()} == pytest.approx(expected, rel=1e-12)
    assert len(ours) >= 11


async def test_the_nameplate_is_the_peers(site: Simulator, hand: Hand) -> None:
    async with desk(site.ports["b"], hand) as it:
        plate = it.looks[-1].nameplate

    def read(client: Any) -> tuple[Any, ...]:
        common, rated = client.common[0], client.models[702][0]
        return (common.Mn.cvalue, common.Md.cvalue, common.SN.cvalue, rated.WMaxRtg.cvalue, rated.WMax.cvalue)

    ours = (plate.maker, plate.model, plate.serial, plate.rated_w, plate.max_w)
    assert ours == await peer(site, "new", read)


async def test_meter_phases_add_up_to_its_total(site: Simulator, hand: Hand) -> None:
    async with desk(site.ports["a"], hand, unit=240, role=Role.METER) as it:
        readings = it.looks[-1].condition.readings
    # 1000 W house; 5500 and 9000 W of panels at 0.613 sun: 3371.5 and 5517 W: 1000 - 8888.5 = -7888.5, to the watt.
    assert readings[Q.NET, None].value == pytest.approx(-7888.5, abs=0.5)
    assert sum(readings[Q.NET, phase].value for phase in Phase) == readings[Q.NET, None].value
