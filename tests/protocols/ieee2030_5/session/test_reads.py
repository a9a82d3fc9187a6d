"""What a Read holds: several assignments, programs seen twice, curves to come, links astray, unreadable items."""

from dataclasses import replace

import pytest

from grid_functions.model.control import Curve, CurveKind, ExportLimit
from grid_functions.model.event import EventStatus
from protocols.ieee2030_5.session.tree import resolve
from protocols.ieee2030_5.wire.datatypes import CurveData, DateTimeInterval, Link
from protocols.ieee2030_5.wire.datatypes import EventStatus as Told
from protocols.ieee2030_5.wire.der import DERControlBase, DERCurve
from protocols.ieee2030_5.wire.namespaces import CSIP_AUS
from protocols.ieee2030_5.wire.writer import encode
from tests.protocols.ieee2030_5.session.rig import (
    TERMS,
    UTC_S,
    Rig,
    assignment,
    control,
    default,
    house,
    mrid,
    program,
)


def _fifteen() -> Rig:
    """GEN-10: two assignments, fifteen programs."""
    rig = house()
    server = rig.server
    server.lists["/edev/1/fsa"] = [assignment(1, "/fsa/1/derp"), assignment(2, "/fsa/2/derp")]
    server.lists["/fsa/1/derp"] = [program(number, primacy=number) for number in range(1, 8)]
    server.lists["/fsa/2/derp"] = [program(number, primacy=number) for number in range(8, 16)]
    server.rates["/fsa/2/derp"] = 60
    for number in range(1, 16):
        server.lists[f"/derp/{number}/derc"] = [control(number, start=int(UTC_S) + 60)]
        server.single[f"/derp/{number}/dderc"] = default(100 + number, 1000 * number)
    return rig


def test_two_assignments_and_fifteen_programs_are_told_at_once() -> None:
    """No Read before the last of them, or a worse program's event would start before the better one is known."""
    rig = _fifteen()
    rig.slow["/derp/1/derc"] = 9.0
    rig.run(12)
    assert len(rig.reads) == 1
    read = rig.reads[0]
    assert read.complete
    assert {rank.level for rank in read.programs.values()} == set(range(1, 16))
    assert len(read.events) == len(read.standings) == len(read.listed) == 15


def test_an_assignment_removed_takes_its_programs_with_it() -> None:
    """P-02."""
    rig = _fifteen()
    rig.run(10)
    rig.server.lists["/edev/1/fsa"].pop()
    rig.run(400)
    assert len(rig.reads[-1].programs) == 7
    before = len(rig.gets("/derp/9/derc"))
    rig.run(300)
    assert len(rig.gets("/derp/9/derc")) == before


def test_a_program_reached_twice_is_one_program() -> None:
    rig = house()
    rig.server.lists["/edev/1/fsa"].append(assignment(2, "/fsa/2/derp"))
    rig.server.lists["/fsa/2/derp"] = [program(7)]
    rig.server.lists["/derp/7/derc"] = [control(1, start=int(UTC_S) + 60)]
    rig.run(5)
    assert len(rig.reads[-1].events) == 1
    assert len(rig.gets("/derp/7/derc")) == 1


def test_a_program_that_fails_leaves_the_others_listed() -> None:
    rig = _fifteen()
    rig.server.wrong["/derp/3/derc"] = lambda request: (500, b"")
    rig.run(10)
    read = rig.reads[-1]
    assert mrid(3) in read.programs
    assert read.listed == {mrid(number) for number in range(1, 16)} - {mrid(3)}
    assert not read.complete


@pytest.mark.parametrize("answer", [(404, b""), (204, b""), (200, b"")])
def test_no_default_is_no_standing_and_a_read_all_the_same(answer: tuple[int, bytes]) -> None:
    rig = house()
    rig.server.wrong["/derp/7/dderc"] = lambda request: answer
    rig.run(5)
    assert rig.reads[-1].complete
    assert rig.reads[-1].standings == ()


def test_a_moved_creation_time_and_a_superseded_status_are_handed_on_as_they_are() -> None:
    """The timeline keeps the first creation time; here nothing may be lost on the way."""
    rig = house()
    rig.server.lists["/derp/7/derc"] = [control(1, start=int(UTC_S) + 60)]
    rig.run(5)
    old = control(
        1,
        start=int(UTC_S) + 60,
        creationTime=int(UTC_S) + 50,
        EventStatus=Told(currentStatus=4, dateTime=int(UTC_S) + 50, potentiallySuperseded=False),
    )
    rig.server.lists["/derp/7/derc"] = [old, control(2, start=int(UTC_S) + 60, creationTime=int(UTC_S) + 50)]
    rig.run(65)
    found = {event.key.id: event for event in rig.reads[-1].events}
    assert found[mrid(1)].status is EventStatus.SUPERSEDED
    assert found[mrid(2)].status is EventStatus.SCHEDULED


def test_an_unreadable_control_is_refused_and_the_good_ones_stand() -> None:
    rig = house()
    good = control(1, start=int(UTC_S) + 60)
    bad = control(2, start=int(UTC_S) + 60, DERControlBase=DERControlBase(opModMaxLimW=5000))
    rig.server.lists["/derp/7/derc"] = [good, bad]
    page = encode(rig.server.page("/derp/7/derc", 0, 50), dialect=CSIP_AUS)
    rig.server.wrong["/derp/7/derc"] = lambda request: (200, page.replace(b">5000<", b">10001<"))
    rig.run(5)
    read = rig.reads[-1]
    assert [event.key.id for event in read.events] == [mrid(1)]
    assert [(reject.id, reject.kind) for reject in read.rejects] == [(mrid(2), "invalid")]
    assert read.complete


CURVE = DERCurve(
    mRID=mrid(900),
    creationTime=0,
    CurveData=(CurveData(xvalue=92, yvalue=44), CurveData(xvalue=108, yvalue=-44)),
    curveType=11,
    xMultiplier=0,
    yMultiplier=0,
    yRefType=2,
)


def _curved() -> Rig:
    rig = house()
    base = DERControlBase(opModVoltVar=Link("/curve/1"))
    rig.server.lists["/derp/7/derc"] = [control(1, start=int(UTC_S) + 60, DERControlBase=base)]
    return rig


def test_a_curve_is_fetched_before_its_event_is_told() -> None:
    rig = _curved()
    rig.server.single["/curve/1"] = CURVE
    rig.run(5)
    ((curve,),) = [event.intervals[0].controls for event in rig.reads[0].events]
    assert isinstance(curve, Curve)
    assert curve.kind is CurveKind.VOLT_VAR


def test_a_curve_that_is_gone_makes_its_event_invalid() -> None:
    rig = _curved().run(5)
    assert [(reject.id, reject.kind) for reject in rig.reads[-1].rejects] == [(mrid(1), "invalid")]


def test_a_curve_that_fails_for_now_is_waited_for() -> None:
    rig = _curved()
    rig.server.wrong["/curve/1"] = lambda request: (500, b"")
    rig.run(5)
    assert (rig.reads[-1].events, rig.reads[-1].rejects, rig.reads[-1].complete) == ((), (), False)
    del rig.server.wrong["/curve/1"]
    rig.server.single["/curve/1"] = CURVE
    rig.run(120)
    assert len(rig.reads[-1].events) == 1


@pytest.mark.parametrize("href", ["https://elsewhere.example/derc", "http://utility.example/derc", "ftp:derc"])
def test_a_link_to_elsewhere_is_not_followed_and_no_read_is_complete(href: str) -> None:
    rig = house()
    link = replace(program(7).DERControlListLink or pytest.fail("no link"), href=href)
    rig.server.lists["/fsa/1/derp"] = [replace(program(7), DERControlListLink=link)]
    rig.run(5)
    assert not rig.reads[-1].complete
    assert all(request.url.startswith("https://utility.example/") for _, request in rig.asked)
    assert "links" in {alarm.key for alarm in rig.alarms}


def test_a_link_that_is_no_address_leads_nowhere() -> None:
    assert resolve("https://utility.example/dcap", "//[") == ""


def test_an_absolute_link_to_the_same_server_is_followed() -> None:
    rig = house()
    link = replace(program(7).DERControlListLink or pytest.fail("no link"), href="https://utility.example/derp/7/derc")
    rig.server.lists["/fsa/1/derp"] = [replace(program(7), DERControlListLink=link)]
    rig.run(5)
    assert rig.reads[-1].complete


def test_the_same_mrid_with_other_content_is_handed_on_for_the_timeline_to_judge() -> None:
    rig = house()
    rig.server.lists["/derp/7/derc"] = [control(1, start=int(UTC_S) + 60, watts=1500)]
    rig.run(5)
    rig.server.lists["/derp/7/derc"] = [
        control(1, start=int(UTC_S) + 60, watts=9000, interval=DateTimeInterval(60, int(UTC_S)))
    ]
    rig.run(65)
    assert rig.reads[-1].events[0].intervals[0].controls == (ExportLimit(9000.0),)


def test_a_control_for_other_device_categories_is_passed_over() -> None:
    """Bit 21 is PV, which is ours; bit 25 is storage, which is not: neither taken, nor refused, nor doubted. The read stays complete."""
    rig = house(replace(TERMS, device_category=1 << 21))
    rig.server.lists["/derp/7/derc"] = [
        control(1, start=int(UTC_S) + 60, deviceCategory=1 << 25),
        control(2, start=int(UTC_S) + 60, deviceCategory=1 << 21 | 1 << 25),
        control(3, start=int(UTC_S) + 60),
    ]
    rig.run(10)
    assert [event.key.id for event in rig.reads[-1].events] == [mrid(2), mrid(3)]
    assert (rig.reads[-1].complete, rig.reads[-1].rejects) == (True, ())
    assert not rig.server.posts
