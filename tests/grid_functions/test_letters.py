"""Letters: what is written is read, and nothing else gets in."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grid_functions.letters import CHANNELS, Bid, Bids, Prices, Profile, Way, read, write
from grid_functions.model.errors import MalformedMessage, OurFault
from grid_functions.model.lease import Message

PROFILE = Profile("t1", 3, 12.5, (1.0, -2.5))


def letter(**changed: object) -> Message:
    """The profile with fields of its JSON changed."""
    message = write(PROFILE, "day_ahead", "feeder", "house", "t1/3")
    return replace(message, body=json.dumps({**json.loads(message.body), **changed}).encode())


def test_what_is_written_is_read() -> None:
    bids = Bids("m1", (Bid("a", (1.0, 2.0), 0.5), Bid("b", (0.0, 0.0), 0.0)))
    assert read(write(PROFILE, "day_ahead", "feeder", "house", "t1/3"), Way.UP) == PROFILE
    assert read(write(bids, "xor_market", "feeder", "house", "m1"), Way.UP) == bids


def test_whole_numbers_are_numbers() -> None:
    assert read(letter(cost=12), Way.UP) == replace(PROFILE, cost=12.0)


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (letter(cost="12.5"), "cost is no number"),
        (letter(cost=True), "cost is no number"),
        (letter(cost=1e300), "cost is no number"),
        (letter(round=1.5), "round is no int"),
        (letter(round=False), "round is no int"),
        (letter(talks=7), "talks is no str"),
        (letter(talks="x" * 129), "longer than 128"),
        (letter(net_kw="1,2"), "no list"),
        (letter(net_kw={"0": 1.0}), "no list"),
        (letter(net_kw=[1.0] * 1009), "no list of at most"),
        (letter(net_kw=[1.0, None]), "no number"),
        (letter(more=1), "other fields"),
    ],
)
def test_what_is_not_as_its_type_says_is_refused(message: Message, why: str) -> None:
    with pytest.raises(MalformedMessage, match=why):
        read(message, Way.UP)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"cost": NaN}', b"[" * 100_000])
def test_what_is_no_letter_at_all_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        read(replace(letter(), body=body[:32_768]), Way.UP)


def test_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(MalformedMessage, match="NaN is no number"):
        read(replace(letter(), body=letter().body.replace(b"12.5", b"NaN")), Way.UP)
    with pytest.raises(MalformedMessage, match="Infinity is no number"):
        read(replace(letter(), body=letter().body.replace(b"12.5", b"Infinity")), Way.UP)


def test_too_large_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(MalformedMessage, match="32768 at most"):
        read(replace(letter(), body=b" " * 32_769), Way.UP)


def test_a_channel_carries_its_own_kinds_in_its_own_direction() -> None:
    with pytest.raises(MalformedMessage, match="carries no 'profile'"):
        read(letter(), Way.DOWN)
    with pytest.raises(MalformedMessage, match="no channel"):
        read(replace(letter(), function="nothing"), Way.UP)
    with pytest.raises(MalformedMessage, match="carries no"):
        read(replace(letter(), function="xor_market"), Way.UP)


def test_only_letters_are_written() -> None:
    with pytest.raises(OurFault):
        write(object(), "day_ahead", "a", "b", "c")


def test_a_day_of_prices_and_its_answer_fit() -> None:
    """144 steps of the longest numbers that doubles are written with."""
    day = tuple(-1.2345678901234567e-10 for _ in range(1008))
    for told, way in ((Prices("t", 60, 1.8e9, 600.0, day), Way.DOWN), (Profile("t", 60, 1.0, day), Way.UP)):
        message = write(told, "day_ahead", "a", "b", "c")
        assert len(message.body) <= CHANNELS["day_ahead", way][message.kind][1]
        assert read(message, way) == told


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        read(Message("day_ahead", "feeder", "house", "profile", "x", body), Way.UP)
    except MalformedMessage:
        return
    assert json.loads(body)["talks"] is not None
