"""`osed test` on a charger: twins that obey, that do not, that fall back as they should or not at all."""

import pytest

from adapters.charger_trial import ChargerFindings, ChargerTrial
from adapters.modbus.frames import Frame, Refusal, Reply, Write, decode_request
from adapters.modbus.link import Link
from adapters.simulator.car import Car
from adapters.simulator.twins import Twins
from grid_functions.model.device import Fallback
from grid_functions.model.errors import OperatorFault
from grid_functions.model.setpoint import Setpoint
from tests.adapters.registers.bench import CHARGERS, PROFILES, Bench, bench, family
from tests.adapters.simulator.situations import Hand
from tests.adapters.stage import UTC_S, HandClock

MEASURED = [name for name in CHARGERS if PROFILES[name].measures]
WATCHED = [name for name in MEASURED if PROFILES[name].watchdog]


async def tried(at: Bench, **options: object) -> ChargerFindings:
    made = family(at.name, **options)
    link = Link("127.0.0.1", at.port, jitter=lambda low, high: low)

    async def sleep(seconds: float) -> None:
        at.hand.t_s += seconds

    try:
        return await ChargerTrial(made, link, at.unit, HandClock(at.hand), lambda text: None, made.watched, sleep).run()
    finally:
        await link.close()


@pytest.mark.parametrize("name", MEASURED)
async def test_a_charger_that_obeys(name: str) -> None:
    async with bench(name, Hand(UTC_S), Car()) as at:
        before = at.twin.limit_a
        found = await tried(at)
        assert found.obeys
        assert found.restored
        # The vehicle draws 16 A, whatever more it is offered; 6 A is what all chargers here fall back to.
        assert found.start_a == pytest.approx(min(16.0, before), abs=0.1)
        assert found.fallback_seen is (name in WATCHED), found.fallback
        assert [trial.what for trial in found.trials][:3] == ["least current", "pause", "resumed"]


@pytest.mark.parametrize(("seen", "expected"), [(False, None), (True, Fallback(6.0, 30.0))])
async def test_a_fallback_counts_once_it_was_seen_and_is_set(seen: bool, expected: Fallback | None) -> None:
    """KEBA's watchdog is known from recollection; it comes from its box with another fallback than ours."""
    async with bench("keba-p30", Hand(UTC_S), Car()) as at, at.driven(fallback_seen=seen) as it:
        currents = it.looks[-1].capability.currents
        assert currents is not None
        assert currents.fallback is None
        it.driver.want(Setpoint("device", 1, current_max_a=10.0))
        currents = (await it.look()).capability.currents
        assert currents is not None
        assert currents.fallback == expected


async def test_a_fallback_that_cannot_be_set_does_not_count_and_the_limit_holds() -> None:
    async with bench("vestel-evc04", Hand(UTC_S), Car(), twins=Stubborn) as at, at.driven() as it:
        it.driver.want(Setpoint("device", 1, current_max_a=10.0))
        seen = await it.look()
        assert seen.capability.currents is not None
        assert seen.capability.currents.fallback is None
        assert at.twin.limit_a == 10.0
        assert "failsafe_a" in seen.condition.text


class Stubborn(Twins):
    """Its fallback is locked by the installer."""

    def reply(self, frame: Frame) -> Reply | None:
        request = decode_request(frame)
        if isinstance(request, Write) and request.address in (2000, 2002):
            return Refusal(3)
        return super().reply(frame)


class Sleepless(Twins):
    """Its watchdog never bites."""

    def reply(self, frame: Frame) -> Reply | None:
        reply = super().reply(frame)
        self.change(frame.unit, fed_s=None)
        return reply


async def test_a_charger_that_does_not_fall_back() -> None:
    async with bench("webasto-next", Hand(UTC_S), Car(), twins=Sleepless) as at:
        found = await tried(at)
        assert found.obeys
        assert not found.fallback_seen
        assert "should draw 6 A" in found.fallback


async def test_a_charger_that_lies() -> None:
    async with bench("peblar", Hand(UTC_S), Car()) as at:
        at.twins.change(at.unit, obeys=False)
        found = await tried(at)
        assert not found.obeys
        assert found.restored


async def test_without_a_vehicle_there_is_nothing_to_see() -> None:
    async with bench("peblar", Hand(UTC_S)) as at:
        with pytest.raises(OperatorFault, match=r"draws 0\.0 A"):
            await tried(at)
        assert at.twin.memory == {}
