"""Clocks, signs and modes, and what nouns are when nothing is said."""

from math import copysign, inf
from typing import get_args

import pytest

from grid_functions.model.claim import LeaseId, Source, SourceKind
from grid_functions.model.control import (
    Alert,
    Connect,
    Control,
    Curve,
    CurveKind,
    DispatchKind,
    Energize,
    ExportLimit,
    FixedPower,
    FixedReactive,
    Flow,
    FrequencyDroop,
    GenerationLimit,
    ImportLimit,
    LoadControl,
    LoadControlKind,
    LoadDispatch,
    LoadLimit,
    LoadShape,
    MaxPower,
    Mode,
    PowerFactor,
    ShedLevel,
    StorageCharge,
    StorageEnergy,
    StoragePower,
    TargetPower,
    TargetReactive,
    Thermostat,
    mode_of,
)
from grid_functions.model.device import Capability, Role
from grid_functions.model.event import (
    Event,
    EventKey,
    EventStatus,
    Interval,
    Rank,
    Read,
    Respondent,
    Settings,
    Standing,
)
from grid_functions.model.instants import OWN, ClockQuality, Instants, Moment, UpstreamTime
from grid_functions.model.lease import Lease
from grid_functions.model.modes import ALERT_MODES, CAPACITY_MODES, LIMIT_MODES, PRICE_MODES, SWITCH_MODES
from grid_functions.model.outcome import FINAL, Cause, OutcomeKind
from grid_functions.model.policy import (
    DEFAULT_PRECEDENCE,
    Connection,
    DeviceTerms,
    LoadCredit,
    OnGatewayLoss,
    OptOut,
    Policy,
    SiteTerms,
    Vanished,
    Yield,
)
from grid_functions.model.tariff import Capacity, CapacityKind, Direction, Price, Priced, PriceKind
from grid_functions.model.units import UNLIMITED_W, PercentBase, turned

NOW = Instants(5.0, 1000.0, {"utility": UpstreamTime(1300.0, ClockQuality.SYNCHRONISED)})


def test_each_clock_tells_its_own_time_and_an_unheard_one_our_own() -> None:
    assert (NOW.on(OWN), NOW.on("utility"), NOW.on("never heard")) == (1000.0, 1300.0, 1000.0)
    assert Instants(5.0, 1000.0).on("utility") == 1000.0
    assert OWN == ""


@pytest.mark.parametrize(
    ("moment", "due", "in_s"),
    [
        (Moment(OWN, 1000.0), True, 0.0),
        (Moment(OWN, 999.5), True, -0.5),
        (Moment(OWN, 1000.5), False, 0.5),
        (Moment("utility", 1300.0), True, 0.0),
        (Moment("utility", 1301.0), False, 1.0),
        (Moment("utility", 1000.0), True, -300.0),
    ],
)
def test_a_moment_has_come_at_its_second_not_before(moment: Moment, due: bool, in_s: float) -> None:
    assert moment.due(NOW) is due
    assert moment.in_s(NOW) == in_s


def test_moments_of_one_clock_go_by_time() -> None:
    assert Moment("u", 1.0) < Moment("u", 2.0)
    assert sorted([Moment("u", 3.0), Moment("u", -1.0)]) == [Moment("u", -1.0), Moment("u", 3.0)]


@pytest.mark.parametrize(("given", "expected"), [(5.0, -5.0), (-0.25, 0.25), (inf, -inf)])
def test_turning_changes_the_sign_and_twice_changes_nothing(given: float, expected: float) -> None:
    assert turned(given) == expected
    assert turned(turned(given)) == given


def test_nothing_turned_is_positive_nothing() -> None:
    assert copysign(1.0, turned(0.0)) == 1.0


def test_unlimited_binds_nothing() -> None:
    assert UNLIMITED_W > 1e300


SIMPLE: list[tuple[Control, Mode]] = [
    (Connect(True), Mode.CONNECT),
    (Energize(False), Mode.ENERGIZE),
    (ExportLimit(1.0), Mode.EXPORT_LIMIT),
    (ImportLimit(1.0), Mode.IMPORT_LIMIT),
    (GenerationLimit(1.0), Mode.GENERATION_LIMIT),
    (LoadLimit(1.0), Mode.LOAD_LIMIT),
    (MaxPower(50.0), Mode.MAX_POWER),
    (FixedPower(50.0, PercentBase.MAX_POWER), Mode.FIXED_POWER),
    (TargetPower(1.0), Mode.TARGET_POWER),
    (FixedReactive(1.0, PercentBase.MAX_REACTIVE), Mode.FIXED_REACTIVE),
    (TargetReactive(1.0), Mode.TARGET_REACTIVE),
    (PowerFactor(Flow.INJECT, 0.9, False), Mode.POWER_FACTOR_INJECT),
    (PowerFactor(Flow.ABSORB, 0.9, False), Mode.POWER_FACTOR_ABSORB),
    (FrequencyDroop(0.03, 0.03, 0.05, 0.05, 5.0), Mode.FREQUENCY_DROOP),
    (ShedLevel(1), Mode.SHED_LEVEL),
    (LoadDispatch(DispatchKind.DELTA_W, 1.0), Mode.LOAD_DISPATCH),
    (LoadControl(LoadControlKind.CAPACITY, 0.5), Mode.LOAD_CONTROL),
    (LoadShape(0.5), Mode.LOAD_SHAPE),
    (Capacity(Direction.IMPORT, CapacityKind.SUBSCRIPTION, 1.0), Mode.IMPORT_SUBSCRIPTION),
    (Capacity(Direction.IMPORT, CapacityKind.RESERVATION, 1.0), Mode.IMPORT_RESERVATION),
    (Capacity(Direction.EXPORT, CapacityKind.SUBSCRIPTION, 1.0), Mode.EXPORT_SUBSCRIPTION),
    (Capacity(Direction.EXPORT, CapacityKind.RESERVATION, 1.0), Mode.EXPORT_RESERVATION),
    (Capacity(Direction.IMPORT, CapacityKind.AVAILABLE, 1.0), Mode.IMPORT_AVAILABLE),
    (Capacity(Direction.EXPORT, CapacityKind.AVAILABLE, 1.0), Mode.EXPORT_AVAILABLE),
    (StoragePower(1.0), Mode.STORAGE_POWER),
    (StorageCharge(50.0), Mode.STORAGE_CHARGE),
    (StorageEnergy(1.0), Mode.STORAGE_ENERGY),
    (Price(Priced.EXPORT, PriceKind.ABSOLUTE, 0.1), Mode.EXPORT_PRICE),
    (Price(Priced.IMPORT, PriceKind.ABSOLUTE, 0.1), Mode.IMPORT_PRICE),
    (Price(Priced.ALTERNATE, PriceKind.ABSOLUTE, 0.1), Mode.ALTERNATE_PRICE),
    (Price(Priced.DEMAND, PriceKind.ABSOLUTE, 9.0), Mode.DEMAND_CHARGE),
    (Price(Priced.IMPORT_RESERVATION, PriceKind.ABSOLUTE, 9.0), Mode.IMPORT_RESERVATION_FEE),
    (Price(Priced.EXPORT_RESERVATION, PriceKind.ABSOLUTE, 9.0), Mode.EXPORT_RESERVATION_FEE),
    (Price(Priced.IMPORT_AVAILABLE, PriceKind.ABSOLUTE, 9.0), Mode.IMPORT_AVAILABLE_PRICE),
    (Price(Priced.EXPORT_AVAILABLE, PriceKind.ABSOLUTE, 9.0), Mode.EXPORT_AVAILABLE_PRICE),
    (Price(Priced.EMISSIONS, PriceKind.ABSOLUTE, 400.0), Mode.EMISSIONS),
    (Thermostat(21.0, False), Mode.THERMOSTAT),
    (Alert("grid_emergency", "stay warm"), Mode.ALERT_GRID_EMERGENCY),
    (Alert("black_start"), Mode.ALERT_BLACK_START),
    (Alert("possible_outage"), Mode.ALERT_POSSIBLE_OUTAGE),
    (Alert("flex_alert"), Mode.ALERT_FLEX_ALERT),
    (Alert("fire"), Mode.ALERT_FIRE),
    (Alert("freezing"), Mode.ALERT_FREEZING),
    (Alert("wind"), Mode.ALERT_WIND),
    (Alert("tsunami"), Mode.ALERT_TSUNAMI),
    (Alert("air_quality"), Mode.ALERT_AIR_QUALITY),
    (Alert("a kind of tomorrow"), Mode.ALERT_OTHER),
]


@pytest.mark.parametrize(("control", "mode"), SIMPLE)
def test_every_control_competes_for_its_mode(control: Control, mode: Mode) -> None:
    assert mode_of(control) is mode


@pytest.mark.parametrize("kind", list(CurveKind))
def test_a_curve_competes_for_the_mode_of_its_kind(kind: CurveKind) -> None:
    assert mode_of(Curve(kind, ())) is Mode(kind.value)


def test_no_control_and_no_mode_is_left_out() -> None:
    assert {type(control) for control, _ in SIMPLE} | {Curve} == set(get_args(Control))
    assert {mode for _, mode in SIMPLE} | {Mode(kind.value) for kind in CurveKind} == set(Mode)


def test_what_is_granted_binds_and_what_is_on_offer_does_not() -> None:
    assert {
        f"{way}_{kind}" for way in ("import", "export") for kind in ("subscription", "reservation")
    } == CAPACITY_MODES


def test_prices_and_alerts_ask_nothing_of_a_device() -> None:
    assert {mode_of(control) for control, _ in SIMPLE if isinstance(control, Price)} == PRICE_MODES
    assert {mode_of(control) for control, _ in SIMPLE if isinstance(control, Alert)} == ALERT_MODES


def test_limits_and_switches() -> None:
    assert {"export_limit", "import_limit", "generation_limit", "load_limit", "max_power"} == LIMIT_MODES
    assert {"connect", "energize"} == SWITCH_MODES


def test_five_outcomes_end_a_story() -> None:
    assert {"completed", "cancelled", "superseded", "expired", "refused"} == FINAL


def test_the_default_precedence_is_that_of_rule_3() -> None:
    kinds = ("operator", "ieee2030_5", "openadr", "occupant", "area", "optimiser", "local")
    assert tuple(kinds) == DEFAULT_PRECEDENCE
    assert SourceKind.SAFETY not in DEFAULT_PRECEDENCE


def test_what_holds_when_configuration_says_nothing() -> None:
    """DESIGN: revert_s 60; a silent upstream after 15 min; hold what limits without us; free devices give way; credit for all."""
    site = SiteTerms("house", Connection(), {})
    assert (site.revert_s, site.meter_stale_s, site.protection) == (60.0, 5.0, False)
    assert (site.yields, site.load_credit, site.precedence) == (Yield.PV, LoadCredit.ALL, DEFAULT_PRECEDENCE)
    assert (site.approximate, dict(site.respondents)) == (frozenset(), {})
    assert Connection() == Connection(None, None, 1, None)
    assert DeviceTerms(Role.PV) == DeviceTerms(Role.PV, OnGatewayLoss.HOLD, False)
    policy = Policy("utility", Source(SourceKind.OPERATOR, "me"), True, Vanished.KEEP, OptOut.NONE)
    assert (policy.fail_safe, policy.fail_safe_after_s) == ((), 900.0)


def test_a_device_that_told_nothing_settles_in_five_seconds_and_can_be_switched_off() -> None:
    plain = Capability()
    assert (plain.settle_s, plain.resolution_w, plain.minimum_w) == (5.0, 1.0, 0.0)
    assert (plain.off_capable, plain.watchdog, plain.writes_per_minute, plain.writes_per_day) == (
        True,
        False,
        60.0,
        None,
    )
    assert dict(plain.abilities) == {}


def test_an_event_that_says_no_more_is_scheduled_undrawn_and_real() -> None:
    me = Respondent("utility", "me")
    event = Event(EventKey(me, "A"), 0, "p", Rank(1.0), 0.0, None, (Interval(0.0, None, ()),))
    assert (event.status, event.random_start_s, event.random_duration_s) == (EventStatus.SCHEDULED, 0.0, 0.0)
    assert (event.test, event.ramp, event.addressees, event.wants) == (False, None, frozenset(), frozenset())
    assert Rank(1.0) == Rank(1.0, 0.0, "")
    assert Standing("p", Rank(1.0), ()).settings == Settings(*[None] * 9)
    read = Read(me, 0.0, False)
    assert (dict(read.programs), read.listed, read.standings, read.events) == ({}, frozenset(), (), ())
    assert (read.rejects, read.refused) == ((), "")


def test_a_cause_and_a_lease_that_say_no_more() -> None:
    assert Cause() == Cause(None, False, False, False, "")
    assert OutcomeKind.APPLIED not in FINAL
    assert Lease(LeaseId("feeder", "x", 1), 60.0) == Lease(LeaseId("feeder", "x", 1), 60.0, (), 0.0, None, None)
