"""Evidence at its edges: who is looked at, for how long, and what disagrees. One inverter of 5 kW, settled in 5 s, steps of 10 W."""

from dataclasses import replace
from math import inf, nan

import pytest

from grid_functions.arbiter import rule
from grid_functions.evidence import Trial, step
from grid_functions.model.claim import Claim, ConnectionPoint, Switch, Target
from grid_functions.model.control import Energize, Mode, TargetPower
from grid_functions.model.device import Role, Seen
from grid_functions.model.event import EventKey
from grid_functions.model.instants import OWN, Moment
from grid_functions.model.outcome import OutcomeKind
from grid_functions.model.policy import DEFAULT_PRECEDENCE
from grid_functions.model.reading import Quality, Reading
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from grid_functions.trajectory import TrajectoryState
from tests.grid_functions.house import NET, UTILITY, able, at, bound, in_force, on, seen, snapshot, terms

EVENT, OTHER = EventKey(UTILITY, "e1"), EventKey(UTILITY, "e2")
A = OutcomeKind
STILL = TrajectoryState()
CONSUMED = Quantity.CONSUMED
Told = tuple[dict[EventKey, Trial], list[tuple[str, OutcomeKind]]]


def of_event(claim: Claim, key: EventKey = EVENT) -> Claim:
    return replace(claim, cause=replace(claim.cause, cause=key))


def look(
    claims: list[Claim],
    setpoints: list[Setpoint],
    picture: Snapshot,
    trials: dict[EventKey, Trial] | None = None,
    changed_s: dict[str, float] | None = None,
) -> Told:
    roles = {name: one.role for name, one in picture.devices.items()}
    now = picture.at
    ruling = rule(claims, DEFAULT_PRECEDENCE)
    looked = step(trials or {}, ruling, setpoints, picture, terms(roles), changed_s or {}, STILL, now)
    return looked.trials, [(fact.event.id, fact.what) for fact in looked.facts]


def device(
    name: str = "a",
    role: Role = Role.PV,
    *,
    holds: Setpoint | None = None,
    power_w: float | None = 0.0,
    at_s: float = 0.0,
    settle_s: float = 5.0,
) -> Seen:
    return seen(
        name, role, holds=holds, power_w=power_w, at_s=at_s, capability=able(settle_s=settle_s, resolution_w=10.0)
    )


SETTLED = {EVENT: Trial(0.0, applied_s=0.0)}


@pytest.mark.parametrize(
    ("want", "holds", "applied"),
    [
        (Setpoint("a", consume_max_w=100.0), Setpoint("a", consume_max_w=105.0), True),
        (Setpoint("a", consume_max_w=100.0), Setpoint("a", consume_max_w=94.9), False),
        (Setpoint("a", produce_max_w=100.0, consume_max_w=100.0), Setpoint("a", produce_max_w=100.0), False),
        (Setpoint("a", consume_max_w=100.0), Setpoint("a", produce_max_w=100.0), False),
        (Setpoint("a", produce_max_w=100.0), None, False),
        (Setpoint("a"), None, True),  # nothing wanted of it is held
        (Setpoint("a", on=False), Setpoint("a", on=False), True),
        (Setpoint("a", on=False), Setpoint("a", on=True), False),
        (Setpoint("a", on=True), Setpoint("a"), False),
        (Setpoint("a", on=True, produce_max_w=100.0), Setpoint("a", on=True, produce_max_w=200.0), False),
        (Setpoint("a"), Setpoint("a", on=False, produce_max_w=3.0), True),  # what is not ours is not compared
    ],
)
def test_all_that_was_wanted_must_read_back(want: Setpoint, holds: Setpoint | None, applied: bool) -> None:
    told = look([of_event(bound(1500.0))], [want], snapshot([device(holds=holds)], 0.0))[1]
    assert told == ([("e1", A.APPLIED)] if applied else [])


def test_every_device_of_the_claim_must_hold_and_no_other() -> None:
    held = device(holds=Setpoint("a", produce_max_w=1.0))
    loose = device("b")
    wanted = [Setpoint(name, produce_max_w=1.0) for name in "ab"]
    assert look([of_event(bound(1.0))], wanted, snapshot([held, loose], 0.0))[1] == []
    assert look([of_event(bound(1.0, on("a")))], wanted, snapshot([held, loose], 0.0))[1] == [("e1", A.APPLIED)]
    assert look([of_event(bound(1.0, on("b")))], wanted, snapshot([held, loose], 0.0))[1] == []


def test_what_reaches_no_device_is_never_applied() -> None:
    """A limit on consumption, and only an inverter there."""
    after, told = look([of_event(bound(1.0, on("a"), CONSUMED))], [Setpoint("a")], snapshot([device()], 0.0), SETTLED)
    assert (told, after[EVENT].mismatched) == ([("e1", A.EFFECTIVE)], False)
    assert look([of_event(bound(1.0, on("a"), CONSUMED))], [Setpoint("a")], snapshot([device()], 0.0))[1] == []


def test_the_slowest_device_settles_last() -> None:
    """5 s and 9 s: judged at 9 s."""

    def told(now_s: float) -> list[tuple[str, OutcomeKind]]:
        both = [device(at_s=now_s), device("b", at_s=now_s, settle_s=9.0)]
        return look([of_event(bound(1500.0))], [Setpoint("a"), Setpoint("b")], snapshot(both, 0.0, now_s), SETTLED)[1]

    assert told(8.9) == []
    assert told(9.0) == [("e1", A.EFFECTIVE)]


@pytest.mark.parametrize(
    ("limit_w", "export_w", "verdict"),
    [
        (10_000.0, 10_400.0, A.EFFECTIVE),  # 4 % of 10 kW are 400 W
        (10_000.0, 10_400.1, A.NOT_EFFECTIVE),
        (0.0, 100.0, A.EFFECTIVE),  # at least 100 W
        (0.0, 100.1, A.NOT_EFFECTIVE),
        (0.0, -5000.0, A.EFFECTIVE),  # importing exports nothing
        (1500.0, nan, A.NOT_OBSERVABLE),
        (1500.0, inf, A.NOT_OBSERVABLE),
    ],
)
def test_the_tolerance_is_four_per_cent_and_at_least_a_hundred_watts(
    limit_w: float, export_w: float, verdict: OutcomeKind
) -> None:
    picture = snapshot([device(at_s=10.0)], -export_w, 10.0)
    assert look([of_event(bound(limit_w))], [Setpoint("a")], picture, SETTLED)[1] == [("e1", verdict)]


@pytest.mark.parametrize(
    ("import_w", "verdict"), [(1600.0, A.EFFECTIVE), (1601.0, A.NOT_EFFECTIVE), (-9000.0, A.EFFECTIVE)]
)
def test_an_import_limit_is_judged_by_imports(import_w: float, verdict: OutcomeKind) -> None:
    picture = snapshot([device("a", Role.EVSE, at_s=10.0)], import_w, 10.0)
    claim = of_event(bound(1500.0, quantity=CONSUMED))
    assert look([claim], [Setpoint("a")], picture, SETTLED)[1] == [("e1", verdict)]


@pytest.mark.parametrize(
    ("quality", "age_s", "verdict"),
    [
        (Quality.GOOD, 5.0, A.EFFECTIVE),
        (Quality.GOOD, 5.1, A.NOT_OBSERVABLE),
        (Quality.STALE, 0.0, A.NOT_OBSERVABLE),
        (Quality.SUSPECT, 0.0, A.NOT_OBSERVABLE),
    ],
)
def test_a_stale_or_doubtful_meter_observes_nothing(quality: Quality, age_s: float, verdict: OutcomeKind) -> None:
    picture = replace(snapshot([device(at_s=10.0)], 0.0, 10.0), meter={NET: Reading(0.0, quality, 10.0 - age_s, 0.0)})
    assert look([of_event(bound(1500.0))], [Setpoint("a")], picture, SETTLED)[1] == [("e1", verdict)]


@pytest.mark.parametrize(("age_s", "verdict"), [(15.0, A.EFFECTIVE), (15.1, A.NOT_OBSERVABLE)])
def test_devices_are_observed_for_three_times_the_age_of_a_meter(age_s: float, verdict: OutcomeKind) -> None:
    picture = snapshot([device(at_s=100.0 - age_s)], None, 100.0)
    assert look([of_event(bound(1500.0, on("a")))], [Setpoint("a")], picture, SETTLED)[1] == [("e1", verdict)]


def test_devices_of_a_set_are_summed() -> None:
    """Two of 800 W under 1500 W: 1600 W, just within 100 W of tolerance; with 801 W each not."""
    for power_w, verdict in ((-800.0, A.EFFECTIVE), (-801.0, A.NOT_EFFECTIVE)):
        both = [device(power_w=power_w, at_s=10.0), device("b", power_w=power_w, at_s=10.0)]
        claim = of_event(bound(1500.0, on("a", "b")))
        told = look([claim], [Setpoint("a"), Setpoint("b")], snapshot(both, None, 10.0), SETTLED)[1]
        assert told == [("e1", verdict)]


def test_one_unseen_device_makes_a_set_unobservable() -> None:
    both = [device(power_w=-9000.0, at_s=10.0), device("b", power_w=None)]
    claim = of_event(bound(1500.0, on("a", "b")))
    told = look([claim], [Setpoint("a"), Setpoint("b")], snapshot(both, None, 10.0), SETTLED)[1]
    assert told == [("e1", A.NOT_OBSERVABLE)]


def test_of_several_claims_the_worst_counts() -> None:
    """Failed before unseen before effective."""
    good, bad, dark = bound(9000.0, on("a")), bound(0.0, on("a")), bound(9000.0)
    picture = snapshot([device(power_w=-500.0, at_s=10.0)], None, 10.0)

    def verdict(*claims: Claim) -> list[tuple[str, OutcomeKind]]:
        return look([of_event(one) for one in claims], [Setpoint("a")], picture, SETTLED)[1]

    assert verdict(good) == [("e1", A.EFFECTIVE)]
    assert verdict(good, dark) == [("e1", A.NOT_OBSERVABLE)]
    assert verdict(good, dark, bad) == [("e1", A.NOT_EFFECTIVE)]


def switch(yes: bool, *names: str) -> Claim:
    want = Switch(yes)
    return of_event(Claim(on(*names), Quantity.CONNECT, want, want, Mode.ENERGIZE, in_force(Energize(yes))))


@pytest.mark.parametrize(
    ("power_w", "verdict"),
    [(-100.0, A.EFFECTIVE), (-101.0, A.NOT_EFFECTIVE), (100.0, A.EFFECTIVE), (101.0, A.NOT_EFFECTIVE)],
)
def test_an_off_battery_neither_gives_nor_takes(power_w: float, verdict: OutcomeKind) -> None:
    picture = snapshot([device("a", Role.BATTERY, power_w=power_w, at_s=10.0)], 0.0, 10.0)
    assert look([switch(False, "a")], [Setpoint("a", on=False)], picture, SETTLED)[1][0] == ("e1", verdict)


def test_an_on_is_effective_whatever_flows_and_a_load_that_is_off_draws_nothing() -> None:
    picture = snapshot([device(power_w=-4000.0, at_s=10.0)], 0.0, 10.0)
    assert look([switch(True, "a")], [Setpoint("a", on=True)], picture, SETTLED)[1] == [("e1", A.EFFECTIVE)]
    for power_w, verdict in ((4000.0, A.NOT_EFFECTIVE), (0.0, A.EFFECTIVE), (None, A.NOT_OBSERVABLE)):
        load = snapshot([device("a", Role.LOAD, power_w=power_w, at_s=10.0)], 0.0, 10.0)
        assert look([switch(False, "a")], [Setpoint("a", on=False)], load, SETTLED)[1][0] == ("e1", verdict)


def test_targets_have_no_evidence_here_and_each_event_has_its_own() -> None:
    want = Target(0.0)
    target = of_event(Claim(on("a"), Quantity.NET, want, want, Mode.TARGET_POWER, in_force(TargetPower(0.0))))
    assert look([target], [Setpoint("a")], snapshot([device()], 0.0))[0] == {}
    claims = [of_event(bound(1.0), OTHER), of_event(bound(2.0, ConnectionPoint()))]
    after, told = look(claims, [Setpoint("a")], snapshot([device()], 0.0))
    assert list(after) == [EVENT, OTHER]
    assert told == [("e1", A.APPLIED), ("e2", A.APPLIED)]


def test_a_driver_has_ten_seconds_from_the_last_change() -> None:
    wanted = [Setpoint("a", produce_max_w=1.0)]
    for waited_s, astray_s in ((9.9, None), (10.0, 100.0)):
        after, _ = look(
            [of_event(bound(1.0))], wanted, snapshot([device(at_s=100.0)], 0.0, 100.0), {}, {"a": 100.0 - waited_s}
        )
        assert after[EVENT].astray_s == astray_s
    # a device whose change nobody noted has changed now
    after, _ = look([of_event(bound(1.0))], wanted, snapshot([device(at_s=100.0)], 0.0, 100.0), {})
    assert after[EVENT] == Trial(100.0)


def test_the_words_for_a_mismatch() -> None:
    ruling = rule([of_event(bound(1.0))], DEFAULT_PRECEDENCE)
    picture = snapshot([device(at_s=100.0)], -900.0, 100.0)

    def words(trial: Trial, setpoint: Setpoint) -> list[str]:
        looked = step({EVENT: trial}, ruling, [setpoint], picture, terms({"a": Role.PV}), {"a": 0.0}, STILL, at(100.0))
        return [fact.cause.text for fact in looked.facts if fact.what is A.MISMATCHED]

    astray = Trial(0.0, applied_s=0.0, verdict=A.EFFECTIVE, astray_s=95.0)
    assert words(astray, Setpoint("a", produce_max_w=1.0)) == ["a device holds something else"]
    assert words(astray, Setpoint("a")) == ["measured power disagrees"]
    assert words(replace(astray, astray_s=95.1), Setpoint("a")) == []
    assert words(replace(astray, mismatched=True), Setpoint("a")) == []


@pytest.mark.parametrize(
    ("trial", "changed_s", "due_s"),
    [
        (Trial(95.0), 95.0, 105.0),  # ten seconds for a driver
        (Trial(80.0, astray_s=97.0), 80.0, 102.0),  # astray, and mismatched a settling time later
        (Trial(80.0, astray_s=90.0, mismatched=True), 80.0, None),  # all is said
    ],
)
def test_it_wakes_when_time_alone_says_more(trial: Trial, changed_s: float, due_s: float | None) -> None:
    """A device that does not answer and settles in 5 s, looked at in second 100."""
    gone = snapshot([seen("a", power_w=None, online=False, capability=able(settle_s=5.0))], None, 100.0)
    ruling, wanted = rule([of_event(bound(1.0))], DEFAULT_PRECEDENCE), [Setpoint("a", produce_max_w=1.0)]
    looked = step({EVENT: trial}, ruling, wanted, gone, terms({"a": Role.PV}), {"a": changed_s}, STILL, gone.at)
    assert looked.wake == (() if due_s is None else (Moment(OWN, 1_000_000.0 + due_s),))
    if due_s is not None:
        then = replace(gone, at=at(due_s))
        again = step(looked.trials, ruling, wanted, then, terms({"a": Role.PV}), {"a": changed_s}, STILL, then.at)
        assert again.trials != looked.trials


def test_a_verdict_wakes_when_it_is_due() -> None:
    held = Setpoint("a", produce_max_w=1.0)
    picture = snapshot([device(holds=held, at_s=100.0)], 0.0, 100.0)
    ruling = rule([of_event(bound(1.0))], DEFAULT_PRECEDENCE)
    looked = step(
        {EVENT: Trial(98.0, applied_s=98.0)}, ruling, [held], picture, terms(), {"a": 98.0}, STILL, picture.at
    )
    assert looked.wake == (Moment(OWN, 1_000_103.0),)
