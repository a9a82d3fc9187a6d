"""When it is asked again, to the second, and how much is kept. A reply takes 0.05 s, dice fall in the middle unless told otherwise."""

from dataclasses import dataclass, replace

import pytest

from grid_functions.model.event import EventKey, Respondent
from grid_functions.model.instants import OWN, Moment
from grid_functions.model.outcome import Cause, Outcome, OutcomeKind
from protocols.openadr3.desk.mischief import Mischief
from protocols.openadr3.desk.tokens import Access
from protocols.openadr3.desk.tree import Desk
from protocols.openadr3.report import outbox
from protocols.openadr3.report.outbox import Letter, Outbox
from protocols.openadr3.session import pace
from protocols.openadr3.session.exchange import Hint, Listening
from protocols.openadr3.session.reporting import begun_s, deed_at, deed_key, with_deed
from protocols.openadr3.session.sightings import KEY, Sighting, moved, pruned
from protocols.openadr3.session.terms import Webhook
from tests.protocols.openadr3.rig import CLIENTS, TERMS, Rig, gaps

HOOKED = replace(TERMS, webhook=Webhook(callback_url="https://depot.example/hook"))

DOUBLING_S = [4.375, 8.75, 17.5, 35.0, 70.0, 140.0, 262.5, 262.5]
"""7/8 of 5, 10, 20 ... s, at most of 300 s."""


@dataclass
class Fall:
    """Dice that fall so: 0 at the low end, 1 at the high."""

    share: float

    def jitter(self, low_s: float, high_s: float) -> float:
        return low_s + self.share * (high_s - low_s)


@pytest.mark.parametrize(
    ("failures", "low_s", "high_s"),
    [(1, 3.75, 5.0), (2, 7.5, 10.0), (3, 15.0, 20.0), (6, 120.0, 160.0), (7, 225.0, 300.0), (5000, 225.0, 300.0)],
)
def test_waits_double_up_to_the_longest(failures: int, low_s: float, high_s: float) -> None:
    assert [pace.backoff(failures, Fall(share)) for share in (0.0, 1.0)] == [low_s, high_s]


def test_a_wait_without_end_ends_with_the_thirteenth_failure() -> None:
    """5 s times 2 to the power of 12."""
    waits = [pace.backoff(failures, Fall(1.0), most_s=1e9) for failures in (12, 13, 14)]
    assert waits == [10_240.0, 20_480.0, 20_480.0]


def test_a_good_round_is_followed_within_a_twentieth_and_a_refusal_within_a_tenth() -> None:
    assert [pace.after_read(60.0, 100.0, Fall(share)) for share in (0.0, 1.0)] == pytest.approx([157.0, 163.0])
    assert [pace.refused(Fall(share)) for share in (0.0, 1.0)] == [540.0, 600.0]


@pytest.mark.parametrize("trick", [("status", 500), ("status", 404), ("html", 0), ("down", 0)])
def test_a_token_endpoint_that_fails_is_asked_with_doubling_patience(trick: tuple[str, int]) -> None:
    rig = Rig(replace(TERMS, token_url=f"{TERMS.base}/auth/token"))
    if trick[0] == "down":
        rig.down = True
    else:
        rig.trick(trick[0], "/auth/token", status=trick[1])
    rig.run(830.0)
    assert gaps(rig.sent("/auth/token", "POST")) == pytest.approx([one + 0.05 for one in DOUBLING_S])


def test_the_third_failure_for_a_token_is_an_alarm() -> None:
    """Asked at 0, 4.425 and 13.225 s."""
    rig = Rig(replace(TERMS, token_url=f"{TERMS.base}/auth/token"))
    rig.trick("status", "/auth/token", status=500)
    rig.run(13.26)
    assert "token" not in rig.alarms
    rig.run(0.02)
    assert "token" in rig.alarms


def test_a_token_endpoint_is_left_alone_as_long_as_it_says() -> None:
    rig = Rig(replace(TERMS, token_url=f"{TERMS.base}/auth/token"))
    rig.trick("status", "/auth/token", status=503, by_s=500.0)
    rig.run(1600.0)
    assert gaps(rig.sent("/auth/token", "POST")) == pytest.approx([500.05] * 3)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_token_endpoint_that_refuses_us_is_asked_every_ten_minutes(status: int) -> None:
    rig = Rig(replace(TERMS, token_url=f"{TERMS.base}/auth/token"))
    rig.trick("status", "/auth/token", status=status)
    rig.run(1800.0)
    assert gaps(rig.sent("/auth/token", "POST")) == pytest.approx([570.05] * 3)
    assert f"refuses us with {status}" in rig.alarms["credentials"]


def test_a_token_had_makes_the_next_failure_the_first() -> None:
    rig = Rig(replace(TERMS, token_url=f"{TERMS.base}/auth/token"))
    trick = rig.trick("status", "/auth/token", status=500, times=3)
    rig.run(40.0)
    assert rig.read.complete
    trick.times = None
    rig.trick("void", "/programs", times=1)
    asked = len(rig.sent("/auth/token", "POST"))
    rig.run(120.0)
    assert gaps(rig.sent("/auth/token", "POST")[asked:])[:2] == pytest.approx([4.425, 8.8])


def test_where_tokens_are_is_asked_once() -> None:
    rig = Rig()
    rig.trick("void", "/events", times=2)
    rig.run(600.0)
    assert len(rig.sent("/auth/server")) == 1
    assert len(rig.sent("/auth/token", "POST")) >= 2


def test_where_tokens_are_is_asked_with_doubling_patience() -> None:
    rig = Rig()
    rig.trick("status", "/auth/server", status=500)
    rig.run(830.0)
    assert gaps(rig.sent("/auth/server")) == pytest.approx([one + 0.05 for one in DOUBLING_S])


@pytest.mark.parametrize(
    ("home", "named", "asked"),
    [
        ("https://vtn.example/o", "", "https://vtn.example/o/auth/token"),  # relative: the VTN's own
        ("https://vtn.example/o", "https://other.example/t", "https://other.example/t/auth/token"),
        ("https://vtn.example/o", "http://vtn.example/o", "https://vtn.example/o/auth/token"),  # in clear: not taken
        ("https://vtn.example/o", "ftp://vtn.example/o", "https://vtn.example/o/auth/token"),
        ("http://vtn.example/o", "http://other.example/t", "http://other.example/t/auth/token"),  # as all else there
        ("http://vtn.example/o", "https://other.example/t", "https://other.example/t/auth/token"),
        ("http://vtn.example/o", "ftp://other.example/t", "http://vtn.example/o/auth/token"),
    ],
)
def test_tokens_are_asked_for_where_the_vtn_says_unless_in_clear(home: str, named: str, asked: str) -> None:
    rig = Rig(replace(TERMS, url=home))
    rig.desk = Mischief(Desk(rig.terms.edition, Access(CLIENTS), base=named))
    rig.run(1.0)
    assert next(one.url for _, one in rig.asked if one.method == "POST") == asked


@pytest.mark.parametrize("status", [429, 503])
def test_a_round_that_fails_is_begun_again_with_doubling_patience_and_an_alarm_at_the_third(status: int) -> None:
    rig = Rig().settle()
    rig.trick("status", "/programs", status=status)
    began = len(rig.sent("/programs"))
    rig.run(63.0)
    assert gaps(rig.sent("/programs")[began:]) == pytest.approx([4.425])
    assert "vtn" not in rig.alarms
    rig.run(7.0)
    assert gaps(rig.sent("/programs")[began:]) == pytest.approx([4.425, 8.8])
    assert "does not answer" in rig.alarms["vtn"]


def test_a_subscription_that_is_not_taken_is_tried_again_and_an_alarm_at_the_second() -> None:
    """7/8 of 10, 20, 40, 80, 160, 320 and 600 s, each time from the look on, which takes a reply more."""
    rig = Rig(HOOKED).settle()
    rig.trick("status", "/subscriptions", method="POST", status=500)
    rig.give(Listening("webhook", True))
    rig.run(1.0)
    assert "subscription" not in rig.alarms
    rig.run(1800.0)
    waits = [8.75, 17.5, 35.0, 70.0, 140.0, 280.0, 525.0, 525.0]
    assert gaps(rig.sent("/subscriptions", "POST")) == pytest.approx([one + 0.1 for one in waits])
    assert "subscription" in rig.alarms


@pytest.mark.parametrize(("status", "tokens"), [(401, 2), (403, 2), (400, 1), (500, 1)])
def test_one_subscription_that_is_not_taken_is_no_alarm(status: int, tokens: int) -> None:
    rig = Rig(HOOKED).settle()
    rig.trick("status", "/subscriptions", method="POST", status=status, times=1)
    rig.give(Listening("webhook", True))
    rig.run(60.0)
    assert len(rig.sent("/subscriptions", "POST")) == 2
    assert [one for one in rig.raised if one.key == "subscription"] == []
    assert len(rig.sent("/auth/token", "POST")) == tokens


def test_a_broker_that_is_lost_is_looked_for_with_doubling_patience() -> None:
    """7/8 of 10, 20 and 40 s."""
    rig = Rig(replace(TERMS, mqtt=True), broker={"URIS": ["mqtts://b"], "serialization": "JSON"}).settle()
    rig.give(Listening("mqtt", True))
    lost = []
    for _ in range(3):
        rig.give(Listening("mqtt", False, "gone"))
        lost.append(round(rig.state.broker.due_s - rig.mono, 3))
        rig.run(1.0)
    assert lost == [8.75, 17.5, 35.0]


def test_a_hint_is_looked_into_a_second_later() -> None:
    rig = Rig().settle()
    hinted_s = rig.mono
    rig.give(Hint("webhook"))
    rig.run(10.0)
    assert rig.sent("/programs")[1] - hinted_s == pytest.approx(1.0)


def test_a_hint_within_a_round_is_looked_into_a_second_after_its_end() -> None:
    rig = Rig()
    rig.run(0.22)
    rig.give(Hint("webhook"))
    rig.run(6.0)
    ended_s = rig.sent("/events")[0] + 0.05
    assert rig.sent("/programs")[1] - ended_s == pytest.approx(1.0)


def test_what_a_list_no_longer_shows_is_looked_for_again_within_five_seconds() -> None:
    """3/4 of 5 s after the round that missed it."""
    rig = Rig()
    name = rig.event(rig.program())
    rig.settle()
    rig.write("DELETE", f"/events/{name}")
    rig.run(70.0)
    _, missed, again = rig.sent("/events")
    assert again - missed == pytest.approx(3.75 + 0.1, abs=0.06)


def test_a_subscription_that_stands_is_looked_at_every_hour() -> None:
    rig = Rig(HOOKED).settle()
    rig.give(Listening("webhook", True))
    rig.run(3 * 3600.0 + 10.0)
    assert gaps(rig.sent("/subscriptions")) == pytest.approx([3600.1, 3600.05, 3600.05], abs=0.06)


def test_who_we_are_is_looked_at_every_hour() -> None:
    """With the first round that begins an hour after the last look."""
    rig = Rig()
    rig.run(2 * 3600.0 + 120.0)
    assert all(3600.0 <= gap <= 3661.0 for gap in gaps(rig.sent("/vens")))
    assert len(rig.sent("/vens")) == 3


def test_who_is_shown_no_vens_looks_for_them_every_hour_and_takes_what_is_there_then() -> None:
    rig = Rig()
    trick = rig.trick("status", "/vens", status=404)
    rig.run(3700.0)
    assert [3600.0 <= gap <= 3661.0 for gap in gaps(rig.sent("/vens"))] == [True]
    assert "ven" in rig.alarms
    rig.desk.tricks.remove(trick)
    rig.run(3661.0)
    assert rig.state.enrolment.ven is not None
    assert "ven" not in rig.alarms


def test_a_name_that_is_taken_and_never_shown_is_given_up_after_three_more_looks() -> None:
    rig = Rig()
    rig.trick("status", "/vens", method="POST", status=409)
    rig.settle()
    assert len(rig.posted("/vens")) == 4
    assert len(rig.sent("/vens")) == 4
    assert "does not take our ven" in rig.alarms["ven"]


@pytest.mark.parametrize(("targets", "searches"), [(49, 50), (50, 51), (51, 51)])
def test_fifty_targets_are_asked_with_besides_none(targets: int, searches: int) -> None:
    rig = Rig(replace(TERMS, targets=tuple(f"t{number:02}" for number in range(targets))))
    rig.run(30.0)
    assert len(rig.sent("/programs")) == searches


@pytest.mark.parametrize(("apart_s", "alarmed"), [(29.9, False), (-29.9, False), (30.1, True), (-30.1, True)])
def test_a_clock_may_be_half_a_minute_apart(apart_s: float, alarmed: bool) -> None:
    rig = Rig()
    rig.date_ahead_s = apart_s
    rig.settle()
    assert ("clock" in rig.alarms) is alarmed
    if alarmed:
        assert ("ahead of" in rig.alarms["clock"]) is (apart_s > 0)


def sighting(version: int) -> Sighting:
    return Sighting("d", 0, version, 0.0)


def test_a_first_sight_is_remembered_at_once_and_written_once() -> None:
    rig = Rig()
    rig.event(rig.program())
    rig.settle()
    assert KEY in rig.memory
    del rig.memory[KEY]
    rig.run(600.0)
    assert KEY not in rig.memory


def test_five_thousand_are_remembered_that_are_not_shown_and_the_oldest_go() -> None:
    many = {f"e{number}": sighting(number) for number in range(5003)}
    assert many.keys() - pruned(many, ["e0"]).keys() == {"e1", "e2"}
    assert pruned(many, ["e0", "e1", "e2"]) is many


@pytest.mark.parametrize(("now_s", "version"), [(5.9, 8), (8.9, 8), (9.0, 9)])
def test_another_part_is_another_version_and_never_a_lower_one(now_s: float, version: int) -> None:
    before = Sighting("d", 1, 7, 3.0)
    assert moved(before, 2, now_s) == Sighting("d", 2, version, 3.0)
    assert moved(before, 1, now_s) is before


def outcome(kind: OutcomeKind, at_s: float, name: str = "e") -> Outcome:
    return Outcome(EventKey(Respondent("vtn", "me"), name), kind, Moment(OWN, at_s), Cause())


def test_how_an_event_was_followed_is_known_of_each_moment() -> None:
    deeds = with_deed({}, outcome(OutcomeKind.STARTED, 10.0, "e#2"))
    deeds = with_deed(deeds, outcome(OutcomeKind.OPTED_OUT, 20.0))
    assert with_deed(deeds, outcome(OutcomeKind.APPLIED, 25.0)) is deeds
    deeds = with_deed(deeds, outcome(OutcomeKind.COMPLETED, 30.0))
    found = deeds[deed_key("e", "me")]
    words = [deed_at(found, at_s) for at_s in (9.9, 10.0, 19.9, 20.0, 29.9, 30.0)]
    assert words == ["", "follows", "follows", "out", "out", "over"]
    assert (begun_s(found), begun_s(found[1:]), begun_s(())) == (10.0, None, None)


def test_sixty_four_turns_of_an_event_are_kept() -> None:
    deeds = with_deed({}, outcome(OutcomeKind.STARTED, 0.0))
    for second in range(1, 66):
        deeds = with_deed(deeds, outcome(OutcomeKind.OPTED_OUT, second))
    kept = deeds["e me"]
    assert (len(kept), kept[0][0], kept[-1][0]) == (64, 2, 65)


def test_five_hundred_reports_wait_and_the_one_on_its_way_is_never_given_up() -> None:
    def letters(box: Outbox) -> list[str]:
        return [one.about for one in box.letters]

    box = Outbox()
    for number in range(500):
        box = outbox.put(box, Letter(str(number), {}))
    assert (len(box.letters), box.lost) == (500, 0)
    idle = outbox.put(box, Letter("500", {}))
    assert (letters(idle), idle.lost) == ([str(number) for number in range(1, 501)], 1)
    busy = outbox.put(replace(box, asked=7), Letter("500", {}))
    assert (letters(busy), busy.lost) == (["0", *[str(number) for number in range(2, 501)]], 1)
    taken = outbox.taken(replace(busy, failures=3), 9.0)
    assert (taken.letters[0].about, taken.asked, taken.failures, taken.due_s) == ("2", None, 0, 9.0)
