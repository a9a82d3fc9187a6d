"""Where a device stands: what it may still do, what counts of it, which bounds are to be written, and what it falls back to."""

from dataclasses import replace
from math import inf

import pytest

from grid_functions.allocate.loop import Sample
from grid_functions.allocate.revert import reverts
from grid_functions.allocate.stand import Stand, binding, limit_in, members, rewired, stands, switched
from grid_functions.arbiter import rule
from grid_functions.conductors import wires
from grid_functions.model.claim import Area, Claim, ConnectionPoint, SourceKind, Switch
from grid_functions.model.control import Connect, Mode
from grid_functions.model.device import Role, Seen
from grid_functions.model.policy import DEFAULT_PRECEDENCE, Connection, DeviceTerms
from grid_functions.model.reading import Quality, Reading
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.units import Phase, Quantity
from tests.grid_functions.house import able, bound, charger, in_force, on, seen, snapshot, terms

PRODUCED, CONSUMED = Quantity.PRODUCED, Quantity.CONSUMED


def one(device: Seen, sent: Setpoint | None = None, quantity: Quantity = PRODUCED, now_s: float = 0.0) -> Stand:
    """How this device stands alone, with nothing asked."""
    site = terms({device.device: device.role})
    found = stands(
        quantity,
        rule([], DEFAULT_PRECEDENCE),
        snapshot([device], 0.0, now_s),
        site,
        {sent.device: sent} if sent else {},
    )
    return found[device.device]


@pytest.mark.parametrize(
    ("holds", "sent", "may_w"),
    [
        (None, None, 5000.0),  # unknown is everything it can
        (None, Setpoint("a", produce_max_w=10.0), 5000.0),
        (Setpoint("a", produce_max_w=300.0), None, 300.0),
        # a write may have arrived unseen: the larger of both
        (Setpoint("a", produce_max_w=300.0), Setpoint("a", produce_max_w=200.0), 300.0),
        (Setpoint("a", produce_max_w=300.0), Setpoint("a", produce_max_w=400.0), 400.0),
        (Setpoint("a", produce_max_w=300.0), Setpoint("a"), 5000.0),
        (Setpoint("a"), Setpoint("a", produce_max_w=1.0), 5000.0),
        (Setpoint("a", produce_max_w=9000.0), None, 5000.0),
        (Setpoint("a", consume_max_w=1.0), None, 5000.0),
        # off is nothing, unless something else was sent since
        (Setpoint("a", on=False, produce_max_w=300.0), None, 0.0),
        (Setpoint("a", on=False), Setpoint("a", on=False), 0.0),
        (Setpoint("a", on=False, produce_max_w=300.0), Setpoint("a", on=True, produce_max_w=200.0), 300.0),
        (Setpoint("a", on=True, produce_max_w=300.0), Setpoint("a", on=False, produce_max_w=300.0), 300.0),
    ],
)
def test_it_may_do_what_was_read_back_or_sent_since(
    holds: Setpoint | None, sent: Setpoint | None, may_w: float
) -> None:
    assert one(seen("a", holds=holds), sent).may_w == may_w


def test_what_was_sent_is_told_by_direction() -> None:
    sent = Setpoint("a", produce_max_w=1.0, consume_max_w=2.0)
    assert (limit_in(sent, PRODUCED), limit_in(sent, CONSUMED)) == (1.0, 2.0)
    assert one(seen("a"), sent).sent_w == 1.0
    assert one(seen("a")).sent_w is None
    assert one(seen("a", Role.BATTERY), sent, CONSUMED).sent_w == 2.0


@pytest.mark.parametrize(
    ("sent", "produced", "consumed"),
    [
        (Setpoint("a", produce_max_w=1500.0, consume_max_w=700.0), 1500.0, 700.0),
        # a target is what it is told to do in its direction, and nothing in the other
        (Setpoint("a", target_w=-2000.0), 2000.0, 0.0),
        (Setpoint("a", target_w=2000.0), 0.0, 2000.0),
        (Setpoint("a", target_w=0.0), 0.0, 0.0),
        # within its limit, which is the tighter where it is
        (Setpoint("a", target_w=-2000.0, produce_max_w=1500.0, consume_max_w=700.0), 1500.0, 0.0),
        (Setpoint("a", target_w=-2000.0, produce_max_w=2500.0), 2000.0, 0.0),
        (Setpoint("a", target_w=2000.0, produce_max_w=1500.0, consume_max_w=700.0), 0.0, 700.0),
        (Setpoint("a"), None, None),
    ],
)
def test_a_target_is_what_it_was_told_within_its_limit(
    sent: Setpoint, produced: float | None, consumed: float | None
) -> None:
    battery = seen("a", Role.BATTERY)
    assert (one(battery, sent).sent_w, one(battery, sent, CONSUMED).sent_w) == (produced, consumed)
    assert (one(battery, sent).limit_w, one(battery, sent, CONSUMED).limit_w) == (
        sent.produce_max_w,
        sent.consume_max_w,
    )


@pytest.mark.parametrize(
    ("holds_a", "sent_a", "may_a"),
    [
        (None, None, 16.0),  # unknown is all it can
        (10.0, None, 10.0),
        (10.0, 6.0, 10.0),  # a write may have arrived unseen: the larger of both
        (10.0, 12.0, 12.0),
        (None, 6.0, 16.0),
        (32.0, None, 16.0),
        (0.0, 0.0, 0.0),
    ],
)
def test_a_charger_may_draw_what_was_read_back_or_sent_since(
    holds_a: float | None, sent_a: float | None, may_a: float
) -> None:
    """On three phases of 230 V, that is 690 W for each ampere."""
    ev = charger("ev", holds_a=holds_a)
    sent = None if sent_a is None else Setpoint("ev", current_max_a=sent_a)
    site = terms({"ev": Role.EVSE}, connection=Connection(phases=3))
    found = stands(
        CONSUMED, rule([], DEFAULT_PRECEDENCE), snapshot([ev], 0.0), site, {} if sent is None else {"ev": sent}
    )["ev"]
    assert found.may_w == pytest.approx(690.0 * may_a)
    assert (found.able_w, found.aimed_w) == pytest.approx((690.0 * 16.0, 690.0 * 16.0))
    assert found.sent_w == (None if sent_a is None else pytest.approx(690.0 * sent_a))
    assert found.minimum_w == pytest.approx(690.0 * 6.0)


@pytest.mark.parametrize(
    "holds", [Setpoint("ev", current_max_a=16.0, on=False), Setpoint("ev", current_max_a=16.0, connect=False)]
)
def test_a_charger_that_is_off_draws_nothing(holds: Setpoint) -> None:
    ev = charger("ev")
    off = replace(ev, condition=replace(ev.condition, holds=holds))
    site = terms({"ev": Role.EVSE}, connection=Connection(phases=3))
    assert stands(CONSUMED, rule([], DEFAULT_PRECEDENCE), snapshot([off], 0.0), site, {})["ev"].may_w == 0.0


@pytest.mark.parametrize(
    ("connection", "counts"),
    [
        (Connection(phases=1), {}),  # nothing there to blow
        (Connection(phases=1, fuse_a=63.0), {Phase.A: 1.0}),
        (Connection(phases=3, fuse_a=63.0), {Phase.A: 1 / 3, Phase.B: 1 / 3, Phase.C: 1 / 3}),
    ],
)
def test_what_counts_on_a_conductor_is_reckoned_where_there_is_a_fuse(
    connection: Connection, counts: dict[Phase, float]
) -> None:
    battery = seen("a", Role.BATTERY)
    readings = {**battery.condition.readings, (Quantity.VOLTAGE, None): Reading(230.0, Quality.GOOD, 0.0, 0.0)}
    battery = replace(
        battery,
        nameplate=replace(battery.nameplate, phases=connection.phases),
        condition=replace(battery.condition, readings=readings),
    )
    site = terms({"a": Role.BATTERY}, connection=connection)
    found = stands(PRODUCED, rule([], DEFAULT_PRECEDENCE), snapshot([battery], 0.0), site, {})["a"]
    assert found.counts == pytest.approx(counts)
    assert [found.counted(phase) for phase in Phase] == pytest.approx([counts.get(phase, 0.0) for phase in Phase])


@pytest.mark.parametrize(
    ("told_v", "counted"),
    [
        ({}, 230.0 / 207.0),  # nobody measures: EN 50160 permits 230 V less a tenth
        ({None: 230.0}, 1.0),
        ({None: 253.0}, 230.0 / 253.0),
        ({Phase.A: 240.0, Phase.B: 220.0, Phase.C: 230.0}, 230.0 / 220.0),
        ({None: 20.0}, 230.0 / 207.0),  # no voltage of a grid
    ],
)
def test_a_watt_counts_on_a_fuse_as_at_the_lowest_voltage_there_may_be(
    told_v: dict[Phase | None, float], counted: float
) -> None:
    """A fuse is of amperes: the lower the voltage, the more of them is a watt."""
    battery = seen("a", Role.BATTERY)
    told = {(Quantity.VOLTAGE, phase): Reading(volts, Quality.GOOD, 0.0, 0.0) for phase, volts in told_v.items()}
    untold = {key: one for key, one in battery.condition.readings.items() if key[0] is not Quantity.VOLTAGE}
    battery = replace(
        battery,
        nameplate=replace(battery.nameplate, phases=1),
        condition=replace(battery.condition, readings={**untold, **told}),
    )
    site = terms({"a": Role.BATTERY}, connection=Connection(phases=1, fuse_a=63.0))
    found = stands(CONSUMED, rule([], DEFAULT_PRECEDENCE), snapshot([battery], 0.0), site, {})["a"]
    assert found.counts == pytest.approx({Phase.A: counted})


def test_what_is_limited_in_watts_stands_the_same_on_any_phases() -> None:
    battery = seen("a", Role.BATTERY)
    found = one(battery)
    assert rewired(found, battery, terms({"a": Role.BATTERY}), 1) is found


def test_what_it_does_counts_for_three_times_the_age_of_a_meter() -> None:
    """A meter is stale after 5 s, so a device after 15 s."""
    busy = seen("a", power_w=-700.0, at_s=100.0)
    assert one(busy, now_s=115.0).doing == Sample(100.0, 700.0)
    assert one(busy, now_s=115.1).doing is None
    assert one(seen("a", power_w=None)).doing is None


def test_who_answers_obeys_and_who_does_not_is_absent() -> None:
    there, away = one(seen("a")), one(seen("a", online=False))
    assert (there.obeys, there.absent, there.off) == (True, False, False)
    assert (away.obeys, away.absent) == (False, True)


def test_a_device_never_seen_is_absent_and_may_do_anything() -> None:
    found = stands(PRODUCED, rule([], DEFAULT_PRECEDENCE), snapshot([], 0.0), terms({"a": Role.PV}), {})
    assert (found["a"].absent, found["a"].obeys, found["a"].able_w, found["a"].may_w) == (True, False, inf, inf)


def test_each_direction_has_its_roles() -> None:
    site = terms({"bat": Role.BATTERY, "car": Role.EVSE, "pv": Role.PV, "meter": Role.METER})
    nothing, picture = rule([], DEFAULT_PRECEDENCE), snapshot([], 0.0)
    assert list(stands(PRODUCED, nothing, picture, site, {})) == ["bat", "pv"]
    assert list(stands(CONSUMED, nothing, picture, site, {})) == ["bat", "car"]


def switch(yes: bool, *names: str, mode: Mode = Mode.CONNECT) -> Claim:
    want = Switch(yes)
    return Claim(on(*names), Quantity.CONNECT, want, want, mode, in_force(Connect(yes)))


def test_off_where_any_off_holds_on_where_only_an_on_does() -> None:
    ruling = rule([switch(True, "a", "b"), switch(False, "b")], DEFAULT_PRECEDENCE)
    assert switched(ruling, Mode.CONNECT) == {"a": True, "b": False}
    assert switched(ruling, Mode.ENERGIZE) == {}
    found = stands(PRODUCED, ruling, snapshot([seen("a"), seen("b")], 0.0), terms(), {})
    assert (found["a"].off, found["b"].off) == (False, True)


def found_of(*devices: Seen, quantity: Quantity = PRODUCED) -> dict[str, Stand]:
    site = terms({device.device: device.role for device in devices})
    return stands(quantity, rule([], DEFAULT_PRECEDENCE), snapshot(devices, 0.0), site, {})


def safe(claim: Claim) -> Claim:
    """The same bound as a rating of local safety."""
    source = replace(claim.cause.source, kind=SourceKind.SAFETY)
    return replace(claim, cause=replace(claim.cause, source=source))


def test_a_bound_covers_its_set_or_all_behind_the_connection_and_an_area_none() -> None:
    found = found_of(seen("a"), seen("b"))
    assert members(bound(1.0, on("a", "z")), found) == {"a"}
    assert members(bound(1.0, ConnectionPoint()), found) == {"a", "b"}
    assert members(bound(1.0, Area("feeder")), found) == frozenset()


def test_what_anyone_asks_is_written_and_a_rating_only_if_all_together_can_exceed_it() -> None:
    """Two of 5 kW: a rating of 10 kW they keep by themselves."""
    found = found_of(seen("a"), seen("b"))
    asked, kept, exceeded = bound(99_999.0), safe(bound(10_000.0)), safe(bound(9_999.0))
    assert binding([asked, kept, exceeded], PRODUCED, found) == (asked, exceeded)
    assert binding([safe(bound(5000.0, on("a"))), safe(bound(4999.0, on("a")))], PRODUCED, found) == (
        safe(bound(4999.0, on("a"))),
    )


def test_a_rating_of_import_is_always_written_since_the_house_consumes_too() -> None:
    found = found_of(seen("car", Role.EVSE), quantity=CONSUMED)
    at_connection = safe(bound(99_999.0, quantity=CONSUMED))
    of_the_car = safe(bound(99_999.0, on("car"), CONSUMED))
    assert binding([at_connection, of_the_car], CONSUMED, found) == (at_connection,)


def test_bounds_of_another_quantity_or_an_area_are_not_this_directions() -> None:
    found = found_of(seen("a"))
    assert binding([bound(1.0, quantity=CONSUMED), bound(1.0, Area("feeder"))], PRODUCED, found) == ()


def with_watchdog(name: str, yes: bool = True, holds_w: float | None = None, role: Role = Role.PV) -> Seen:
    holds = None if holds_w is None else Setpoint(name, produce_max_w=holds_w)
    return seen(name, role, holds=holds, capability=able(watchdog=yes, resolution_w=10.0))


def test_timers_fall_back_to_their_share_of_the_fail_safe_and_never_above_what_is_set() -> None:
    """1500 W over two of 5 kW: 750 W each; one that is set to 300 W stays there and leaves the rest to the other."""
    found = found_of(with_watchdog("a"), with_watchdog("b"))
    assert reverts((bound(1500.0),), PRODUCED, found, {"a": 4000.0, "b": 4000.0}) == {"a": 750.0, "b": 750.0}
    assert reverts((bound(1500.0),), PRODUCED, found, {"a": 4000.0, "b": 300.0})["b"] <= 300.0
    assert reverts((), PRODUCED, found, {"a": 4000.0}) == {"a": 4000.0}


def test_what_a_device_without_a_timer_may_still_do_goes_first() -> None:
    """b holds 600 W and is told 200 W, or holds 200 W and is told 600 W: either may hold when we fall silent."""
    for holds_w, told_w in ((600.0, 200.0), (200.0, 600.0)):
        found = found_of(with_watchdog("a"), with_watchdog("b", False, holds_w))
        assert reverts((bound(1500.0),), PRODUCED, found, {"a": 4000.0, "b": told_w}) == {"a": 900.0}


def test_a_fail_safe_is_rounded_to_the_step_towards_tighter() -> None:
    found = found_of(with_watchdog("a"))
    assert reverts((bound(1509.0),), PRODUCED, found, {"a": 4000.0}) == {"a": 1500.0}


def test_an_import_fail_safe_leaves_nothing_for_it_may_all_be_the_houses() -> None:
    car = with_watchdog("car", role=Role.EVSE)
    found = found_of(car, quantity=CONSUMED)
    assert reverts((bound(3000.0, quantity=CONSUMED),), CONSUMED, found, {"car": 2000.0}) == {"car": 0.0}
    assert reverts((bound(3000.0, on("car"), CONSUMED),), CONSUMED, found, {"car": 4000.0}) == {"car": 3000.0}
    assert reverts((bound(3000.0),), CONSUMED, found, {"car": 4000.0}) == {"car": 4000.0}


def test_the_tighter_of_two_fail_safes_counts() -> None:
    found = found_of(with_watchdog("a"))
    both = (bound(900.0, name="one"), bound(400.0, name="other"))
    assert reverts(both, PRODUCED, found, {"a": 4000.0}) == {"a": 400.0}


def test_a_charger_that_tells_other_phases_than_its_own_counts_as_it_is_wired() -> None:
    """On one phase, of which it tells nothing: all that it tells is of the second."""
    ev = charger("ev", phases=1, amps=(6.0, 0.0))
    silent = replace(ev.condition.readings[Quantity.CURRENT, Phase.A], quality=Quality.MISSING)
    readings = {**ev.condition.readings, (Quantity.CURRENT, Phase.A): silent}
    half = replace(ev, condition=replace(ev.condition, readings=readings))
    found = wires(half, DeviceTerms(Role.EVSE), Connection(phases=3))
    assert (found.conductors, found.used, found.watts, found.amps) == ((Phase.A,), 1, 230.0, {})
