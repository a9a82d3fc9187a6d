"""What of a stranger's answer is let in, and why the rest is not."""

import math
from dataclasses import replace

import pytest

from grid_functions.admission import AHEAD_S, MOST, Bounds, refusal
from grid_functions.alarm import Alarm, message_of
from grid_functions.guest import GuestOptions, Said
from grid_functions.letters import Way
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
from grid_functions.model.control import Curve, CurveKind, CurvePoint, ExportLimit, ImportLimit, Mode
from grid_functions.model.event import EventKey, Interval, Rank
from grid_functions.model.function import AreaInputs, Ask, Receipt, SiteInputs, WakeAt
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
MINE = Bounds(
    "mine",
    GuestOptions("house", hears=("xor_market",)),
    {
        ("mine", Way.UP): {"bid": ({"kw": ["float"], "for?": "str"}, 64)},
        ("mine", Way.DOWN): {"ask": ({"kw": "float"}, 64)},
        ("xor_market", Way.UP): {"bids": ("str", 64)},
    },
)
GOOD = Claim(
    ConnectionPoint(), Quantity.PRODUCED, Bound(500.0), Bound(500.0), Mode.EXPORT_LIMIT, CAUSE, valid_until=SOON
)
GRANT = Grant("m", "share", (ImportLimit(1000.0),))
HOUR = Interval(0.0, 3600.0, (ImportLimit(1000.0),))
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
        (Message("mine", "feeder", "house", "bid", "1", b'{"kw":[1.5,-2],"for":"x"}'),),
        (Message("xor_market", "feeder", "house", "bids", "m1", b'{"market":"m1","bids":[]}'),),
        (Ask("p", "p", Moment(OWN, NOW.utc_s + 30.0)),) * 4,
        (Ask("p" * 64, "p", Moment(OWN, NOW.utc_s + 30.0)),),
        (Receipt(Mode.EXPORT_LIMIT), Receipt(Mode.SHED_LEVEL, "no such level here")),
    ],
)
def test_at_a_site_let_in(outputs: tuple[Said, ...]) -> None:
    assert refusal(MINE, outputs, SITE, NOW) == ""


LETTER = Message("mine", "feeder", "house", "bid", "1", b'{"kw":[1.5]}')
DOWN = Message("mine", "m", "mine", "ask", "1", b'{"kw":1.5}')


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
    (replace(LETTER, body=b"{}"), "other fields than it should: kw"),
    (replace(LETTER, body=b'{"kw":[1],"more":1}'), "other fields than it should: more"),
    (replace(LETTER, body=b'{"kw":[NaN]}'), "NaN is no number"),
    (replace(LETTER, body=b'{"kw":[1e999]}'), "no number within"),
    (replace(LETTER, body=b'{"kw":[true]}'), "no number within"),
    (replace(LETTER, body=b'{"kw":[1'), "no JSON"),
    (replace(LETTER, body=b'{"kw":[' + b"1," * 64 + b"1]}"), "138 bytes, 64 at most"),
    (replace(LETTER, kind="ask"), "carries no 'ask'"),
    (replace(LETTER, kind="alarm"), "told by alarms"),
    (replace(LETTER, to="operator"), "told by alarms"),
    (replace(LETTER, to=""), "told by alarms"),
    (replace(LETTER, to="f" * 65), "longer name"),
    (replace(LETTER, id="i" * 129), "longer name"),
    (replace(LETTER, sender="neighbour"), "neighbour, which it does not speak for"),
    (replace(LETTER, function="day_ahead"), "in the name of day_ahead"),
    (replace(LETTER, function="xor_market", kind="bids", body=b'"x"'), "bids is no object"),
    (Ask("", "p", SOON), "proper name"),
    (Ask("p" * 65, "p", SOON), "proper name"),
    (Ask("p", "p", Moment(OWN, NOW.utc_s + 31.0)), "more than 30 s ahead"),
    (Ask("p", "p", Moment("elsewhere", 0.0)), "another clock"),
    (Receipt(Mode.EXPORT_LIMIT, "no"), "never a plug-in's to refuse"),
    (Receipt(Mode.CONNECT, "no"), "never a plug-in's to refuse"),
    (Receipt(Mode.IMPORT_SUBSCRIPTION, "no"), "never a plug-in's to refuse"),
    (Receipt(Mode.SHED_LEVEL, "n" * 201), "200 at most"),
]


@pytest.mark.parametrize(("one", "why"), REFUSED)
def test_at_a_site_refused_whole(one: Said, why: str) -> None:
    assert why in refusal(MINE, (GOOD, one), SITE, NOW)


def test_too_many_are_refused_whatever_they_are() -> None:
    assert "257 outputs" in refusal(MINE, (GOOD,) * (MOST + 1), SITE, NOW)


def test_a_claim_for_a_test_event_is_refused_though_it_is_in_force() -> None:
    shown = replace(SITE, in_force=(replace(ASKED, test=True),))
    assert "rule 10" in refusal(MINE, (replace(GOOD, cause=shown.in_force[0]),), shown, NOW)


def test_a_curve_without_end_is_refused() -> None:
    """Two numbers a point; of 15,000 points the loop judged for 70 ms, and every decision looked through them."""
    points = tuple(CurvePoint(float(k), 0.0) for k in range(5_001))
    endless = replace(CAUSE, control=Curve(CurveKind.VOLT_VAR, points))
    assert "more than 10000 numbers" in refusal(MINE, (replace(GOOD, cause=endless),), SITE, NOW)


def test_five_problems_in_one_step_are_refused() -> None:
    assert "5 problems" in refusal(MINE, (Ask("p", "p", SOON),) * 5, SITE, NOW)


@pytest.mark.parametrize(
    "one",
    [
        GRANT,
        Grant("m", "share"),
        replace(GRANT, series=(HOUR,) * 1008),
        replace(GRANT, origin=ORIGIN),
        DOWN,
        Receipt(Mode.LOAD_DISPATCH),
    ],
)
def test_in_an_area_let_in(one: Said) -> None:
    assert refusal(MINE, (one,), AREA, NOW) == ""


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (replace(GRANT, member="stranger"), "stranger, which does not take part"),
        (replace(GRANT, subject=""), "proper subject"),
        (replace(GRANT, subject="a/b"), "proper subject"),
        (replace(GRANT, controls=(ImportLimit(math.nan),)), "number that is none"),
        (replace(GRANT, series=(HOUR,) * 1009), "1009 intervals: at most 1008"),
        (replace(GRANT, controls=(ImportLimit(1.0),) * 33), "32 controls each"),
        (replace(GRANT, series=(replace(HOUR, controls=(ImportLimit(1.0),) * 33),)), "32 controls each"),
        (replace(GRANT, start_utc_s=math.inf), "number that is none"),
        (replace(GRANT, origin=replace(ORIGIN, event=EventKey(UTILITY, "other"))), "not in force"),
        (replace(GRANT, origin=replace(ORIGIN, rank=Rank(9.0))), "not in force"),
        (GOOD, "an area claims nothing"),
        (replace(DOWN, to="stranger"), "stranger, which does not take part"),
        (replace(DOWN, kind="bid", body=b'{"kw":[1]}'), "carries no 'bid'"),
        (
            replace(DOWN, function="xor_market", kind="award", body=b'{"market":"m","bid":""}'),
            "in the name of xor_market",
        ),
        (replace(DOWN, function="other"), "in the name of other"),
        (replace(DOWN, to=""), "told by alarms"),
        (Receipt(Mode.SHED_LEVEL, "no"), "nor anything an area's"),
    ],
)
def test_in_an_area_refused(one: Said, why: str) -> None:
    assert why in refusal(MINE, (one,), AREA, NOW)
