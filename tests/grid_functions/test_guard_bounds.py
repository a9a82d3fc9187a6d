"""The guard, bound by bound: what covers whom, what counts at worst, and the edges of each."""

import math
from dataclasses import replace

import pytest

from grid_functions.arbiter import rule
from grid_functions.guard import Clamp, clamp
from grid_functions.model.claim import Area, Claim, SourceKind, Switch
from grid_functions.model.control import Connect, Mode
from grid_functions.model.device import Capability, Fallback, Role, Seen
from grid_functions.model.policy import DEFAULT_PRECEDENCE, Connection, SiteTerms
from grid_functions.model.reading import Quality, Reading
from grid_functions.model.setpoint import Revert, Setpoint
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from tests.grid_functions.house import NET, at, bound, charger, in_force, on, seen, snapshot, terms

PRODUCED, CONSUMED = Quantity.PRODUCED, Quantity.CONSUMED
INF = math.inf


def guarded(
    setpoints: list[Setpoint],
    claims: list[Claim],
    devices: list[Seen] | None = None,
    site: SiteTerms | None = None,
    picture: Snapshot | None = None,
    now_s: float = 0.0,
) -> tuple[dict[str, Setpoint], list[Clamp]]:
    """What passes, for two inverters of 5 kW unless told."""
    looked = picture or snapshot(devices or [seen("a"), seen("b")], 0.0)
    kept, clamps = clamp(setpoints, rule(claims, DEFAULT_PRECEDENCE), looked, site or terms(), at(now_s))
    return {one.device: one for one in kept}, list(clamps)


def battery_site() -> SiteTerms:
    return terms({"bat": Role.BATTERY, "car": Role.EVSE, "pv": Role.PV})


BATTERIES = [seen("bat", Role.BATTERY), seen("car", Role.EVSE), seen("pv", Role.PV)]


def test_a_consumption_bound_covers_who_consumes_and_cuts_only_that_direction() -> None:
    """Battery and car may take 5 kW each under 4 kW together: 2 kW each. The inverter is not asked."""
    setpoints = [
        Setpoint("bat", produce_max_w=3.0, consume_max_w=5000.0),
        Setpoint("car", consume_max_w=5000.0),
        Setpoint("pv"),
    ]
    kept, clamps = guarded(setpoints, [bound(4000.0, on("bat", "car", "pv"), CONSUMED)], BATTERIES, battery_site())
    assert kept["bat"] == Setpoint("bat", produce_max_w=3.0, consume_max_w=2000.0)
    assert kept["car"].consume_max_w == 2000.0
    assert kept["pv"] == Setpoint("pv")
    assert [(one.device, one.quantity, one.why) for one in clamps] == [
        ("bat", CONSUMED, "load_limit of utility"),
        ("car", CONSUMED, "load_limit of utility"),
    ]


def test_all_are_cut_by_one_factor() -> None:
    """3000 + 1000 under 2000: each is halved."""
    kept, _ = guarded(
        [Setpoint("a", produce_max_w=3000.0), Setpoint("b", produce_max_w=1000.0)], [bound(2000.0, on("a", "b"))]
    )
    assert (kept["a"].produce_max_w, kept["b"].produce_max_w) == (1500.0, 500.0)


def test_a_limit_above_ability_counts_as_ability() -> None:
    """a can do 1 kW whatever its limit says: 1000 + 500 keep a bound of 1500."""
    small = [seen("a", rated_w=1000.0), seen("b")]
    setpoints = [Setpoint("a"), Setpoint("b", produce_max_w=500.0)]
    assert guarded(setpoints, [bound(1500.0, on("a", "b"))], small)[1] == []


def test_a_crumb_of_rounding_is_no_alarm_and_a_watt_is() -> None:
    scope = on("a")
    assert guarded([Setpoint("a", produce_max_w=1000.0005)], [bound(1000.0, scope)])[1] == []
    kept, clamps = guarded([Setpoint("a", produce_max_w=1001.0)], [bound(1000.0, scope)])
    assert kept["a"].produce_max_w == pytest.approx(1000.0)
    assert len(clamps) == 1


def test_who_does_not_answer_counts_with_what_it_holds() -> None:
    """b is away and holds 600 W: of 1000 W, 400 W are left for a."""
    away = [seen("a"), seen("b", online=False, holds=Setpoint("b", produce_max_w=600.0))]
    setpoints = [Setpoint("a", produce_max_w=1000.0), Setpoint("b", produce_max_w=0.0)]
    kept, _ = guarded(setpoints, [bound(1000.0, on("a", "b"))], away)
    assert kept["a"].produce_max_w == pytest.approx(400.0)
    assert kept["b"].produce_max_w == 0.0


@pytest.mark.parametrize(
    ("holds", "left"),
    [
        (Setpoint("b", on=False), 4000.0),  # off produces nothing, so a keeps its 4 kW
        (Setpoint("b", on=False, produce_max_w=900.0), 4000.0),
        (Setpoint("b", on=True, produce_max_w=3000.0), 3000.0),
        (Setpoint("b", produce_max_w=8000.0), 1000.0),  # no more than its nameplate of 5 kW
        (Setpoint("b", consume_max_w=0.0), 1000.0),  # a limit of the other direction is none
        (None, 1000.0),
    ],
)
def test_what_an_absent_device_holds_leaves_the_rest(holds: Setpoint | None, left: float) -> None:
    away = [seen("a"), seen("b", online=False, holds=holds)]
    kept, _ = guarded([Setpoint("a", produce_max_w=4000.0)], [bound(6000.0, on("a", "b"))], away)
    assert kept["a"].produce_max_w == pytest.approx(left)


def test_a_device_never_seen_may_do_anything_so_nothing_is_left() -> None:
    kept, _ = guarded([Setpoint("a", produce_max_w=100.0)], [bound(9000.0, on("a", "b"))], [seen("a")])
    assert kept["a"].produce_max_w == 0.0


def test_a_device_that_obeys_no_limit_counts_as_out_of_reach() -> None:
    deaf = replace(seen("b"), capability=Capability())
    kept, clamps = guarded(
        [Setpoint("a", produce_max_w=5000.0), Setpoint("b")], [bound(6000.0, on("a", "b"))], [seen("a"), deaf]
    )
    assert kept["a"].produce_max_w == pytest.approx(1000.0)
    assert kept["b"].produce_max_w is None
    assert [one.device for one in clamps] == ["a"]


def test_unlimited_devices_of_unknown_ability_share_equally() -> None:
    strangers = [seen("a", rated_w=None), seen("b", rated_w=None)]
    kept, clamps = guarded([Setpoint("a"), Setpoint("b")], [bound(3000.0, on("a", "b"))], strangers)
    assert (kept["a"].produce_max_w, kept["b"].produce_max_w) == (1500.0, 1500.0)
    assert [(one.asked, one.given) for one in clamps] == [(INF, 1500.0), (INF, 1500.0)]


def test_an_off_device_counts_nothing() -> None:
    setpoints = [Setpoint("a", on=False, produce_max_w=5000.0), Setpoint("b", produce_max_w=1000.0)]
    kept, clamps = guarded(setpoints, [bound(1000.0, on("a", "b"))])
    assert clamps == []
    assert kept["b"].produce_max_w == 1000.0


def test_a_bound_of_an_area_or_of_another_quantity_is_not_the_guards() -> None:
    setpoints = [Setpoint("a", produce_max_w=5000.0)]
    assert guarded(setpoints, [bound(0.0, Area("feeder")), bound(0.0, on("a"), Quantity.CURRENT)])[1] == []


def test_only_exports_are_guarded_at_a_dark_connection() -> None:
    """Import: the house consumes beside the devices, which no sum of setpoints can bound."""
    dark = snapshot(BATTERIES, None)
    setpoints = [Setpoint("car", consume_max_w=5000.0)]
    assert guarded(setpoints, [bound(0.0, quantity=CONSUMED)], site=battery_site(), picture=dark)[1] == []


@pytest.mark.parametrize(
    ("quality", "value", "age_s", "cut"),
    [
        (Quality.GOOD, 4000.0, 0.0, False),
        (Quality.GOOD, 4000.0, 5.0, False),  # terms: stale after 5 s
        (Quality.GOOD, 4000.0, 5.1, True),
        (Quality.STALE, 4000.0, 0.0, True),
        (Quality.SUSPECT, 4000.0, 0.0, True),
        (Quality.GOOD, math.nan, 0.0, True),
        (Quality.GOOD, INF, 0.0, True),
    ],
)
def test_the_connection_is_guarded_while_its_meter_is_dark(
    quality: Quality, value: float, age_s: float, cut: bool
) -> None:
    lit = replace(snapshot([seen("a"), seen("b")], 0.0), meter={NET: Reading(value, quality, 100.0, 0.0)})
    kept, _ = guarded(
        [Setpoint("a", produce_max_w=5000.0), Setpoint("b", produce_max_w=5000.0)],
        [bound(1000.0)],
        picture=lit,
        now_s=100.0 + age_s,
    )
    assert kept["a"].produce_max_w == (500.0 if cut else 5000.0)


def test_a_rating_that_all_together_keep_by_themselves_cuts_nothing() -> None:
    """Safety of 10 kW over two inverters of 5 kW holds without a word, and of 9.9 kW does not."""

    def safe(limit_w: float) -> Claim:
        claim = bound(limit_w, on("a", "b"))
        return replace(claim, cause=replace(claim.cause, source=replace(claim.cause.source, kind=SourceKind.SAFETY)))

    free = [Setpoint("a"), Setpoint("b")]
    assert guarded(free, [safe(10_000.0)])[1] == []
    kept, _ = guarded(free, [safe(9900.0)])
    assert (kept["a"].produce_max_w, kept["b"].produce_max_w) == (4950.0, 4950.0)
    # one that was never seen might do anything: of what it may, nothing is left
    assert guarded(free, [safe(10_000.0)], [seen("a")])[0]["a"].produce_max_w == 0.0
    # any other source's bound is written even where it binds nobody yet
    assert guarded(free, [bound(10_000.0, on("a", "b"))])[1] == []


def test_a_nameplate_is_a_bound_by_itself_with_a_crumb() -> None:
    kept, clamps = guarded([Setpoint("a", produce_max_w=5000.0005), Setpoint("b", produce_max_w=5000.1)], [])
    assert kept["a"].produce_max_w == 5000.0005
    assert clamps == [Clamp("b", PRODUCED, 5000.1, 5000.0, "nameplate")]


def test_a_device_never_seen_has_no_nameplate_to_cut_to() -> None:
    assert guarded([Setpoint("b", produce_max_w=9e9)], [], [seen("a")])[1] == []


def test_a_device_that_cannot_consume_is_cut_to_nothing_there() -> None:
    kept, clamps = guarded([Setpoint("a", consume_max_w=10.0)], [])
    assert kept["a"].consume_max_w == 0.0
    assert clamps == [Clamp("a", CONSUMED, 10.0, 0.0, "nameplate")]


def test_a_lock_cuts_the_directions_of_its_role() -> None:
    site = battery_site()
    locked = {name: replace(device, locked=name != "pv") for name, device in site.devices.items()}
    setpoints = [Setpoint("bat", produce_max_w=1.0), Setpoint("car"), Setpoint("pv", produce_max_w=1.0)]
    kept, clamps = guarded(setpoints, [], BATTERIES, replace(site, devices=locked))
    assert kept["bat"] == Setpoint("bat", produce_max_w=0.0, consume_max_w=0.0)
    assert kept["car"] == Setpoint("car", consume_max_w=0.0)
    assert kept["pv"] == setpoints[2]
    assert clamps == [
        Clamp("bat", PRODUCED, 1.0, 0.0, "locked by the operator"),
        Clamp("bat", CONSUMED, INF, 0.0, "locked by the operator"),
        Clamp("car", CONSUMED, INF, 0.0, "locked by the operator"),
    ]


def test_a_revert_is_cut_with_its_limit_and_never_raised_or_invented() -> None:
    site, scope = battery_site(), on("bat")

    def after(revert: Revert | None) -> Revert | None:
        setpoint = Setpoint("bat", produce_max_w=5000.0, consume_max_w=5000.0, revert=revert)
        claims = [bound(1000.0, scope), bound(2000.0, scope, CONSUMED)]
        return guarded([setpoint], claims, BATTERIES, site)[0]["bat"].revert

    assert after(Revert(60.0, 4000.0, 4000.0)) == Revert(60.0, 1000.0, 2000.0)
    assert after(Revert(60.0, 500.0, 600.0)) == Revert(60.0, 500.0, 600.0)
    assert after(Revert(60.0, 4000.0, None)) == Revert(60.0, 1000.0, None)
    assert after(Revert(60.0, None, 4000.0)) == Revert(60.0, None, 2000.0)
    assert after(None) is None


def test_only_a_winning_off_that_names_the_device_switches_it() -> None:
    def switch(yes: bool, name: str) -> Claim:
        want = Switch(yes)
        cause = in_force(Connect(yes), SourceKind.OPERATOR, "operator", respondent=None)
        return Claim(on(name), Quantity.CONNECT, want, want, Mode.CONNECT, cause)

    kept, clamps = guarded([Setpoint("a"), Setpoint("b")], [switch(False, "a"), switch(True, "b")])
    assert (kept["a"].on, kept["b"].on) == (False, None)
    assert clamps == [Clamp("a", Quantity.CONNECT, 1.0, 0.0, "a switch is off")]
    assert guarded([Setpoint("a", on=False)], [switch(False, "a")])[1] == []


def test_setpoints_leave_in_order_of_their_names() -> None:
    assert list(guarded([Setpoint("b"), Setpoint("a")], [])[0]) == ["a", "b"]


@pytest.mark.parametrize(("limit_w", "given_a"), [(11_040.0, 6.0), (3_000.0, 0.0)])
def test_watts_beside_a_chargers_amperes_never_make_them_more(limit_w: float, given_a: float) -> None:
    """6 A on three phases of 230 V are 4140 W: they stand whatever watts came with them, or end in a pause; watts never leave."""
    site = terms({"ev": Role.EVSE}, connection=Connection(phases=3))
    asked = Setpoint("ev", current_max_a=6.0, consume_max_w=11_040.0)
    ruling = rule([bound(limit_w, on("ev"), Quantity.CONSUMED)], DEFAULT_PRECEDENCE)
    kept, _ = clamp([asked], ruling, snapshot([charger("ev")], 0.0), site, at(0.0))
    assert kept == (Setpoint("ev", current_max_a=given_a),)


def test_a_limit_that_is_no_number_allows_nothing() -> None:
    wanted = Setpoint("a", produce_max_w=math.nan, consume_max_w=math.nan, current_max_a=math.nan)
    kept, clamps = guarded([wanted], [], [seen("a", Role.HYBRID)], terms({"a": Role.HYBRID}))
    assert (kept["a"].produce_max_w, kept["a"].consume_max_w, kept["a"].current_max_a) == (0.0, 0.0, 0.0)
    assert len(clamps) == 3


@pytest.mark.parametrize(("resolution_a", "given_a"), [(1.0, 10.0), (0.1, 10.8), (4.0, 8.0)])
def test_what_a_charger_is_cut_to_is_a_multiple_of_its_step_that_does_not_exceed_it(
    resolution_a: float, given_a: float
) -> None:
    """7500 W on three phases of 230 V are 10.87 A."""
    ev = charger("ev")
    assert ev.capability.currents is not None
    stepped = replace(ev.capability, currents=replace(ev.capability.currents, resolution_a=resolution_a))
    site = terms({"ev": Role.EVSE}, connection=Connection(phases=3))
    limit, devices = bound(7500.0, on("ev"), CONSUMED), [replace(ev, capability=stepped)]
    kept, clamps = guarded([Setpoint("ev", current_max_a=16.0)], [limit], devices, site)
    assert kept["ev"].current_max_a == pytest.approx(given_a)
    assert [(one.device, one.asked, one.given) for one in clamps] == [("ev", 11_040.0, 7500.0)]


@pytest.mark.parametrize(
    ("fallback", "left_a"),
    [
        (Fallback(6.0, 60.0), 16.0),  # it holds 6 A, 4140 W: 15,180 W are left
        (Fallback(13.0, 60.0), 15.0),  # it falls to 13 A, 8970 W: 10,350 W are left
        (None, 12.0),  # nobody knows: 16 A, 11,040 W; 8280 W are left
    ],
)
def test_a_silent_charger_counts_as_what_it_holds_or_falls_back_to(fallback: Fallback | None, left_a: float) -> None:
    """19,320 W over two on three phases of 230 V, of which one is silent."""
    silent = charger("b", holds_a=6.0, online=False, fallback=fallback)
    site = terms({"a": Role.EVSE, "b": Role.EVSE}, connection=Connection(phases=3))
    limit = bound(19_320.0, on("a", "b"), CONSUMED)
    kept, _ = guarded([Setpoint("a", current_max_a=16.0)], [limit], [charger("a"), silent], site)
    assert kept["a"].current_max_a == left_a
