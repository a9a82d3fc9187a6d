"""The loop hands each upstream the averages of whole minutes. UTC is 1,000,000 s ahead here; a minute ends at 1,000,020."""

import pytest

from grid_functions.model.reading import Average, Metered
from grid_functions.model.units import Quantity
from tests.gateway.site import Rig


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
