"""Who may speak and who may not."""

import pytest

from grid_functions import roster
from grid_functions.letters import Way
from grid_functions.model.instants import Instants
from grid_functions.model.lease import Message
from grid_functions.roster import BOTH, BURST, PER_S, Roster


def enrolled() -> Roster:
    both = roster.enrol(Roster(), "house", "token-1", {"day_ahead": BOTH, "tariff": frozenset({Way.DOWN})})
    return roster.enrol(both, "shed", "token-2", {"day_ahead": BOTH})


def letter(sender: str = "house", function: str = "day_ahead") -> Message:
    return Message(function, "feeder", sender, "profile", "1", b"{}")


def at(mono_s: float) -> Instants:
    return Instants(mono_s, 0.0)


@pytest.mark.parametrize(
    ("message", "token", "why"),
    [
        (letter(), "token-1", ""),
        (letter(), "token-2", "its token is wrong"),
        (letter(), "", "its token is wrong"),
        (letter("stranger"), "token-1", "no member"),
        (letter(function="tariff"), "token-1", "may not speak in tariff"),
        (letter(function="nothing"), "token-1", "may not speak in nothing"),
    ],
)
def test_who_is_heard(message: Message, token: str, why: str) -> None:
    after, fault = roster.heard(enrolled(), message, token, at(0.0))
    assert why in fault
    assert bool(fault) == bool(why)
    assert after.enrolled == enrolled().enrolled


def test_a_revoked_member_neither_speaks_nor_hears_and_the_other_does() -> None:
    after = roster.revoke(enrolled(), "house")
    assert roster.heard(after, letter(), "token-1", at(0.0))[1] == "was revoked"
    assert not roster.may_hear(after, "house", "day_ahead")
    assert after.members_of("day_ahead", Way.DOWN) == ("shed",)
    assert roster.revoke(after, "nobody") == after


def test_a_new_token_ends_the_old_one() -> None:
    after = roster.enrol(enrolled(), "house", "token-3", {"day_ahead": BOTH})
    assert roster.heard(after, letter(), "token-1", at(0.0))[1]
    assert not roster.heard(after, letter(), "token-3", at(0.0))[1]


def test_rates_are_of_each_member_and_function() -> None:
    """A burst, then two a second: half a second makes one more."""
    who = enrolled()
    for _ in range(int(BURST)):
        who, fault = roster.heard(who, letter(), "token-1", at(0.0))
        assert fault == ""
    who, fault = roster.heard(who, letter(), "token-1", at(0.0))
    assert "letters a second" in fault
    assert not roster.heard(who, letter("shed"), "token-2", at(0.0))[1]
    assert not roster.heard(who, letter(), "token-1", at(1.0 / PER_S))[1]
    assert roster.heard(who, letter(), "token-1", at(0.9 / PER_S))[1]


def test_no_token_is_kept() -> None:
    assert "token-1" not in str(enrolled())
