"""What comes out of a stranger's process, byte by byte: an answer to the turn, or refused; never anything else."""

import base64
import json
import math
import struct
import tracemalloc
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.guests import words
from gateway.solver import Solver
from grid_functions.building.program import Draft, Problem
from grid_functions.guest import Failed, GuestOptions, Keepsake, Stepped, Turn
from grid_functions.letters import Way
from grid_functions.model.errors import PeerFault
from grid_functions.model.function import Ask, SiteInputs
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.lease import Message
from tests.gateway.guests.rogue import claim
from tests.grid_functions.house import NET, at, in_force, seen, snapshot, terms

KEPT = Keepsake("Count", 1, "{}")
GOOD = words.told(words.Report(3, (claim(Instants(0.0, 0.0)),), KEPT))


def test_a_report_is_read_as_it_was_written() -> None:
    assert words.read_report(GOOD, 3) == Stepped((claim(Instants(0.0, 0.0)),), KEPT)
    assert words.read_report(words.told(words.Report(3, fault="a\nb")), 3) == Failed("a b", again=False)


def test_a_turn_is_read_as_it_was_written_with_views_of_mappings_in_it() -> None:
    looks = snapshot([seen("a")], -1.0)
    view = type(looks)(looks.site, looks.at, MappingProxyType(dict(looks.meter)), MappingProxyType(dict(looks.devices)))
    turn = Turn(
        GuestOptions("house"), SiteInputs(terms(), (in_force(claim(at(0.0)).cause.control),), view), at(0.0), KEPT
    )
    number, fresh, read = words.read_turn(words.asked(7, turn, fresh=True))
    assert (number, fresh) == (7, True)
    assert isinstance(read.inputs, SiteInputs)
    assert read.inputs.snapshot.meter[NET] == looks.meter[NET]
    assert (read.inputs.in_force, read.options, read.own) == (turn.inputs.in_force, turn.options, KEPT)


def changed(**fields: object) -> bytes:
    """The good report, its claim changed."""
    plain = json.loads(GOOD)
    plain["outputs"][0] |= fields
    return json.dumps(plain).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x80\x05.",
        b"null",
        b"[]",
        b"{}",
        b'{"of":"three"}',
        b"[" * 100_000,
        GOOD[:-1],
        GOOD.replace(b'"of":3', b'"of":4'),
        GOOD.replace(b'"Claim"', b'"Snapshot"'),
        GOOD.replace(b'"Claim"', b'"Ask"'),
        GOOD.replace(b'"Claim"', b'"str"'),
        changed(want="much"),
        changed(want=None),
        changed(want={"_type": "Bound", "limit": "much"}),
        changed(want={"_type": "Bound", "limit": 10**400}),
        changed(want={"_type": "Bound", "limit": float("nan")}),
        changed(scope=["house"]),
        changed(quantity="courage"),
        changed(valid_until="tomorrow"),
        changed(cause=None),
        json.dumps({"of": 3, "own": {"_type": "Keepsake", "kind": "x", "version": 1, "body": "y" * 70_000}}).encode(),
    ],
)
def test_what_is_no_answer_is_refused_whatever_it_is(body: bytes) -> None:
    with pytest.raises(PeerFault):
        words.read_report(body, 3)


def question(**changed: object) -> bytes:
    """The least of x + 2 y where x + y >= 1, with fields of its words changed."""
    draft = Draft()
    columns = draft.block(2, 0.0, np.inf, np.array([1.0, 2.0]))
    draft.row([(one, 1.0) for one in columns], 1.0, np.inf)
    ask = Ask("least", Problem(draft.program(), draft.cost), Moment(OWN, 5.0))
    plain = json.loads(words.stepped(3, (ask,), None))
    plain["outputs"][0] |= changed
    return json.dumps(plain).encode()


def reals(*numbers: float) -> str:
    """As they are written: base64 of little-endian doubles."""
    return base64.b64encode(struct.pack(f"<{len(numbers)}d", *numbers)).decode()


def wholes(*numbers: int) -> str:
    """Of little-endian words of four bytes."""
    return base64.b64encode(struct.pack(f"<{len(numbers)}i", *numbers)).decode()


def test_a_problem_is_read_as_it_was_written_and_solved() -> None:
    done = words.read_report(question(), 3)
    assert isinstance(done, Stepped)
    (ask,) = done.outputs
    assert isinstance(ask, Ask)
    assert isinstance(ask.problem, Problem)
    assert (ask.id, ask.deadline) == ("least", Moment(OWN, 5.0))
    # All of the cheaper one.
    assert Solver().solve(ask.problem).x.tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    "changed",
    [
        {"cost": reals(1.0)},
        {"cost": reals(1.0, math.nan)},
        {"cost": reals(1.0, math.inf)},
        {"cost": "", "lower": "", "upper": ""},
        {"cost": "!"},
        {"cost": "AAAA"},
        {"values": reals(1.0, math.inf)},
        {"values": reals(1.0)},
        {"lower": reals(0.0, math.nan)},
        {"row_lower": reals()},
        {"row_upper": reals(math.nan)},
        {"starts": wholes(0)},
        {"starts": wholes(0, 1)},
        {"starts": wholes(1, 2)},
        {"starts": wholes(0, 3, 2), "row_lower": reals(1.0, 1.0), "row_upper": reals(1.0, 1.0)},
        {"columns": wholes(0, 2)},
        {"columns": wholes(-1, 0)},
        {"integer": wholes(2)},
        {"gap": -0.1},
        {"gap": 1.0},
    ],
)
def test_what_is_no_problem_fails_the_step_and_says_so(changed: dict[str, object]) -> None:
    done = words.read_report(question(**changed), 3)
    assert isinstance(done, Failed)
    assert done.why.startswith("a problem or letter that is none: ")


def test_a_letter_is_read_as_it_was_written_and_one_that_is_no_text_fails_the_step() -> None:
    letter = Message("mine", "feeder", "house", "bid", "1", '{"für":"ü"}'.encode())
    said = words.stepped(3, (letter,), None)
    assert words.read_report(said, 3) == Stepped((letter,), None)
    halved = words.read_report(said.replace(b"\\u00fc\\", b"\\ud800\\"), 3)
    assert isinstance(halved, Failed)
    assert "surrogates not allowed" in halved.why


def test_a_fault_without_a_word_is_a_fault() -> None:
    assert words.read_report(words.told(words.Report(3, fault=" ")), 3) == Failed(
        "it failed without a word", again=False
    )


def test_letters_are_named_by_their_shape_and_capped() -> None:
    @dataclass(frozen=True)
    class Word:
        value: float
        names: tuple[str, ...]
        times: int = 1

    shapes = words.read_ready(words.ready("mine", {("mine", Way.UP): {"word": (Word, 1_000_000)}}))
    # 64 KiB is the most a letter may have.
    assert shapes == {("mine", Way.UP): {"word": ({"value": "float", "names": ["str"], "times?": "int"}, 65_536)}}


@pytest.mark.parametrize(
    "kinds",
    [
        [{"function": "f", "way": "sideways", "name": "n", "most": 1, "shape": '"int"'}],
        [{"function": "f", "way": "up", "name": "n", "most": 1, "shape": '"complex"'}],
        [{"function": "f", "way": "up", "name": "n", "most": 1, "shape": '["int","int"]'}],
        [{"function": "f", "way": "up", "name": "n", "most": 1, "shape": "[[[[[1]]]]]"}],
        [{"function": "f", "way": "up", "name": "n", "most": 1, "shape": "[" * 50_000}],
        [{"function": "f", "way": "up", "name": "n", "most": 1, "shape": '"int"'}] * 65,
        [{"function": "f"}],
    ],
)
def test_letters_without_a_shape_are_refused(kinds: list[dict[str, object]]) -> None:
    with pytest.raises(PeerFault):
        words.read_ready(json.dumps({"name": "mine", "kinds": kinds}).encode())


@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=0, max_size=3))
def test_a_mutated_answer_is_an_answer_or_refused(at_byte: int, put: bytes) -> None:
    try:
        done = words.read_report(GOOD[:at_byte] + put + GOOD[at_byte + 1 :], 3)
    except PeerFault:
        return
    assert isinstance(done, Stepped | Failed)


def test_an_answer_of_faults_is_refused_at_the_first() -> None:
    """Each fault that is gathered is an exception with all that it was raised through: a megabyte of them took minutes and gigabytes."""
    body = b'{"of":1,"outputs":[' + b"{}," * 20_000 + b"{}]}"
    tracemalloc.start()
    try:
        with pytest.raises(PeerFault, match="no answer"):
            words.read_report(body, 1)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000
