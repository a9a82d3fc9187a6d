"""Decode of an IEEE 2030.5 DERControlList, all range checks on, beside a bare parse and two peers' decoders.

Run with `python -m benchmarks.xml_2030_decode`. Process CPU time; all candidates take turns within each round, the
ratio is the median of the rounds' ratios, the spread is the distance between its quartiles.
"""

import gc
import json
from collections.abc import Callable
from time import process_time
from typing import Any

from envoy_schema.server.schema.sep2.der import DERControlListResponse
from lxml import etree
from py20305.models.sep import DercontrolList
from py20305.xml.serialization import from_xml

from benchmarks.row import Row
from protocols.ieee2030_5.wire.der import DERControlList
from protocols.ieee2030_5.wire.reader import decode_as, hardened_parser

Values = tuple[object, ...]

SIZES = (10, 100, 1000)
GOALS = {"lxml bare parse": 4.5, "envoy-schema": 1 / 6, "py20305": 1 / 6}


def run() -> list[dict[str, Any]]:
    """One row per list size and peer. Raises AssertionError if a peer read other values than we did."""
    return [row for size in SIZES for row in _case(size)]


def _case(size: int) -> list[dict[str, Any]]:
    body = document(size)
    parser = hardened_parser()
    loops = max(2, 500 // size)
    rounds = 15 if size < 1000 else 9
    sides: dict[str, Callable[[], object]] = {
        "ours": lambda: decode_as(DERControlList, body),
        "lxml bare parse": lambda: etree.fromstring(body, parser),
        "envoy-schema": lambda: DERControlListResponse.from_xml(body),
        "py20305": lambda: from_xml(body, DercontrolList),
    }
    _check_same(body, size)
    # What the imports left behind is the same for all sides; a full collection over it would hit one of them by chance.
    gc.collect()
    gc.freeze()
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            # The peers take long enough for the clock without repeats.
            repeats = loops if name in ("ours", "lxml bare parse") else 1
            start = process_time()
            for _ in range(repeats):
                side()
            times[name].append((process_time() - start) / repeats)
    return [_row(size, peer, goal, times["ours"], times[peer]) for peer, goal in GOALS.items()]


def _row(size: int, peer: str, goal: float, ours: list[float], theirs: list[float]) -> dict[str, Any]:
    mine_ms, other_ms = [1e3 * one for one in ours], [1e3 * one for one in theirs]
    return Row("xml_2030_decode", f"DERControlList of {size}", "ms CPU", mine_ms, other_ms, peer, goal).plain()


def document(size: int) -> bytes:
    """A DERControlList of `size` controls, about 960 bytes each."""
    controls = "".join(_control(index) for index in range(size))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<DERControlList xmlns="urn:ieee:std:2030.5:ns"'
        f' href="/sep2/edev/1/derp/1/derc" subscribable="1" all="{size}" results="{size}">{controls}</DERControlList>'
    ).encode()


def _control(index: int) -> str:
    start = 1_795_404_000 + 300 * index
    return (
        f'<DERControl href="/sep2/edev/1/derp/1/derc/{index}" replyTo="/sep2/edev/1/rsps/site_control/rsp"'
        ' responseRequired="03">'
        f"<mRID>3000000000000000{index:08X}00006F83</mRID><description>feeder 12 schedule, hour {index}</description>"
        f"<version>{index % 7}</version><creationTime>{start - 86_400}</creationTime>"
        f"<EventStatus><currentStatus>{index % 2}</currentStatus><dateTime>{start - 60}</dateTime>"
        "<potentiallySuperseded>false</potentiallySuperseded></EventStatus>"
        f"<interval><duration>{300 + index % 60}</duration><start>{start}</start></interval>"
        f"<randomizeDuration>{index % 60}</randomizeDuration><randomizeStart>-{1 + index % 60}</randomizeStart>"
        f"<DERControlBase><opModFixedPFInjectW><displacement>{900 + index % 100}</displacement>"
        "<excitation>true</excitation><multiplier>-3</multiplier></opModFixedPFInjectW>"
        f"<opModMaxLimW>{index * 37 % 10_001}</opModMaxLimW>"
        f"<opModTargetW><multiplier>1</multiplier><value>{index % 3000}</value></opModTargetW>"
        '<opModVoltVar href="/sep2/edev/1/derp/1/dc/3"/></DERControlBase>'
        "<deviceCategory>00280000</deviceCategory></DERControl>"
    )


def _check_same(body: bytes, size: int) -> None:
    ours = _ours(body)
    assert len(ours) == size
    assert _envoy(body) == ours
    assert _py20305(body) == ours
    namespace = "{urn:ieee:std:2030.5:ns}"
    tree = etree.fromstring(body, hardened_parser())
    mrids = [each.findtext(f"{namespace}mRID") for each in tree.iter(f"{namespace}DERControl")]
    assert mrids == [row[0] for row in ours]


def _ours(body: bytes) -> list[Values]:
    decoded = decode_as(DERControlList, body)
    assert not decoded.rejects
    assert not decoded.remarks
    rows: list[Values] = []
    for one in decoded.message.items:
        base = one.DERControlBase
        power, factor, curve = base.opModTargetW, base.opModFixedPFInjectW, base.opModVoltVar
        assert power is not None
        assert factor is not None
        assert curve is not None
        rows.append(
            (
                *(one.mRID, one.href, one.replyTo, one.responseRequired, one.description, one.version),
                *(one.creationTime, one.EventStatus.currentStatus, one.EventStatus.dateTime),
                *(one.EventStatus.potentiallySuperseded, one.interval.start, one.interval.duration),
                *(one.randomizeStart, one.randomizeDuration, base.opModMaxLimW, power.value, power.multiplier),
                *(factor.displacement, factor.excitation, factor.multiplier, curve.href),
            )
        )
    return rows


def _envoy(body: bytes) -> list[Values]:
    rows: list[Values] = []
    for one in DERControlListResponse.from_xml(body).DERControl or []:
        base: Any = one.DERControlBase_
        power, factor = base.opModTargetW, base.opModFixedPFInjectW
        rows.append(
            (
                *(one.mRID, one.href, one.replyTo, int(str(one.responseRequired), 16), one.description, one.version),
                *(one.creationTime, one.EventStatus_.currentStatus, one.EventStatus_.dateTime),
                *(one.EventStatus_.potentiallySuperseded, one.interval.start, one.interval.duration),
                *(one.randomizeStart, one.randomizeDuration, base.opModMaxLimW, power.value, power.multiplier),
                *(factor.displacement, factor.excitation, factor.multiplier, base.opModVoltVar.href),
            )
        )
    return rows


def _py20305(body: bytes) -> list[Values]:
    rows: list[Values] = []
    listed: Any = from_xml(body, DercontrolList)
    for one in listed.dercontrol:
        base, status = one.dercontrol_base, one.event_status
        power, factor = base.op_mod_target_w, base.op_mod_fixed_pfinject_w
        rows.append(
            (
                *(one.m_rid.value.hex().upper(), one.href, one.reply_to, one.response_required[0], one.description),
                *(one.version.value, one.creation_time.value, status.current_status, status.date_time.value),
                *(status.potentially_superseded, one.interval.start.value, one.interval.duration),
                *(one.randomize_start.value, one.randomize_duration.value, base.op_mod_max_lim_w.value, power.value),
                *(power.multiplier.value, factor.displacement, factor.excitation, factor.multiplier.value),
                base.op_mod_volt_var.href,
            )
        )
    return rows


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
