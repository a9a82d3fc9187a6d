"""What of a stranger's answer is let in, and why the rest is not."""

import math
from dataclasses import replace

import pytest

from grid_functions.admission import AHEAD_S, MOST, refusal
from grid_functions.alarm import Alarm, message_of
from grid_functions.guest import Said
from grid_functions.model.claim import (
    Area,
    Basis,
    Bound,
    Claim,
    ConnectionPoint,
    Devices,
    InForce,
    LeaseId,
    Need,
    Shape,
    Source,
    SourceKind,
    Target,
)
from grid_functions.model.control import ExportLimit, ImportLimit, Mode
from grid_functions.model.event import EventKey, Rank
from grid_functions.model.function import AreaInputs, SiteInputs, WakeAt
from grid_functions.model.instants import OWN, Moment
from grid_functions.model.lease import Grant, Message, Origin
from grid_functions.model.units import Quantity
from tests.grid_functions.house import UTILITY, at, in_force, snapshot, terms

NOW = at(0.0)
ASKED = replace(in_force(ExportLimit(1500.0)), cause=EventKey(UTILITY, "event"))
SITE = SiteInputs(terms(), (ASKED,), snapshot((), None))
AREA = AreaInputs((ASKED,), {}, {}, enrolled=("m",))
SOON = Moment(OWN, NOW.utc_s + 60.0)
CAUSE = InForce(
    ExportLimit(500.0), Source(SourceKind.LOCAL, "mine"), Rank(0.0), Basis.CONFIGURED, Moment(OWN, 0.0), None, 0.0
)
GOOD = Claim(
    ConnectionPoint(), Quantity.PRODUCED, Bound(500.0), Bound(500.0), Mode.EXPORT_LIMIT, CAUSE, valid_until=SOON
)
GRANT = Grant("m", "share", (ImportLimit(1000.0),))
ORIGIN = Origin(EventKey(UTILITY, "event"), ASKED.source, ASKED.rank, 0.0)


def cause(**changes: object) -> Claim:
    """The good claim with a cause that is not."""
    return replace(GOOD, cause=replace(CAUSE, **changes))  # type: ignore[arg-type]  # fields by name


@pytest.mark.parametrize(
    "outputs",
    [
        (),
        (GOOD, GOOD, WakeAt(SOON)),
        (replace(GOOD, scope=Devices(frozenset({"a", "b"}))),),
        (replace(GOOD, cause=ASKED),),
        (replace(GOOD, valid_until=Moment(OWN, NOW.utc_s + AHEAD_S)),),
        (cause(source=Source(SourceKind.OPTIMISER, "mine")),),
        (message_of(Alarm("mine", "pv", "look at it"), "house"),),
        (GOOD,) * MOST,
    ],
)
def test_at_a_site_let_in(outputs: tuple[Said, ...]) -> None:
    assert refusal("mine", outputs, SITE, NOW) == ""


REFUSED: list[tuple[Said, str]] = [
    (replace(GOOD, want=Bound(math.nan)), "number that is none"),
    (replace(GOOD, goal=Bound(math.inf)), "number that is none"),
    (replace(GOOD, want=Bound(1e13)), "beyond all measure"),
    (replace(GOOD, magnitude_var=-1.0), "below zero"),
    (replace(GOOD, want=Need(-1.0), goal=Need(1.0)), "below zero"),
    (replace(GOOD, want=Target(1.0)), "another kind"),
    (cause(since=Moment(OWN, math.nan)), "number that is none"),
    (cause(control=ExportLimit(math.nan)), "number that is none"),
    (replace(GOOD, want=Shape(ExportLimit(math.inf)), goal=Shape(ExportLimit(0.0))), "number that is none"),
    (replace(GOOD, scope=Devices(frozenset({"a", "c"}))), "c, which is none of house"),
    (replace(GOOD, scope=Devices(frozenset())), "no device at all"),
    (replace(GOOD, scope=Area("feeder")), "beyond its site"),
    (replace(GOOD, valid_until=None), "without valid_until"),
    (replace(GOOD, valid_until=Moment(OWN, NOW.utc_s + AHEAD_S + 1.0)), "longer than"),
    (replace(GOOD, valid_until=Moment("elsewhere", NOW.utc_s)), "clock 'elsewhere'"),
    (cause(source=Source(SourceKind.LOCAL, "other")), "in the name of local other"),
    (cause(source=Source(SourceKind.SAFETY, "mine")), "in the name of safety mine"),
    (cause(source=Source(SourceKind.LOCAL, "mine", UTILITY)), "in the name of local mine"),
    (cause(basis=Basis.OVERRIDE), "what only others have"),
    (cause(cause=LeaseId("feeder", "x", 1)), "what only others have"),
    (replace(GOOD, cause=replace(ASKED, control=ExportLimit(1400.0))), "not in force here"),
    (replace(GOOD, cause=ASKED, mode=Mode.TARGET_POWER), "which is in force"),
    (cause(test=True), "rule 10"),
    (GRANT, "a site grants nothing"),
    (WakeAt(Moment("elsewhere", 0.0)), "clock 'elsewhere'"),
    (WakeAt(Moment(OWN, math.inf)), "number that is none"),
    (message_of(Alarm("limit_power", "pv", "x"), "house"), "in the name of limit_power"),
    (message_of(Alarm("mine", "pv", "x" * 1000), "house"), "bytes: at most"),
    (Message("mine", "feeder", "house", "bid", "1", b"{}"), "none but alarms"),
]


@pytest.mark.parametrize(("one", "why"), REFUSED)
def test_at_a_site_refused_whole(one: Said, why: str) -> None:
    assert why in refusal("mine", (GOOD, one), SITE, NOW)


def test_too_many_are_refused_whatever_they_are() -> None:
    assert "257 outputs" in refusal("mine", (GOOD,) * (MOST + 1), SITE, NOW)


def test_a_claim_for_a_test_event_is_refused_though_it_is_in_force() -> None:
    shown = replace(SITE, in_force=(replace(ASKED, test=True),))
    assert "rule 10" in refusal("mine", (replace(GOOD, cause=shown.in_force[0]),), shown, NOW)


@pytest.mark.parametrize("one", [GRANT, Grant("m", "share"), replace(GRANT, origin=ORIGIN)])
def test_in_an_area_let_in(one: Grant) -> None:
    assert refusal("mine", (one,), AREA, NOW) == ""


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (replace(GRANT, member="stranger"), "stranger, which does not take part"),
        (replace(GRANT, subject=""), "proper subject"),
        (replace(GRANT, subject="a/b"), "proper subject"),
        (replace(GRANT, controls=(ImportLimit(math.nan),)), "number that is none"),
        (replace(GRANT, start_utc_s=math.inf), "number that is none"),
        (replace(GRANT, origin=replace(ORIGIN, event=EventKey(UTILITY, "other"))), "not in force"),
        (replace(GRANT, origin=replace(ORIGIN, rank=Rank(9.0))), "not in force"),
        (GOOD, "an area claims nothing"),
    ],
)
def test_in_an_area_refused(one: Said, why: str) -> None:
    assert why in refusal("mine", (one,), AREA, NOW)
