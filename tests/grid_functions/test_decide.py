"""One site's step: what is told when, what survives, what harms whom."""

from dataclasses import dataclass, replace

from grid_functions import decide as room
from grid_functions.decide import SERIAL_BLOCK, restore
from grid_functions.model.claim import Bound, SourceKind
from grid_functions.model.control import ExportLimit
from grid_functions.model.device import Capability, Role
from grid_functions.model.entry import Entry
from grid_functions.model.event import Rank, Standing
from grid_functions.model.function import SiteInputs, Step
from grid_functions.model.instants import Instants
from grid_functions.model.setpoint import Revert, Setpoint
from grid_functions.site.limit_power import LimitPower, LimitPowerState
from tests.grid_functions.house import UTILITY, seen, terms
from tests.scenarios.decide.site import Site, event, policy, produce

ONE = {"a": Role.PV}


def site(**told: object) -> Site:
    """One inverter of 5 kW."""
    plain = Site([seen("a")], terms(ONE))
    for name, value in told.items():
        setattr(plain, name, value)
    return plain


def test_a_start_is_told_only_once_its_decision_went_to_the_drivers() -> None:
    house = site()
    first = house.tick(0.0, house.read(0.0, event("e", ExportLimit(1000.0))), hand_over=False)
    house.tick(1.0, hand_over=False)
    assert ("e", "received") in house.outcomes
    assert ("e", "started") not in house.outcomes
    house.hand_over(2.0, first.serial - 1)
    assert ("e", "started") not in house.outcomes
    house.hand_over(3.0, first.serial)
    assert house.outcomes.count(("e", "started")) == 1


def test_what_follows_a_start_waits_behind_it() -> None:
    house = site()
    first = house.tick(0.0, house.read(0.0, event("e", ExportLimit(1000.0), duration_s=5.0)), hand_over=False)
    house.tick(6.0, hand_over=False)
    assert ("e", "completed") not in house.outcomes
    house.hand_over(7.0, first.serial)
    told = [kind for name, kind in house.outcomes if kind in ("started", "completed")]
    assert told == ["started", "completed"]


def test_an_unchanged_setpoint_keeps_the_serial_it_was_made_by() -> None:
    house = site()
    first = house.tick(0.0, house.read(0.0, event("e", ExportLimit(1000.0))))
    second = house.tick(1.0)
    assert second.serial > first.serial
    assert second.setpoints == first.setpoints
    assert second.setpoints[0].decision == first.serial
    house.meter_w = 500.0
    third, fourth = house.tick(2.0), house.tick(3.0)
    assert third.setpoints == first.setpoints  # more room is believed once it is seen twice
    assert fourth.setpoints[0] == Setpoint("a", fourth.serial, produce_max_w=1500.0, revert=Revert(60.0, 1500.0))


def test_the_same_past_yields_the_same_decision() -> None:
    def story() -> room.Decision:
        house = site()
        house.tick(0.0, house.read(0.0, event("e", ExportLimit(1000.0)), event("f", ExportLimit(900.0), level=0.0)))
        return house.tick(1.0)

    assert story() == story()


def test_a_restart_from_the_entries_goes_on_without_a_bump() -> None:
    house = site()
    house.devices = [seen("a", power_w=-1000.0, holds=Setpoint("a", produce_max_w=1000.0))]
    house.meter_w = -1000.0
    house.tick(0.0, house.read(0.0, event("e", ExportLimit(1000.0))))
    before = house.tick(1.0)
    entries = [entry for done in house.decisions for entry in done.entries]
    again = site(state=restore(entries), devices=house.devices, meter_w=-1000.0)
    after = again.tick(2.0)
    assert produce(after) == produce(before) == {"a": 1000.0}
    assert after.serial > before.serial
    again.tick(3.0)
    assert [one for one in again.outcomes if one[1] in ("received", "started")] == []


def test_a_start_that_waited_over_a_restart_is_told_after_it() -> None:
    house = site()
    house.tick(0.0, house.read(0.0, event("e", ExportLimit(1000.0))), hand_over=False)
    entries = [entry for done in house.decisions for entry in done.entries]
    again = site(state=restore(entries))
    again.tick(1.0)
    again.tick(2.0)
    assert again.outcomes.count(("e", "started")) == 1


def test_serials_are_taken_in_blocks() -> None:
    house = site()
    for second in range(5):
        house.tick(float(second))
    blocks = [entry for done in house.decisions for entry in done.entries if entry.key == (room.ROOM, "serial")]
    assert blocks == [Entry((room.ROOM, "serial"), room.SerialBlock(1 + SERIAL_BLOCK))]
    assert restore(blocks).serial == 1 + SERIAL_BLOCK


@dataclass(frozen=True, slots=True)
class Broken:
    """A function with a fault."""

    options: None = None

    def empty(self) -> LimitPowerState:
        """Nothing."""
        return LimitPowerState()

    def step(self, state: LimitPowerState, inputs: SiteInputs, now: Instants) -> Step[LimitPowerState]:
        """Always fails."""
        raise RuntimeError("broken")


def test_a_function_that_raises_is_an_alarm_and_no_other_is_harmed() -> None:
    house = site(functions={"broken": Broken(), "limit_power": LimitPower()})
    done = house.tick(0.0, house.read(0.0, event("e", ExportLimit(1000.0))))
    assert produce(done) == {"a": 1000.0}
    assert [(one.room, one.subject) for one in done.alarms] == [("decide", "broken")]


def test_a_device_that_cannot_be_limited_is_an_alarm() -> None:
    house = site(devices=[seen("a", capability=Capability())])
    done = house.tick(0.0, house.read(0.0, standings=(Standing("p1", Rank(1.0), (ExportLimit(1000.0),)),)))
    assert produce(done) == {"a": None}
    assert [(one.subject, one.text) for one in done.alarms] == [("a", "cannot be limited in power produced")]


def test_the_fail_safe_is_what_a_timer_ends_in() -> None:
    house = site(policies={UTILITY: policy(fail_safe=(ExportLimit(400.0),))})
    done = house.tick(0.0, house.read(0.0, event("e", ExportLimit(1000.0))))
    assert done.setpoints[0].revert == Revert(60.0, produce_max_w=400.0)


def test_without_a_current_upstream_the_fail_safe_holds() -> None:
    house = site(policies={UTILITY: policy(fail_safe=(ExportLimit(400.0),))})
    assert produce(house.tick(0.0)) == {"a": 400.0}


def test_applied_and_effective_are_evidence_beside_the_start() -> None:
    house = site()
    house.devices = [seen("a", power_w=-1000.0, holds=Setpoint("a", produce_max_w=1000.0))]
    house.meter_w = -1000.0
    house.tick(0.0, house.read(0.0, event("e", ExportLimit(1000.0))))
    for second in range(1, 8):
        house.tick(float(second))
    kinds = [kind for _, kind in house.outcomes]
    assert kinds == ["received", "started", "applied", "effective"]


def test_the_next_change_is_called_for() -> None:
    house = site()
    done = house.tick(0.0, house.read(0.0, event("e", ExportLimit(1000.0), duration_s=60.0)))
    assert [one.at_s for one in done.wake] == [1_000_010.0], "what no device shows within ten seconds is mismatched"
    house.tick(30.0)
    assert [one.at_s for one in house.tick(35.0).wake] == [1_000_060.0]


def test_the_ruling_shows_who_asked() -> None:
    house = site()
    done = house.tick(0.0, house.read(0.0, event("e", ExportLimit(1000.0))))
    (claim,) = [one for one in done.ruling.bounds if one.cause.source.kind is SourceKind.IEEE2030_5]
    assert claim.want == Bound(1000.0)
    assert replace(done.in_force[0]) == claim.cause
