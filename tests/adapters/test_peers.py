"""pysunspec2's own client and our driver read the same simulated devices at the same simulated instant."""

import math
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import pytest

from adapters.devices.sunspec.family import SunSpec
from adapters.devices.sunspec.options import SunSpecOptions
from adapters.family import Conversation
from adapters.modbus.link import Link
from adapters.simulator.server import Simulator
from grid_functions.model.device import Role
from grid_functions.model.reading import MeterKey, Quality
from grid_functions.model.units import Phase, Quantity
from tests.adapters.simulator.situations import Hand
from tests.adapters.stage import UTC_S, T, desk, peer, simulated

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


CURVES = (705, 706, 707, 708, 709, 710, 711, 712)
EVERYTHING = {
    "inverters": [
        {
            "name": "new", "kind": "der700", "rated_w": 8000, "dc_w": 9000, "link": "b", "serial": "D-1",
            "models": [*CURVES, 713, 714, 715], "storage": {"capacity_wh": 12500, "soc_pct": 37.5, "charge_w": 4000},
        }
    ]
}  # fmt: skip


async def _over(link: Link, conversation: Conversation[T]) -> T:
    """What a conversation of ours brings over a real connection."""
    try:
        request = next(conversation)
        while True:
            request = conversation.send(await link.transact(request))
    except StopIteration as end:
        result: T = end.value
        return result


def _walked(group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every point of one of pysunspec2's groups, by path."""
    for name, point in group.points.items():
        yield prefix + name, point
    for name, inner in group.groups.items():
        listed = inner if isinstance(inner, list) else None
        for k, each in enumerate(listed if listed is not None else [inner], 1):
            yield from _walked(each, f"{prefix}{name}[{k}]." if listed is not None else f"{prefix}{name}.")


async def test_every_curve_and_the_storage_are_the_peers(hand: Hand) -> None:
    async with simulated(hand, **EVERYTHING) as site:

        def read(client: Any) -> dict[int, dict[str, Any]]:
            assert [m for m in client.models if isinstance(m, int)] == [1, 701, 702, 703, 704, *CURVES, 713, 714, 715]
            assert [m.error_info for models in client.models.values() for m in models if m.error_info] == []
            return {
                model: {path: point.cvalue for path, point in _walked(client.models[model][0])}
                for model in (*CURVES, 704, 713, 715)
            }

        theirs = await peer(site, "new", read)
        family, link = SunSpec(SunSpecOptions()), Link("127.0.0.1", site.ports["b"], jitter=lambda low, high: 0.0)
        found = await _over(link, family.find(1))
        assert found is not None
        raw = await _over(link, family.poll(found, frozenset(f"{model}.Ena" for model in CURVES)))
        await link.close()
    assert raw is not None
    for model, points in theirs.items():
        ours = {path: value for path, value in raw[model].items() if value is not None}
        assert {path: points[path] for path in ours} == pytest.approx(ours, rel=1e-12), model
        if model != 713:  # of which only what changes is polled
            assert {path for path, value in points.items() if value is not None} == set(ours), model
    # As the site was planned: 37.5 % of 12500 Wh, and the default curves of IEEE 1547-2018.
    assert raw[713]["SoC"] == 37.5
    assert raw[713]["WHAvail"] == pytest.approx(4687.5, abs=0.5)
    assert (theirs[705]["Crv[3].Pt[4].V"], theirs[705]["Crv[3].Pt[4].Var"]) == (108.0, -44.0)
    assert (raw[712]["Crv[1].Pt[6].W"], raw[712]["Crv[1].Pt[6].Var"]) == (100.0, -44.0)
    assert theirs[710]["Crv[1].MustTrip.Pt[2].Hz"] == 52.0


OLDER = (126, 127, 129, 130, 131, 132, 134, 135, 136)
HYBRID = {
    "inverters": [
        {
            "name": "old", "kind": "legacy", "rated_w": 5000, "dc_w": 5500, "link": "a", "serial": "L-1",
            "models": [124, *OLDER, 802], "storage": {"capacity_wh": 12500, "soc_pct": 37.5, "charge_w": 4000},
        }
    ]
}  # fmt: skip


async def test_the_older_models_with_storage_are_the_peers(hand: Hand) -> None:
    async with simulated(hand, **HYBRID) as site, desk(site.ports["a"], hand) as it:

        def read(client: Any) -> list[Any]:
            assert [m for m in client.models if isinstance(m, int)] == [1, 103, 120, 121, 122, 123, 124, *OLDER, 802]
            assert [m.error_info for models in client.models.values() for m in models if m.error_info] == []
            rated, store = client.models[120][0], client.models[124][0]
            return [
                store.ChaState.cvalue,
                client.models[802][0].SoC.cvalue,
                store.WChaMax.cvalue,
                rated.MaxChaRte.cvalue,
                rated.MaxDisChaRte.cvalue,
                rated.WHRtg.cvalue,
            ]

        seen = it.looks[-1]
        assert await peer(site, "old", read) == [37.5, 37.5, 4000, 4000, 5000, 12500]
    plate = seen.nameplate
    assert seen.condition.readings[Q.STATE_OF_CHARGE, None].value == 37.5
    assert (plate.rated_charge_w, plate.rated_discharge_w, plate.capacity_wh) == (4000, 5000, 12500)


@pytest.mark.parametrize("model", [201, 202, 203, 204, 211, 212, 213, 214])
async def test_every_kind_of_meter_is_the_peers(hand: Hand, model: int) -> None:
    meter = {"name": "meter", "link": "a", "unit": 240, "serial": "M-1", "model": model}
    async with simulated(hand, meter=meter) as site, desk(site.ports["a"], hand, unit=240, role=Role.METER) as it:
        ours = it.looks[-1].condition.readings

        def read(client: Any) -> dict[str, float | None]:
            found = client.models[model][0]
            return {point: found.points[point].cvalue for point, _ in METER.values()}

        theirs = await peer(site, "meter", read)
    # 1000 W of house, 5000 and 8000 W of production.
    assert theirs["W"] == -12000
    assert {key: reading.value for key, reading in ours.items()} == pytest.approx(
        {
            key: abs(value) if sign == 0 else sign * value
            for key, (point, sign) in METER.items()
            if (value := theirs[point]) is not None
            and not math.isnan(value)
            and (model > 210 or not (point.startswith("TotWh") and value == 0))
        },
        rel=1e-12,
    )
