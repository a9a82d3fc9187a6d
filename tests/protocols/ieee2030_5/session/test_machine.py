"""From DeviceCapability to a Read, and what changes later."""

from dataclasses import replace

from grid_functions.model.control import ExportLimit
from protocols.ieee2030_5.wire.der import DERControlBase
from tests.protocols.ieee2030_5.session.rig import LFDI, UTC_S, control, default, house, mrid


def test_the_walk_ends_in_one_complete_read() -> None:
    rig = house()
    rig.server.lists["/derp/7/derc"] = [control(1, start=int(UTC_S) + 60)]
    rig.server.single["/derp/7/dderc"] = default(77, 5000)
    rig.run(5)
    assert [read.complete for read in rig.reads] == [True]
    read = rig.reads[0]
    assert read.respondent.id == LFDI
    assert dict(read.programs).keys() == {mrid(7)}
    assert read.listed == {mrid(7)}
    assert read.standings[0].controls == (ExportLimit(5000.0),)
    assert read.events[0].intervals[0].controls == (ExportLimit(1500.0),)
    assert read.events[0].start_s == UTC_S + 60


def test_every_read_of_a_round_is_complete_once() -> None:
    rig = house()
    rig.run(5)
    rig.reads.clear()
    rig.run(600)
    # Ten minutes at a program rate of 60 s: ten rounds, one complete read each, give or take the one on the edge.
    assert sum(read.complete for read in rig.reads) in (9, 10)


def test_a_default_changed_under_the_same_mrid_is_found_at_its_next_poll() -> None:
    rig = house()
    rig.server.single["/derp/7/dderc"] = default(77, 5000)
    rig.run(5)
    rig.server.single["/derp/7/dderc"] = default(77, 1000)
    rig.run(65)
    assert rig.reads[-1].standings[0].controls == (ExportLimit(1000.0),)


def test_a_control_without_a_mode_is_refused_and_unseats_nothing() -> None:
    rig = house()
    good = control(1, start=int(UTC_S) + 60)
    bad = replace(control(2, start=int(UTC_S) + 60), DERControlBase=DERControlBase(rampTms=100))
    rig.server.lists["/derp/7/derc"] = [good, bad]
    rig.run(5)
    assert [event.key.id for event in rig.reads[-1].events] == [mrid(1)]
    assert [(reject.id, reject.kind) for reject in rig.reads[-1].rejects] == [(mrid(2), "not_applicable")]
