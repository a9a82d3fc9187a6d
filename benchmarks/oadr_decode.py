"""Decode of an oadrDistributeEvent, every rule of the schema checked, beside a bare parse and openleadr's validate and parse.

Run with `python -m benchmarks.oadr_decode`. Process CPU time; all candidates take turns within each round.
"""

import gc
import json
from collections.abc import Callable
from time import process_time
from typing import Any

from lxml import etree
from openleadr.messaging import parse_message, validate_xml_schema

from benchmarks.openadr.documents import distribution
from benchmarks.row import Row
from protocols.openadr2b.wire.events import OadrDistributeEvent
from protocols.openadr2b.wire.reader import decode, hardened_parser

GOALS = {1: (4.5, 1 / 7), 10: (4.5, 1 / 7), 100: (4.5, 1 / 12)}
"""By the number of events: beside lxml, beside openleadr."""


def run() -> list[dict[str, Any]]:
    """One row per size and peer. Raises AssertionError if the peer read other values than we did."""
    return [row for size in GOALS for row in _case(size)]


def _case(size: int) -> list[dict[str, Any]]:
    body = distribution(size)
    parser = hardened_parser()
    loops = max(2, 300 // size)
    sides: dict[str, Callable[[], object]] = {
        "ours": lambda: decode(body),
        "lxml bare parse": lambda: etree.fromstring(body, parser),
        "openleadr": lambda: (validate_xml_schema(body), parse_message(body)),
    }
    _check_same(body)
    gc.collect()
    gc.freeze()
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(11):
        for name, side in sides.items():
            repeats = loops if name != "openleadr" else max(1, 10 // size)
            start = process_time()
            for _ in range(repeats):
                side()
            times[name].append(1e3 * (process_time() - start) / repeats)
    gc.unfreeze()
    bare, peer = GOALS[size]
    case = f"oadrDistributeEvent of {size}"
    return [
        Row("oadr_decode", case, "ms CPU", times["ours"], times["lxml bare parse"], "lxml bare parse", bare).plain(),
        Row("oadr_decode", case, "ms CPU", times["ours"], times["openleadr"], "openleadr", peer).plain(),
    ]


def _check_same(body: bytes) -> None:
    ours = decode(body)
    assert not ours.unread
    assert isinstance(ours.message, OadrDistributeEvent)
    _, theirs = parse_message(body)
    assert [event.descriptor.eventID for event in ours.message.events] == [
        event["event_descriptor"]["event_id"] for event in theirs["events"]
    ]
    for mine, other in zip(ours.message.events, theirs["events"], strict=True):
        signal = other["event_signals"][0]
        assert mine.period.dtstart == other["active_period"]["dtstart"].timestamp()
        assert mine.period.duration == other["active_period"]["duration"].total_seconds()
        assert mine.descriptor.priority == other["event_descriptor"]["priority"]
        assert [(one.duration, one.value) for one in mine.signals[0].intervals] == [
            (one["duration"].total_seconds(), one["signal_payload"]) for one in signal["intervals"]
        ]


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
