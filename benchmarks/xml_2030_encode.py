"""Encode of an IEEE 2030.5 DERControlList, all range checks on, beside a bare tostring and two peers' encoders.

Run with `python -m benchmarks.xml_2030_encode`. Process CPU time; all candidates take turns within each round, the
ratio is the median of the rounds' ratios, the spread is the distance between its quartiles. The bare tostring writes a
tree that is built already, without looking at what it holds.
"""

import gc
import json
import statistics
from collections.abc import Callable
from time import process_time
from typing import Any

from envoy_schema.server.schema.sep2.der import DERControlListResponse
from lxml import etree
from py20305.models.sep import DercontrolList
from py20305.xml.serialization import from_xml, to_xml

from benchmarks.xml_2030_decode import document
from protocols.ieee2030_5.wire.der import DERControlList
from protocols.ieee2030_5.wire.reader import decode_as, hardened_parser
from protocols.ieee2030_5.wire.writer import encode

SIZES = (10, 100, 1000)
GOALS = {"lxml bare tostring": 3.0, "envoy-schema": 1 / 20, "py20305": 1 / 20}


def run() -> list[dict[str, Any]]:
    """One row per list size and peer. Raises AssertionError if a peer wrote other values than we did."""
    return [row for size in SIZES for row in _case(size)]


def _case(size: int) -> list[dict[str, Any]]:
    body = document(size)
    ours = decode_as(DERControlList, body).message
    tree = etree.fromstring(body, hardened_parser())
    envoy = DERControlListResponse.from_xml(body)
    py20305: Any = from_xml(body, DercontrolList)
    sides: dict[str, Callable[[], object]] = {
        "ours": lambda: encode(ours),
        "lxml bare tostring": lambda: etree.tostring(tree, xml_declaration=True, encoding="UTF-8"),
        "envoy-schema": lambda: envoy.to_xml(skip_empty=True, exclude_none=True),
        "py20305": lambda: to_xml(py20305),
    }
    wanted = _values(body)
    for name, side in sides.items():
        written = side()
        assert isinstance(written, bytes | str), name
        assert _values(written if isinstance(written, bytes) else written.encode()) == wanted, name
    loops = max(2, 500 // size)
    rounds = 15 if size < 1000 else 9
    # What the imports left behind is the same for all sides; a full collection over it would hit one of them by chance.
    gc.collect()
    gc.freeze()
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            # The peers take long enough for the clock without repeats.
            repeats = loops if name in ("ours", "lxml bare tostring") else 1
            start = process_time()
            for _ in range(repeats):
                side()
            times[name].append((process_time() - start) / repeats)
    return [_row(size, peer, goal, times["ours"], times[peer], rounds) for peer, goal in GOALS.items()]


def _row(size: int, peer: str, goal: float, ours: list[float], theirs: list[float], rounds: int) -> dict[str, Any]:
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    low, ratio, high = statistics.quantiles(ratios, n=4)
    return {
        "name": "xml_2030_encode",
        "case": f"DERControlList of {size}",
        "unit": "ms CPU",
        "ours": round(statistics.median(ours) * 1e3, 3),
        "peer": round(statistics.median(theirs) * 1e3, 3),
        "peer_name": peer,
        "ratio": round(ratio, 4),
        "goal": round(goal, 4),
        "met": ratio <= goal,
        "rounds": rounds,
        "spread": round(high - low, 4),
        "loop": "none",
    }


def _values(body: bytes) -> list[list[tuple[str, str]]]:
    """What each control says, element by element; the peers add attributes of their own, which say nothing new."""
    root = etree.fromstring(body, hardened_parser())
    return [_said(control) for control in root.iter("{urn:ieee:std:2030.5:ns}DERControl")]


def _said(control: Any) -> list[tuple[str, str]]:
    named = [(one, str(one.tag).rpartition("}")[2]) for one in control.iter()]
    texts = [(name, one.text) for one, name in named if one.text]
    links = [(f"{name}@{key}", one.get(key)) for one, name in named for key in ("href", "replyTo") if one.get(key)]
    return [*texts, *links]


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
