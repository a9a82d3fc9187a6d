"""The loop hands each upstream the averages of whole minutes. UTC is 1,000,000 s ahead here; a minute ends at 1,000,020."""

import pytest

from grid_functions.model.device import Role
from grid_functions.model.event import Respondent
from grid_functions.model.policy import Policy
from grid_functions.model.reading import Average, Metered
from grid_functions.model.units import Quantity
from tests.gateway.site import Rig
from tests.grid_functions.house import UTILITY, seen
from tests.scenarios.decide.site import policy


async def _minutes(rig: Rig) -> list[Average]:
    async with rig.running() as site:
        for _ in range(100):
            await rig.look(site, power_w=-2000.0, meter_w=-3500.0)
            await rig.time.go(1.0)
    return [one for one in rig.upstream.averages if one.quantity is Quantity.NET and one.start_s == 1_000_020.0]


async def test_an_upstream_is_shown_the_connection_and_its_devices_together() -> None:
    """Two inverters of 2000 W each behind a meter that exports 3500 W."""
    connection, devices = await _minutes(Rig())
    assert (connection.of, connection.duration_s, devices.of) == (Metered.CONNECTION, 60.0, Metered.DEVICES)
    assert connection.value == pytest.approx(-3500.0)
    assert devices.value == pytest.approx(-4000.0)
    assert connection.coverage == pytest.approx(1.0)


async def test_a_minute_is_shown_once() -> None:
    rig = Rig()
    await _minutes(rig)
    starts = [(one.of, one.quantity, one.start_s) for one in rig.upstream.averages]
    assert len(starts) == len(set(starts))


async def test_a_minute_is_told_at_its_end_though_every_device_fell_silent_in_it() -> None:
    """Meter and devices show -4000 W in second 20, believed for 5 s: of the minute from 1,000,020 a twelfth is covered, and told."""
    rig = Rig()
    async with rig.running() as site:
        await rig.time.go(20.0)
        await rig.look(site)
        for name in rig.devices:
            site.take_seen(seen(name, Role.METER if name == "meter" else Role.PV, power_w=None, online=False))
        rig.upstream.averages.clear()
        await rig.time.go(59.0)
        assert rig.upstream.averages == []
        await rig.time.go(1.0)
        told = [one for one in rig.upstream.averages if one.quantity is Quantity.NET]
        serial = site.decision.serial if site.decision else 0
        await rig.time.go(300.0)
        assert site.decision is not None
        assert site.decision.serial == serial
    assert {one.of: one.coverage for one in told} == pytest.approx(
        {Metered.CONNECTION: 5 / 60, Metered.DEVICES: 5 / 60}
    )
    assert {(one.start_s, one.value) for one in told} == {(1_000_020.0, -4000.0)}


@pytest.mark.parametrize(("policies", "more"), [({UTILITY: policy()}, 1), ({}, 0)], ids=["an upstream", "none"])
async def test_who_tells_nobody_is_not_woken_by_the_minute(policies: dict[Respondent, Policy], more: int) -> None:
    """A reading of second 20 is believed for 5 s: the minute that it was part of is told at its end, where there is anybody to tell."""
    rig = Rig(policies=policies)
    async with rig.running() as site:
        await rig.time.go(20.0)
        await rig.look(site)
        await rig.time.go(10.0)
        assert site.decision is not None
        serial = site.decision.serial
        await rig.time.go(300.0)
        assert site.decision.serial == serial + more
