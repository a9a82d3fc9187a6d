"""What comes out of a stranger's process, byte by byte: an answer to the turn, or refused; never anything else."""

import json
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.guests import words
from grid_functions.guest import Failed, GuestOptions, Keepsake, Stepped, Turn
from grid_functions.model.errors import PeerFault
from grid_functions.model.function import SiteInputs
from grid_functions.model.instants import Instants
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


@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=0, max_size=3))
def test_a_mutated_answer_is_an_answer_or_refused(at_byte: int, put: bytes) -> None:
    try:
        done = words.read_report(GOOD[:at_byte] + put + GOOD[at_byte + 1 :], 3)
    except PeerFault:
        return
    assert isinstance(done, Stepped | Failed)
