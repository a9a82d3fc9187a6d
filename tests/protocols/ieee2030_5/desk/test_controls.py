"""DERControls as peers read them: status from the clock, order, supersede, cancel, defaults, curves.

Source: IEEE 2030.5-2018, clause 10.10 and EventStatus: 0 scheduled, 1 active, 2 cancelled, 3 cancelled with
randomisation, 4 superseded.
"""

from typing import Any

import pytest

from tests.protocols.ieee2030_5.desk.talk import NOON, Talk, add_control, with_alice


def status(talk: Talk, control: int = 1) -> str:
    return talk.texts(f"/derp/1/derc/{control}", "//s:currentStatus")[0]


def listed(talk: Talk, path: str = "/derp/1/derc") -> list[str]:
    return [href.rpartition("/")[2] for href in talk.texts(f"{path}?l=50", "//s:DERControl/@href")]


def test_a_control_is_scheduled_until_its_start_and_active_from_that_second() -> None:
    talk = with_alice()
    add_control(talk, start_s=NOON + 60, duration_s=30)
    assert (status(talk), listed(talk, "/derp/1/actderc")) == ("0", [])
    talk.now_s = NOON + 59.999
    assert status(talk) == "0"
    talk.now_s = NOON + 60
    assert (status(talk), listed(talk, "/derp/1/actderc")) == ("1", ["1"])
    assert talk.texts("/derp/1/derc/1", "//s:EventStatus/s:dateTime") == [str(NOON + 60)]
    talk.now_s = NOON + 89.9
    assert listed(talk) == ["1"]
    talk.now_s = NOON + 90
    assert (listed(talk), listed(talk, "/derp/1/actderc")) == ([], [])
    assert talk.ask("GET", "/derp/1/derc/1").status == 200


def test_the_status_follows_the_servers_clock_not_the_one_handed_in() -> None:
    talk = with_alice()
    add_control(talk, start_s=NOON + 60, duration_s=30)
    talk.done("PATCH", "/settings", {"clock_offset_s": 60})
    assert status(talk) == "1"


def test_the_list_links_count_what_the_lists_hold() -> None:
    talk = with_alice()
    add_control(talk, start_s=NOON, duration_s=60)
    add_control(talk, start_s=NOON + 60, duration_s=60)
    counts = "//s:DERControlListLink/@all | //s:ActiveDERControlListLink/@all"
    assert sorted(talk.texts("/derp/1", counts)) == ["1", "2"]
    talk.now_s = NOON + 60
    assert sorted(talk.texts("/derp/1", counts)) == ["1", "1"]


def test_a_randomised_control_stays_listed_until_its_last_possible_end() -> None:
    talk = with_alice()
    add_control(talk, start_s=NOON, duration_s=60, randomize_start_s=30, randomize_duration_s=10)
    talk.now_s = NOON + 60 + 30 + 10 - 1
    assert listed(talk) == ["1"]
    talk.now_s += 1
    assert listed(talk) == []


def test_a_control_carries_what_the_operator_said() -> None:
    talk = with_alice(pen=28547)
    made = add_control(
        talk,
        start_s=NOON + 1,
        duration_s=2,
        randomize_start_s=-30,
        randomize_duration_s=60,
        response_required=7,
        description="peak",
        category=0x20,
        modes={"opModExpLimW": 50_000, "opModMaxLimW": 7500, "opModConnect": True, "rampTms": 6000},
    )
    fields = "//s:start | //s:duration | //s:randomizeStart | //s:randomizeDuration | //s:description | //s:mRID"
    assert talk.texts("/derp/1/derc/1", fields) == [made["mRID"], "peak", "2", str(NOON + 1), "60", "-30"]
    modes = "//s:opModMaxLimW | //s:opModConnect | //s:rampTms | //c:opModExpLimW/s:*"
    assert talk.texts("/derp/1/derc/1", modes) == ["true", "7500", "6000", "1", "5000"]
    assert talk.texts("/derp/1/derc/1", "//@responseRequired | //@replyTo | //s:deviceCategory") == [
        "/rsps/1/rsp",
        "07",
        "00000020",
    ]
    assert made["mRID"].endswith(f"{28547:08X}")


def test_a_control_that_wants_no_response_names_no_place_for_one() -> None:
    talk = with_alice()
    add_control(talk, response_required=0)
    assert talk.texts("/derp/1/derc/1", "//@replyTo") == []


def test_controls_are_listed_by_start_then_newest_then_largest_mrid() -> None:
    talk = with_alice(supersede="all-modes")
    exp, imp, gen = {"opModExpLimW": 1}, {"opModImpLimW": 1}, {"opModGenLimW": 1}
    add_control(talk, start_s=NOON + 60, modes=exp, mRID="0A")
    add_control(talk, start_s=NOON + 60, modes=imp, mRID="0B")
    talk.now_s = NOON + 5
    add_control(talk, start_s=NOON + 60, modes=gen, mRID="09")
    add_control(talk, start_s=NOON + 10, modes={"opModLoadLimW": 1}, mRID="01")
    assert talk.texts("/derp/1/derc?l=9", "//s:mRID") == ["01", "09", "0B", "0A"]


def test_programs_are_listed_by_primacy_then_largest_mrid() -> None:
    talk = with_alice()
    for primacy, mrid in ((5, "0A"), (0, "0C"), (5, "0B")):
        talk.done("POST", "/programs", {"primacy": primacy, "mRID": mrid})
    first = talk.tell("GET", "/programs/1")[1]["mRID"]
    assert talk.texts("/edev/1/fsa/1/derp?l=9", "//s:mRID") == ["0C", first, "0B", "0A"]


class TestSupersede:
    """Within a program, by the time of making; overlapping in time and in a mode."""

    def test_a_newer_control_of_the_same_mode_supersedes_at_once_and_in_full(self) -> None:
        talk = with_alice()
        add_control(talk, start_s=NOON + 60, duration_s=600, modes={"opModExpLimW": 1, "opModConnect": True})
        talk.now_s = NOON + 7
        newer = add_control(talk, start_s=NOON + 300, duration_s=60, modes={"opModExpLimW": 2})
        assert (status(talk, 1), status(talk, 2)) == ("4", "0")
        # The time of making stays, for clients order events by it; the status has its own time.
        assert talk.texts("/derp/1/derc/1", "//s:creationTime | //s:EventStatus/s:dateTime") == [
            str(NOON),
            str(NOON + 7),
        ]
        assert talk.done("GET", "/controls/1")["superseded_by"] == newer["mRID"]
        assert listed(talk) == ["1", "2"]

    @pytest.mark.parametrize(
        ("older", "newer"),
        [
            ({"start_s": NOON, "duration_s": 60}, {"start_s": NOON + 60, "duration_s": 60}),  # back to back
            ({"start_s": NOON + 60, "duration_s": 60}, {"start_s": NOON, "duration_s": 60}),
            ({"modes": {"opModExpLimW": 1}}, {"modes": {"opModImpLimW": 1}}),  # other modes
            ({"modes": {"opModExpLimW": 1, "rampTms": 5}}, {"modes": {"opModImpLimW": 1, "rampTms": 5}}),  # no mode
        ],
    )
    def test_what_does_not_overlap_in_time_and_mode_coexists(self, older: Any, newer: Any) -> None:
        talk = with_alice()
        add_control(talk, **older)
        add_control(talk, **newer)
        assert "4" not in (status(talk, 1), status(talk, 2))
        assert talk.texts("/derp/1/derc/1", "//s:potentiallySuperseded") == ["false"]

    def test_another_programs_control_supersedes_nothing_here(self) -> None:
        talk = with_alice()
        talk.done("POST", "/programs", {"primacy": 0})
        add_control(talk)
        add_control(talk, program=2)
        assert status(talk) == "1"

    def test_what_has_ended_or_was_cancelled_is_left_as_it_is(self) -> None:
        talk = with_alice()
        add_control(talk, start_s=NOON, duration_s=60)
        add_control(talk, start_s=NOON + 100, duration_s=60)
        talk.done("POST", "/controls/2/cancel")
        talk.now_s = NOON + 60  # the first second after the first one's end
        add_control(talk, start_s=NOON, duration_s=600)
        assert (status(talk, 1), status(talk, 2)) == ("1", "2")

    def test_the_loser_is_lost_for_good_when_the_winner_is_cancelled(self) -> None:
        talk = with_alice()
        add_control(talk)
        add_control(talk)
        talk.done("POST", "/controls/2/cancel")
        assert (status(talk, 1), status(talk, 2)) == ("4", "2")

    def test_where_all_modes_must_go_a_partial_overlap_is_only_told(self) -> None:
        talk = with_alice(supersede="all-modes")
        add_control(talk, modes={"opModExpLimW": 1, "opModConnect": True})
        talk.now_s = NOON + 3
        add_control(talk, modes={"opModExpLimW": 2})
        told = "//s:currentStatus | //s:potentiallySuperseded | //s:potentiallySupersededTime"
        assert talk.texts("/derp/1/derc/1", told) == ["1", "true", str(NOON + 3)]
        add_control(talk, modes={"opModExpLimW": 3, "opModConnect": True})
        assert (status(talk, 1), status(talk, 2)) == ("4", "4")

    def test_what_supersedes_is_younger_by_a_second_at_least_and_larger_in_mrid(self) -> None:
        talk = with_alice()
        made = [add_control(talk) for _ in range(3)]
        assert [one["creation_s"] - NOON for one in made] == [0, 1, 2]
        assert sorted(one["mRID"] for one in made) == [one["mRID"] for one in made]
        # Nothing is superseded, so nothing is put off.
        assert add_control(talk, start_s=NOON + 7200)["creation_s"] == NOON


class TestCancel:
    """Kept in the list for as long as the event would have run."""

    def test_a_cancelled_control_is_2_and_stays_until_its_end(self) -> None:
        talk = with_alice()
        add_control(talk, start_s=NOON, duration_s=60)
        talk.now_s = NOON + 10
        talk.done("POST", "/controls/1/cancel")
        assert (status(talk), listed(talk), listed(talk, "/derp/1/actderc")) == ("2", ["1"], [])
        assert talk.texts("/derp/1/derc/1", "//s:EventStatus/s:dateTime") == [str(NOON + 10)]
        talk.now_s = NOON + 60
        assert listed(talk) == []

    @pytest.mark.parametrize("randomness", [{"randomize_start_s": 60}, {"randomize_duration_s": -60}])
    def test_a_randomised_control_is_cancelled_with_randomisation(self, randomness: dict[str, int]) -> None:
        talk = with_alice()
        add_control(talk, start_s=NOON + 5, **randomness)
        talk.done("POST", "/controls/1/cancel")
        assert status(talk) == "3"

    def test_the_operator_may_choose_the_other_kind(self) -> None:
        talk = with_alice()
        add_control(talk, randomize_start_s=60)
        talk.done("POST", "/controls/1/cancel", {"randomized": False})
        assert status(talk) == "2"

    def test_what_is_over_cannot_be_cancelled(self) -> None:
        talk = with_alice()
        add_control(talk, duration_s=60)
        talk.done("POST", "/controls/1/cancel")
        assert talk.refusal("POST", "/controls/1/cancel") == (409, "control 1 is cancelled already")
        add_control(talk, duration_s=60)
        add_control(talk, duration_s=60)
        assert talk.refusal("POST", "/controls/2/cancel") == (409, "control 2 is superseded already")
        talk.now_s += 60
        assert talk.refusal("POST", "/controls/3/cancel") == (409, "control 3 has ended")

    def test_a_control_long_over_is_forgotten_when_the_next_is_made(self) -> None:
        talk = with_alice()
        add_control(talk, duration_s=60)
        talk.now_s = NOON + 60 + 90 * 86_400
        add_control(talk)
        assert [one["number"] for one in talk.done("GET", "/controls")] == [1, 2]
        talk.now_s += 1
        add_control(talk)
        assert [one["number"] for one in talk.done("GET", "/controls")] == [2, 3]

    def test_a_deleted_control_vanishes(self) -> None:
        talk = with_alice()
        add_control(talk)
        talk.done("DELETE", "/controls/1")
        assert (listed(talk), talk.ask("GET", "/derp/1/derc/1").status) == ([], 404)


def test_a_control_is_under_its_own_program_only() -> None:
    talk = with_alice()
    talk.done("POST", "/programs", {"primacy": 0})
    add_control(talk)
    assert talk.ask("GET", "/derp/2/derc/1").status == 404


def test_a_default_keeps_its_mrid_and_grows_in_version_when_it_changes() -> None:
    talk = with_alice()
    assert talk.ask("GET", "/derp/1/dderc").status == 404
    assert talk.texts("/derp/1", "//s:DefaultDERControlLink/@href") == []
    talk.done("PUT", "/programs/1/default", {"modes": {"opModExpLimW": 1500}, "setGradW": 27})
    assert talk.texts("/derp/1", "//s:DefaultDERControlLink/@href") == ["/derp/1/dderc"]
    mrid = talk.texts("/derp/1/dderc", "//s:mRID")
    assert talk.texts("/derp/1/dderc", "//s:version | //s:value | //s:setGradW") == ["0", "1500", "27"]
    talk.done("PUT", "/programs/1/default", {"modes": {"opModExpLimW": 900}})
    assert talk.texts("/derp/1/dderc", "//s:mRID") == mrid
    assert talk.texts("/derp/1/dderc", "//s:version | //s:value | //s:setGradW") == ["1", "900"]
    talk.done("DELETE", "/programs/1/default")
    assert talk.ask("GET", "/derp/1/dderc").status == 404


def test_an_empty_default_is_an_empty_base() -> None:
    talk = with_alice()
    talk.done("PUT", "/programs/1/default", {})
    assert len(talk.texts("/derp/1/dderc", "//s:DERControlBase")) == 1
    assert talk.texts("/derp/1/dderc", "//s:DERControlBase/*") == []


def test_a_curve_is_linked_from_a_control_and_found_there() -> None:
    talk = with_alice()
    points = [{"xvalue": 92, "yvalue": 44}, {"xvalue": 108, "yvalue": -44}]
    curve = talk.done(
        "POST",
        "/programs/1/curves",
        {"curveType": 11, "CurveData": points, "xMultiplier": 0, "yMultiplier": 0, "yRefType": 3, "openLoopTms": 500},
    )
    add_control(talk, modes={"opModVoltVar": {"href": curve["href"]}})
    (href,) = talk.texts("/derp/1/derc/1", "//s:opModVoltVar/@href")
    assert talk.texts(href, "//s:yvalue") == ["44", "-44"]
    assert talk.texts("/derp/1/dc?l=5", "//s:DERCurve/@href") == [href]
    talk.done("DELETE", "/curves/1")
    assert talk.ask("GET", href).status == 404
