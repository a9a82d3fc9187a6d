"""What the gateway and a plug-in's process say to each other, and what of it is believed.

Down go pickles: the process believes the gateway. Up comes JSON, of which nothing but the nouns named here is ever made: the gateway
believes nobody. A frame is four bytes of length, big-endian, and so many bytes.
"""

import binascii
import io
import json
import pickle
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NoReturn

import numpy as np

from gateway.guests.confinement import Layer
from gateway.recording.plain import Plain
from grid_functions import shape
from grid_functions.admission import LETTER
from grid_functions.building.program import Problem, Program
from grid_functions.guest import Failed, Keepsake, Said, Stepped, Turn
from grid_functions.letters import Channels, Shapes, Way
from grid_functions.model.claim import Claim
from grid_functions.model.errors import PeerFault
from grid_functions.model.function import Ask, Receipt, WakeAt
from grid_functions.model.instants import Moment
from grid_functions.model.lease import Grant, Message

HEAD = 4
LONGEST = 1_048_576
"""Bytes of an answer."""

KEPT_LONGEST = 65_536
"""Of what a function may have the ledger keep."""


_KINDS = 64
"""Of letters that one package may name."""


@dataclass(frozen=True, slots=True)
class Confined:
    """The process has been confined, and has loaded nothing of the package yet."""

    layers: tuple[Layer, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of letter in one channel: its most bytes and, as JSON, its shape."""

    function: str
    way: Way
    name: str
    most: int
    shape: str


@dataclass(frozen=True, slots=True)
class Ready:
    """The process has found and loaded the function, whose letters are these."""

    name: str
    kinds: tuple[Kind, ...] = ()


@dataclass(frozen=True, slots=True)
class Letter:
    """A message, whose body is text, as all letters and alarms are."""

    function: str
    to: str
    sender: str
    kind: str
    id: str
    body: str


@dataclass(frozen=True, slots=True)
class Question:
    """A problem: arrays as base64 of little-endian numbers of 8 bytes, of 4 where they are whole."""

    id: str
    deadline: Moment
    cost: str
    gap: float
    lower: str
    upper: str
    row_lower: str
    row_upper: str
    starts: str
    columns: str
    values: str
    integer: str


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a turn. ``fault``: it raised, empty = it did not; ``of``: the number of the turn."""

    of: int
    outputs: tuple[Claim | Grant | Letter | WakeAt | Question | Receipt, ...] = ()
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


def told(what: Confined | Ready | Report) -> bytes:
    """What the process has to say."""
    return json.dumps(_WORDS.write(what, type(what)), allow_nan=False, separators=(",", ":")).encode()


def stepped(number: int, outputs: Iterable[Said], own: Keepsake | None) -> bytes:
    """What came of a step, in the process. Raises TypeError for a problem that is no program, ValueError for a letter that is no text."""
    return told(Report(number, tuple(map(_worded, outputs)), own))


def ready(name: str, channels: Channels) -> bytes:
    """The function and its letters, in the process."""
    return told(Ready(name, tuple(_kinds(channels))))


def read_confined(body: bytes) -> tuple[Layer, ...]:
    """Raises PeerFault."""
    confined: Confined = _read(body, Confined)
    return confined.layers


def read_ready(body: bytes) -> Shapes:
    """The letters that it named. Raises PeerFault."""
    named: Ready = _read(body, Ready)
    if len(named.kinds) > _KINDS:
        raise PeerFault(f"it names {len(named.kinds)} kinds of letters: at most {_KINDS} are taken")
    channels: dict[tuple[str, Way], dict[str, tuple[shape.Shape, int]]] = {}
    for one in named.kinds:
        try:
            known = shape.judged(json.loads(one.shape))
        except (ValueError, RecursionError) as fault:
            raise PeerFault(f"its letter {one.name[:64]!r} has no shape: {fault}") from fault
        channels.setdefault((one.function, one.way), {})[one.name] = known, min(one.most, LETTER)
    return channels


def read_report(body: bytes, number: int) -> Stepped | Failed:
    """What came of the turn of that number. Raises PeerFault for what is no answer to it."""
    report: Report = _read(body, Report)
    if report.of != number:
        raise PeerFault(f"it answered turn {report.of} when it was asked turn {number}")
    if report.fault:
        return Failed(" ".join(report.fault.split())[:500] or "it failed without a word", again=False)
    if report.own is not None and len(report.own.body) + len(report.own.kind) > KEPT_LONGEST:
        raise PeerFault(f"it wants {len(report.own.body)} bytes kept: at most {KEPT_LONGEST} are")
    try:
        outputs = tuple(map(_meant, report.outputs))
    except ValueError as fault:
        return Failed(f"a problem or letter that is none: {fault}"[:500], again=False)
    return Stepped(outputs, report.own)


def _kinds(channels: Channels) -> Iterator[Kind]:
    for (function, way), kinds in channels.items():
        for name, (kind, most) in kinds.items():
            yield Kind(function, way, name, most, json.dumps(shape.of(kind)))


def _worded(one: Said) -> Claim | Grant | Letter | WakeAt | Question | Receipt:
    if isinstance(one, Message):
        return Letter(one.function, one.to, one.sender, one.kind, one.id, one.body.decode())
    return _question(one) if isinstance(one, Ask) else one


def _meant(one: Claim | Grant | Letter | WakeAt | Question | Receipt) -> Said:
    if isinstance(one, Letter):
        return Message(one.function, one.to, one.sender, one.kind, one.id, one.body.encode())
    return _ask(one) if isinstance(one, Question) else one


def _question(ask: Ask) -> Question:
    problem = ask.problem
    if not isinstance(problem, Problem):
        raise TypeError(f"a {type(problem).__name__} is no problem for the solver: a Problem is")
    program = problem.program
    real = (problem.cost, program.lower, program.upper, program.row_lower, program.row_upper, program.values)
    cost, lower, upper, row_lower, row_upper, values = (_text(one, "<f8") for one in real)
    starts, columns, integer = (_text(one, "<i4") for one in (program.starts, program.columns, program.integer))
    about = ask.id, ask.deadline, cost, problem.gap
    return Question(*about, lower, upper, row_lower, row_upper, starts, columns, values, integer)


def _ask(one: Question) -> Ask:
    """The problem, made anew: what it would be known by again is never taken from a stranger. Raises ValueError."""
    real = (one.cost, one.lower, one.upper, one.row_lower, one.row_upper, one.values)
    cost, lower, upper, row_lower, row_upper, values = (_array(text, "<f8", np.float64) for text in real)
    starts, columns, integer = (_array(text, "<i4", np.int32) for text in (one.starts, one.columns, one.integer))
    rows, width = len(row_lower), len(cost)
    if not width or (len(lower), len(upper), len(row_upper)) != (width, width, rows):
        raise ValueError("bounds and costs are not as many as columns and rows")
    if len(starts) != rows + 1 or starts[0] != 0 or starts[-1] != len(values) or np.any(np.diff(starts) < 0):
        raise ValueError("rows do not begin one after the other")
    if len(columns) != len(values) or not all(np.all((one >= 0) & (one < width)) for one in (columns, integer)):
        raise ValueError("a column that is none")
    if not (np.isfinite(cost).all() and np.isfinite(values).all() and 0.0 <= one.gap < 1.0):
        raise ValueError("a cost, coefficient or gap that is no number")
    if any(np.isnan(bound).any() for bound in (lower, upper, row_lower, row_upper)):
        raise ValueError("a bound that is no number")
    program = Program.of((lower, upper), (row_lower, row_upper), (starts, columns, values), integer)
    return Ask(one.id, Problem(program, cost, one.gap), one.deadline)


def _text(array: Any, kind: str) -> str:
    return binascii.b2a_base64(np.asarray(array).astype(kind).tobytes(), newline=False).decode()


def _array(text: str, kind: str, native: Any) -> Any:
    return np.frombuffer(binascii.a2b_base64(text, strict_mode=True), kind).astype(native)


def _read(body: bytes, kind: Any) -> Any:
    try:
        return _WORDS.read(json.loads(body, parse_constant=_no_number), kind)
    except Exception as fault:
        # Bytes of a stranger: whatever goes wrong with them is theirs.
        raise PeerFault(f"it said what is no answer ({type(fault).__name__}: {str(fault)[:300]})") from fault


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")
