"""Chargers: watts and fuses into amperes per phase, the least of 6 A, whose turn it is, and what a silent one is counted at.

All at 230 V: one ampere on three phases is 690 W, on one phase 230 W; 6 A are 4140 W and 1380 W.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import pytest

from grid_functions.allocate.step import AllocateState, AllocateStep, restore, step
from grid_functions.arbiter import rule
from grid_functions.guard import clamp
from grid_functions.model.claim import Basis, Claim, InForce, Need, Source, SourceKind
from grid_functions.model.control import LoadLimit, Mode
from grid_functions.model.device import Capability, Fallback, Role, Seen, Vehicle
from grid_functions.model.event import Rank
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.policy import DEFAULT_PRECEDENCE, Connection, Dwell, FuseGroup, SiteTerms
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.units import Phase, Quantity
from grid_functions.site.local_safety import claims
from tests.grid_functions.house import bound, charger, on, seen, snapshot, terms

A, B, C = Phase.A, Phase.B, Phase.C
CONSUMED = Quantity.CONSUMED


def site(
    *names: str,
    fuse_a: float | None = None,
    phases: int = 3,
    placed: Mapping[str, tuple[Phase, ...]] | None = None,
    priority: Mapping[str, int] | None = None,
    groups: tuple[FuseGroup, ...] = (),
) -> SiteTerms:
    plain = terms(dict.fromkeys(names, Role.EVSE), connection=Connection(phases=phases, fuse_a=fuse_a))
    devices = {
        name: replace(one, phases=(placed or {}).get(name, ()), priority=(priority or {}).get(name, 0))
        for name, one in plain.devices.items()
    }
    return replace(plain, devices=devices, groups=groups, dwell=Dwell(120.0, 900.0))


def decided(
    asked: list[Claim],
    devices: list[Seen],
    meter_w: float | None,
    where: SiteTerms,
    *,
    state: AllocateState | None = None,
    now_s: float = 0.0,
    utc_s: float | None = None,
    amps: Mapping[Phase, float] | None = None,
) -> AllocateStep:
    """One decision; ``amps``: what the meter tells of each conductor."""
    picture = snapshot(devices, meter_w, now_s)
    told: dict[MeterKey, Reading] = {
        (Quantity.CURRENT, at): Reading(a, Quality.GOOD, now_s, now_s) for at, a in (amps or {}).items()
    }
    picture = replace(picture, meter={**picture.meter, **told})
    now = Instants(now_s, 1_000_000.0 + now_s if utc_s is None else utc_s)
    ruling = rule([*asked, *claims(where, picture)], DEFAULT_PRECEDENCE)
    done = step(state or AllocateState(), ruling, picture, where, now)
    _, clamps = clamp(done.setpoints, ruling, picture, where, now)
    assert clamps == ()
    return done


def told(done: AllocateStep) -> dict[str, float | None]:
    """Amperes by charger."""
    return {one.device: one.current_max_a for one in done.setpoints}


@pytest.mark.parametrize(
    ("limit_w", "phases", "amps"),
    [
        (11040.0, 3, 16.0),
        (9000.0, 3, 13.0),  # 13.04 A
        (4140.0, 3, 6.0),
        (4139.0, 3, 0.0),  # 5.998 A is below the least: pause
        (1380.0, 1, 6.0),
        (1379.0, 1, 0.0),
        (3700.0, 1, 16.0),
        (0.0, 1, 0.0),
    ],
)
def test_watts_become_amperes_towards_tighter(limit_w: float, phases: int, amps: float) -> None:
    done = decided([bound(limit_w, on("ev"), CONSUMED)], [charger("ev", phases=phases)], 0.0, site("ev", phases=phases))
    assert told(done) == {"ev": amps}
    assert done.setpoints[0].consume_max_w is None


def test_a_voltage_that_nobody_measures_counts_as_the_highest_permitted() -> None:
    """6900 W on three phases are 10 A at 230 V, but 9.09 A at 253 V."""
    done = decided([bound(6900.0, on("ev"), CONSUMED)], [charger("ev", volts=None)], 0.0, site("ev"))
    assert told(done) == {"ev": 9.0}


def test_a_car_on_one_phase_of_three_gets_its_watts_on_that_one() -> None:
    """2300 W are 10 A on the one phase it is seen to use, and 3.3 A on three."""
    car = charger("ev", power_w=2300.0, amps=(10.0, 0.0, 0.1))
    assert told(decided([bound(2300.0, on("ev"), CONSUMED)], [car], 2300.0, site("ev"))) == {"ev": 10.0}


def test_without_a_bound_a_charger_is_not_ours() -> None:
    assert told(decided([], [charger("ev")], 0.0, site("ev"))) == {"ev": None}


def test_the_fuse_leaves_what_the_house_does_not_draw_on_the_fullest_conductor() -> None:
    """25 A; the house draws 5, 12 and 3 A: 13 A are left on B, and the charger draws the same on all."""
    done = decided([], [charger("ev")], 4600.0, site("ev", fuse_a=25.0), amps={A: 5.0, B: 12.0, C: 3.0})
    assert told(done) == {"ev": 13.0}


def test_a_charger_on_one_phase_has_the_room_of_its_own_conductor() -> None:
    """Its L1 is on C, where 22 A are left: its own maximum of 16 A holds."""
    where = site("ev", fuse_a=25.0, placed={"ev": (C,)})
    done = decided([], [charger("ev", phases=1)], 4600.0, where, amps={A: 24.0, B: 24.0, C: 3.0})
    assert told(done) == {"ev": 16.0}


def test_what_a_charger_draws_itself_is_room_for_it() -> None:
    """It draws 10 A on A, where the meter tells 20: the house draws 10, so of 25 A it may have 15."""
    where = site("ev", fuse_a=25.0, placed={"ev": (A,)})
    car = charger("ev", phases=1, power_w=2300.0, holds_a=10.0, amps=(10.0,))
    assert told(decided([], [car], 4600.0, where, amps={A: 20.0, B: 0.0, C: 0.0})) == {"ev": 15.0}


@pytest.mark.parametrize(
    ("other", "tells_a", "left_a"),
    [
        # b takes no limit; the 6 A that it is seen to draw are among the meter's 12 A: 25 - 12
        (replace(charger("b", phases=1, power_w=1380.0, amps=(6.0,)), capability=Capability()), 12.0, 13.0),
        # b is silent: of the meter's 2 A none may be its own, and all of its 10 A may come: 25 - 2 - 10
        (charger("b", phases=1, power_w=None, holds_a=10.0, online=False), 2.0, 13.0),
    ],
)
def test_a_fuse_keeps_room_for_what_another_may_draw_unseen(other: Seen, tells_a: float, left_a: float) -> None:
    """25 A for a, on three phases, and b on the first."""
    where, amps = site("a", "b", fuse_a=25.0, placed={"b": (A,)}), dict.fromkeys(Phase, tells_a)
    done = decided([], [charger("a"), other], 690.0 * tells_a, where, amps=amps)
    assert told(done)["a"] == left_a


def test_a_meter_that_tells_only_the_total_may_have_it_all_on_one_conductor() -> None:
    """2300 W of house are 10 A on whichever: of 25 A 15 are left on each."""
    assert told(decided([], [charger("ev")], 2300.0, site("ev", fuse_a=25.0))) == {"ev": 15.0}


def test_without_a_meter_a_fuse_pauses_chargers() -> None:
    assert told(decided([], [charger("ev")], None, site("ev", fuse_a=25.0))) == {"ev": 0.0}


def test_two_chargers_share_a_fuse_of_their_own() -> None:
    """20 A behind the carport: 10 A each, although the connection would give 16."""
    where = site("a", "b", groups=(FuseGroup("carport", 20.0, frozenset({"a", "b"})),))
    assert told(decided([], [charger("a"), charger("b")], 0.0, where)) == {"a": 10.0, "b": 10.0}


def test_rotated_chargers_of_one_phase_do_not_share_a_conductor() -> None:
    """16 A behind one fuse per phase: a on A, b on B, each has all of it; both on A, half each."""
    where = site("a", "b", placed={"a": (A,), "b": (B,)}, groups=(FuseGroup("g", 16.0, frozenset({"a", "b"})),))
    cars = [charger("a", phases=1, maximum_a=32.0), charger("b", phases=1, maximum_a=32.0)]
    assert told(decided([], cars, 0.0, where)) == {"a": 16.0, "b": 16.0}
    together = site("a", "b", placed={"a": (A,), "b": (A,)}, groups=where.groups)
    assert told(decided([], cars, 0.0, together)) == {"a": 8.0, "b": 8.0}


@pytest.mark.parametrize(
    ("fallback", "silent_s", "left_a"),
    [
        (Fallback(6.0, 60.0), 10.0, 10.0),  # still holds 10 A: 20 - 10
        (Fallback(6.0, 60.0), 70.0, 14.0),  # its timer has run out: 20 - 6
        (Fallback(13.0, 60.0), 10.0, 7.0),  # falls to more than it holds: reserved from the first moment
        (None, 1000.0, 0.0),  # nobody knows: 20 - 16 = 4 A, below the least
    ],
)
def test_a_silent_charger_is_counted_at_what_it_may_draw(
    fallback: Fallback | None, silent_s: float, left_a: float
) -> None:
    where = site("a", "b", groups=(FuseGroup("g", 20.0, frozenset({"a", "b"})),))
    mute = charger("a", holds_a=10.0, online=False, fallback=fallback)
    done = decided([], [mute, charger("b", at_s=silent_s)], 0.0, where, now_s=silent_s)
    assert told(done)["b"] == left_a


def test_under_an_import_limit_a_silent_charger_keeps_its_fallback() -> None:
    """10 kW; a was never told less than 10 A and falls to 6 A: 10 kW less 6.9 kW are below b's least."""
    mute = charger("a", holds_a=10.0, online=False, power_w=None)
    limit = bound(12_000.0, None, CONSUMED)
    assert told(decided([limit], [mute, charger("b")], 0.0, site("a", "b")))["b"] == 7.0  # 5100 W
    done = decided([limit], [mute, charger("b", at_s=200.0)], 0.0, site("a", "b"), now_s=200.0)
    assert told(done)["b"] == 11.0  # 7860 W


def test_a_charger_that_returns_has_its_least_in_its_turn() -> None:
    """9 kW by capability are 3 kW for a of 16 A and 6 kW for b of 32 A; but a's least of 4140 W comes before b's more, and fits."""
    away = charger("a", holds_a=6.0, online=False, fallback=Fallback(8.0, 10.0), power_w=None)
    other = charger("b", maximum_a=32.0, holds_a=6.0)
    assert told(decided([bound(9_000.0, None, CONSUMED)], [away, other], 0.0, site("a", "b")))["a"] == 6.0


def test_a_charger_without_a_vehicle_takes_no_room() -> None:
    limit = bound(5000.0, None, CONSUMED)
    empty = charger("a", vehicle=Vehicle.ABSENT)
    assert told(decided([limit], [empty, charger("b")], 0.0, site("a", "b"))) == {"a": 0.0, "b": 7.0}


def test_priority_is_served_first() -> None:
    """15 kW: b to its 16 A (11,040 W), a the rest of 3960 W is below 4140 W: pause. With 16 kW 4960 W: 7 A."""
    where = site("a", "b", priority={"b": 1})
    cars = [charger("a"), charger("b")]
    assert told(decided([bound(15_000.0, None, CONSUMED)], cars, 0.0, where)) == {"a": 6.0, "b": 15.0}
    assert told(decided([bound(16_000.0, None, CONSUMED)], cars, 0.0, where)) == {"a": 7.0, "b": 16.0}
    assert told(decided([bound(5_000.0, None, CONSUMED)], cars, 0.0, where)) == {"a": 0.0, "b": 7.0}


def need(power_w: float, name: str, tier: int = 0) -> Claim:
    cause = InForce(
        LoadLimit(power_w), Source(SourceKind.LOCAL, "charging"), Rank(0.0), Basis.CONFIGURED, Moment(OWN, 0.0), None, 0
    )
    want = Need(power_w, tier)
    return Claim(on(name), CONSUMED, want, want, Mode.LOAD_LIMIT, cause)


def test_who_needs_more_gets_it_before_others_have_more_than_their_least() -> None:
    """15 kW; a needs 9 kW, b has its least of 4140 W, and of the other 1860 W each gets half: 14 A and 7 A. Else 10 A each."""
    cars = [charger("a"), charger("b")]
    limit = bound(15_000.0, None, CONSUMED)
    assert told(decided([limit], cars, 0.0, site("a", "b"))) == {"a": 10.0, "b": 10.0}
    done = decided([limit, need(9_000.0, "a")], cars, 0.0, site("a", "b"))
    assert told(done) == {"a": 14.0, "b": 7.0}


def turns(seconds: list[float], limit_w: float, names: str = "abc") -> list[str]:
    """Who charges at each of these moments; every charger does at once what it is told."""
    where, state = site(*names), AllocateState()
    held = dict.fromkeys(names, 0.0)
    seen_s, found = 0.0, []
    for now_s in seconds:
        while seen_s <= now_s:
            cars = [charger(n, power_w=690.0 * held[n], holds_a=held[n], at_s=seen_s) for n in names]
            house_w = sum(690.0 * one for one in held.values())
            done = decided([bound(limit_w, None, CONSUMED)], cars, house_w, where, state=state, now_s=seen_s)
            state = done.state
            held = {name: amps or 0.0 for name, amps in told(done).items()}
            seen_s += 5.0
        found.append("".join(name for name in names if held[name]))
    return found


def test_when_not_all_can_have_the_least_they_take_turns_of_a_quarter_of_an_hour() -> None:
    """9 kW are 13 A: two of three charge with 6 A. At 900 s the turns of a and b are over: c is let in, b goes. From 1025 s on b has
    paused long enough and a, whose turn is over, makes room; at 1805 s c for a, at 1930 s b for c, at 2710 s a for b."""
    found = turns([0.0, 890.0, 910.0, 1015.0, 1035.0, 1800.0, 1815.0, 1935.0, 2720.0], 9_000.0)
    assert found == ["ab", "ab", "ac", "ac", "bc", "bc", "ab", "ac", "bc"]


def test_who_waits_gets_its_turn_although_all_are_of_one_phase_group() -> None:
    """5 kW: one at a time, each in its turn."""
    assert turns([0.0, 910.0, 1830.0, 2750.0], 5_000.0) == ["a", "b", "c", "a"]


def paused(
    now_s: float, *, utc_s: float | None = None, state: AllocateState | None = None, limit_w: float
) -> AllocateStep:
    return decided(
        [bound(limit_w, None, CONSUMED)],
        [charger("a", at_s=now_s)],
        0.0,
        site("a"),
        state=state,
        now_s=now_s,
        utc_s=utc_s,
    )


def test_a_pause_lasts_its_dwell_and_not_a_second_longer() -> None:
    done = paused(0.0, limit_w=1000.0)
    assert told(done) == {"a": 0.0}
    done = paused(119.0, limit_w=8000.0, state=done.state)
    assert told(done) == {"a": 0.0}
    assert [one.at_s for one in done.wake] == [1_000_120.0]
    assert told(paused(120.0, limit_w=8000.0, state=done.state)) == {"a": 11.0}


@pytest.mark.parametrize("jump_s", [-86_400.0, 86_400.0])
def test_a_jump_of_the_clock_within_a_run_changes_no_dwell(jump_s: float) -> None:
    done = paused(0.0, limit_w=1000.0)
    for now_s, amps in ((119.0, 0.0), (120.0, 11.0)):
        after = paused(now_s, utc_s=1_000_000.0 + now_s + jump_s, limit_w=8000.0, state=done.state)
        assert told(after) == {"a": amps}


@pytest.mark.parametrize(
    ("gone_s", "left_s"),
    [
        (100.0, 20.0),  # it was paused for 100 s when the gateway came back
        (500.0, 0.0),
        (-3_600.0, 120.0),  # the clock was turned back: at most the full length again
    ],
)
def test_a_dwell_outlives_a_restart(gone_s: float, left_s: float) -> None:
    done = paused(0.0, limit_w=1000.0)
    state = restore({entry.key: entry for entry in done.entries})
    for now_s in sorted({0.0, max(0.0, left_s - 1.0), left_s}):
        after = paused(now_s, utc_s=1_000_000.0 + gone_s + now_s, limit_w=8000.0, state=state)
        state = after.state
        assert told(after) == {"a": 11.0 if now_s >= left_s else 0.0}


def test_tightening_waits_for_no_dwell() -> None:
    """It resumed a second ago; the limit falls: it pauses at once."""
    done = paused(0.0, limit_w=8000.0)
    assert told(paused(1.0, limit_w=1000.0, state=done.state)) == {"a": 0.0}


def test_a_house_that_swings_around_an_edge_does_not_swing_the_charger() -> None:
    """Every other second 700 W more of house: at most six reversals in a minute."""
    where, state, held, moves = site("ev"), AllocateState(), 10.0, []
    for second in range(120):
        house_w = 700.0 if second % 4 < 2 else 0.0
        car = charger("ev", power_w=690.0 * held, holds_a=held, at_s=float(second))
        limit = bound(7_300.0, None, CONSUMED)
        done = decided([limit], [car], 690.0 * held + house_w, where, state=state, now_s=float(second))
        state, before = done.state, held
        held = told(done)["ev"] or 0.0
        if held != before:
            moves.append(held - before)
    assert sum(one * two < 0 for one, two in pairwise(moves)) <= 12
    assert held in (9.0, 10.0)


def test_what_pausing_frees_the_producers_give_up_in_the_same_step() -> None:
    """Export bound 1 kW, the car draws 4140 W and pauses for an import limit of its own: PV gives way now, not once the meter tells."""
    where = terms({"ev": Role.EVSE, "pv": Role.PV}, connection=Connection(phases=3))
    pv = seen("pv", rated_w=6000.0, power_w=-5140.0, holds=Setpoint("pv", produce_max_w=5140.0))
    asked = [bound(1000.0), bound(1000.0, on("ev"), CONSUMED)]
    done = decided(asked, [charger("ev", power_w=4140.0, holds_a=6.0), pv], -1000.0, where)
    assert told(done)["ev"] == 0.0
    assert {one.device: one.produce_max_w for one in done.setpoints}["pv"] == 1000.0


def test_the_picture_may_lack_a_charger_altogether() -> None:
    """Never seen: nobody knows what it can draw, so nobody else may."""
    where = site("a", "b", groups=(FuseGroup("g", 20.0, frozenset({"a", "b"})),))
    picture: list[Seen] = [charger("b")]
    assert told(decided([bound(9_000.0, None, CONSUMED)], picture, 0.0, where))["b"] == 0.0
