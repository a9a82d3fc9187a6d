"""What the gateway and a plug-in's process say to each other, and what of it is believed.

Down go pickles: the process believes the gateway. Up comes JSON, of which nothing but the nouns named here is ever made: the gateway
believes nobody. A frame is four bytes of length, big-endian, and so many bytes.
"""

import io
import json
import pickle
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NoReturn

from gateway.recording.plain import Plain
from grid_functions.guest import Failed, Keepsake, Said, Stepped, Turn
from grid_functions.model.errors import PeerFault

HEAD = 4
LONGEST = 262_144
"""Bytes of an answer."""

KEPT_LONGEST = 65_536
"""Of what a function may have the ledger keep."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The process has found and loaded the function."""

    name: str


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a turn. ``fault``: it raised, empty = it did not; ``of``: the number of the turn."""

    of: int
    outputs: tuple[Said, ...] = ()
    own: Keepsake | None = None
    fault: str = ""


_WORDS = Plain(())


def framed(body: bytes) -> bytes:
    """One frame."""
    return len(body).to_bytes(HEAD, "big") + body


def asked(number: int, turn: Turn, *, fresh: bool) -> bytes:
    """A turn on its way down. ``fresh``: what the process knows of the place is void."""
    body = io.BytesIO()
    pickler = pickle.Pickler(body, protocol=5)
    # A view of a mapping is a mapping; pickle knows no way to say so.
    pickler.dispatch_table = {MappingProxyType: lambda view: (dict, (dict(view),))}
    pickler.dump((number, fresh, turn))
    return body.getvalue()


def read_turn(body: bytes) -> tuple[int, bool, Turn]:
    """The turn, in the process."""
    number, fresh, turn = pickle.loads(body)  # noqa: S301  # from the gateway that began this process, over a pair of sockets
    return number, fresh, turn


def told(what: Ready | Report) -> bytes:
    """What the process has to say."""
    return json.dumps(_WORDS.write(what, type(what)), allow_nan=False, separators=(",", ":")).encode()


def read_ready(body: bytes) -> Ready:
    """Raises PeerFault."""
    ready: Ready = _read(body, Ready)
    return ready


def read_report(body: bytes, number: int) -> Stepped | Failed:
    """What came of the turn of that number. Raises PeerFault for what is no answer to it."""
    report: Report = _read(body, Report)
    if report.of != number:
        raise PeerFault(f"it answered turn {report.of} when it was asked turn {number}")
    if report.fault:
        return Failed(" ".join(report.fault.split())[:500], again=False)
    if report.own is not None and len(report.own.body) + len(report.own.kind) > KEPT_LONGEST:
        raise PeerFault(f"it wants {len(report.own.body)} bytes kept: at most {KEPT_LONGEST} are")
    return Stepped(report.outputs, report.own)


def _read(body: bytes, kind: Any) -> Any:
    try:
        return _WORDS.read(json.loads(body, parse_constant=_no_number), kind)
    except Exception as fault:
        # Bytes of a stranger: whatever goes wrong with them is theirs.
        raise PeerFault(f"it said what is no answer ({type(fault).__name__}: {str(fault)[:300]})") from fault


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")
