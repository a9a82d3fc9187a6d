"""The operator's controls and verdicts: changed in place, threatened, judged by what was answered."""

from typing import Any

import pytest

from tests.protocols.ieee2030_5.desk.talk import ALICE, BOB, NOON, SEP, Talk, add_control, with_alice

EVENT = "/derp/1/derc/1"


@pytest.fixture
def talk() -> Talk:
    return with_alice()


def test_a_control_changes_in_place_under_its_mrid_and_the_next_version(talk: Talk) -> None:
    made = add_control(talk)
    talk.now_s = NOON + 5
    changed = talk.done("PATCH", "/controls/1", {"modes": {"opModExpLimW": 700}, "duration_s": 60})
    assert (changed["mRID"], changed["version"], changed["creation_s"]) == (made["mRID"], 1, NOON)
    assert talk.texts(EVENT, "//s:mRID | //s:version | //s:duration | //c:opModExpLimW/s:value") == [
        *(made["mRID"], "1", "60"),
        "700",
    ]
    assert talk.done("PATCH", "/controls/1", {"randomize_start_s": 30})["version"] == 2


def test_every_mode_of_the_table_is_sent(talk: Talk) -> None:
    """All modes of DERControlBase that are no curves, at once, each by its name (2018 schema, CSIP-AUS 1.2)."""
    power_factor = {"displacement": 950, "excitation": True, "multiplier": -3}
    modes: dict[str, Any] = {
        "opModConnect": True,
        "opModEnergize": True,
        "opModFixedPFAbsorbW": power_factor,
        "opModFixedPFInjectW": power_factor,
        "opModFixedVar": {"refType": 2, "value": -5000},
        "opModFixedW": -7500,
        "opModFreqDroop": {"dBOF": 30, "dBUF": 30, "kOF": 40, "kUF": 40, "openLoopTms": 500},
        "opModMaxLimW": 5000,
        "opModTargetVar": -300,
        "opModTargetW": 50_000,
        "rampTms": 6000,
        "opModImpLimW": 1500,
        "opModExpLimW": 5000,
        "opModGenLimW": 4000,
        "opModLoadLimW": 3000,
    }
    add_control(talk, modes=modes)
    assert set(talk.texts(EVENT, "//s:DERControlBase/*/text()")) == {"true", "-7500", "5000", "6000"}
    names = [str(one.tag).rpartition("}")[2] for one in talk.get(EVENT).iterfind(".//{*}DERControlBase/*")]
    assert set(names) == set(modes)
    # 50000 W do not fit in 16 bits: 5000 x 10^1.
    assert talk.texts(EVENT, "//s:opModTargetW/*") == ["1", "5000"]


def test_every_curve_mode_leads_to_its_curve(talk: Talk) -> None:
    kinds = {
        "opModFreqWatt": 0,
        **{f"opMod{name}": kind for name, kind in (("HFRTMayTrip", 1), ("HFRTMustTrip", 2), ("HVRTMayTrip", 3))},
        **{f"opMod{name}": kind for name, kind in (("HVRTMomentaryCessation", 4), ("HVRTMustTrip", 5))},
        **{f"opMod{name}": kind for name, kind in (("LFRTMayTrip", 6), ("LFRTMustTrip", 7), ("LVRTMayTrip", 8))},
        **{f"opMod{name}": kind for name, kind in (("LVRTMomentaryCessation", 9), ("LVRTMustTrip", 10))},
        **{f"opMod{name}": kind for name, kind in (("VoltVar", 11), ("VoltWatt", 12), ("WattPF", 13), ("WattVar", 14))},
    }
    point = {"xvalue": 1, "yvalue": 2}
    curves = {
        name: talk.done(
            "POST",
            "/programs/1/curves",
            {"curveType": kind, "CurveData": [point], "xMultiplier": 0, "yMultiplier": 0, "yRefType": 1},
        )["href"]
        for name, kind in kinds.items()
    }
    add_control(talk, modes={name: {"href": href} for name, href in curves.items()})
    for name, href in curves.items():
        (led,) = talk.texts(EVENT, f"//s:{name}/@href")
        assert led == href
        assert talk.texts(led, "//s:curveType") == [str(kinds[name])]
    assert len(talk.texts("/derp/1/dc?l=50", "//s:DERCurve/@href")) == len(kinds) == 15


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"mRID": "1"}, "mRID: cannot be set here"),
        ({"start_in_s": 5}, "start_in_s: cannot be set here"),
        ({"version": 9}, "version: cannot be set here"),
        ({"duration_s": 0}, "duration_s: an event of no duration never starts"),
        ({"modes": {}}, "modes: at least one is due"),
        ({"modes": {"opModVoltVar": {"href": "/derp/1/dc/9"}}}, "modes/opModVoltVar: "),
        ({"potentially_superseded_s": NOON}, "potentially_superseded_s: only with potentially_superseded true"),
    ],
)
def test_a_change_that_cannot_be_is_refused_and_changes_nothing(talk: Talk, body: dict[str, Any], reason: str) -> None:
    add_control(talk)
    before = talk.done("GET", "/controls/1")
    status, error = talk.refusal("PATCH", "/controls/1", body)
    assert (status, error[: len(reason)]) == (400, reason)
    assert talk.done("GET", "/controls/1") == before


def test_the_operator_says_whether_a_control_may_be_superseded(talk: Talk) -> None:
    told = "//s:potentiallySuperseded | //s:potentiallySupersededTime"
    add_control(talk, potentially_superseded=True, potentially_superseded_s=NOON - 3)
    assert talk.texts(EVENT, told) == ["true", str(NOON - 3)]
    talk.done("PATCH", "/controls/1", {"potentially_superseded_s": None})
    assert talk.texts(EVENT, told) == ["true"]
    talk.done("PATCH", "/controls/1", {"potentially_superseded": None})
    assert talk.texts(EVENT, told) == ["false"]


def test_a_threat_may_be_concealed() -> None:
    """Some utility servers always say false; here a part of the modes is taken, which by the standard is true."""
    talk = with_alice(supersede="all-modes")
    add_control(talk, modes={"opModExpLimW": 1, "opModConnect": True}, potentially_superseded=False)
    add_control(talk, modes={"opModExpLimW": 2})
    assert talk.texts(EVENT, "//s:potentiallySuperseded") == ["false"]


def test_a_verdict_has_every_devices_answers_in_order_and_the_silent_ones(talk: Talk) -> None:
    control, other = add_control(talk), add_control(talk, start_s=NOON + 5000)
    for offset, (subject, status) in enumerate(((control, 1), (other, 1), (control, 2), (control, 3))):
        talk.now_s = NOON + offset
        body = (
            f"<DERControlResponse {SEP}><endDeviceLFDI>{ALICE}</endDeviceLFDI><status>{status}</status>"
            f"<subject>{subject['mRID']}</subject></DERControlResponse>"
        )
        assert talk.ask("POST", "/rsps/1/rsp", body).status == 201
    verdict = talk.done("GET", "/controls/1/responses")
    assert (verdict["control"], verdict["subject"]) == (1, control["mRID"])
    assert verdict["devices"] == [
        {"device": 1, "lfdi": ALICE, "statuses": [1, 2, 3], "t_s": [NOON, NOON + 2, NOON + 3]},
        {"device": 2, "lfdi": BOB, "statuses": [], "t_s": []},
    ]
    assert [one["subject"] for one in talk.done("GET", "/responses?status=1")] == [control["mRID"], other["mRID"]]


def test_a_verdict_asks_only_those_whom_the_control_was_for(talk: Talk) -> None:
    talk.done("PATCH", "/fsas/1", {"devices": [2]})
    add_control(talk)
    assert [one["device"] for one in talk.done("GET", "/controls/1/responses")["devices"]] == [2]
    assert talk.refusal("GET", "/controls/9/responses") == (404, "no control 9")


def test_an_associated_program_list_has_every_group_of_the_device(talk: Talk) -> None:
    """Two groups; Bob is in the second alone."""
    talk.done("POST", "/fsas", {"devices": [2]})
    talk.done("POST", "/programs", {"primacy": 0, "fsa": 2})
    links = "//s:AssociatedDERProgramListLink"
    assert talk.texts("/edev/2/der/1", f"{links}/@href | {links}/@all", who=BOB) == ["/edev/2/der/1/derp", "2"]
    programs = "//s:DERProgram/@href"
    assert talk.texts("/edev/2/der/1/derp?l=9", programs, who=BOB) == ["/derp/2", "/derp/1"]
    assert talk.texts("/edev/1/der/1/derp?l=9", programs) == ["/derp/1"]
    current = "//s:CurrentDERProgramLink/@href"
    assert talk.texts("/edev/2/der/1", current, who=BOB) == []
    add_control(talk)
    assert talk.texts("/edev/2/der?l=1", current, who=BOB) == ["/derp/1"]
    add_control(talk, program=2, start_s=NOON + 60)
    assert talk.texts("/edev/2/der/1", current, who=BOB) == ["/derp/1"]
    talk.now_s = NOON + 60
    assert talk.texts("/edev/2/der/1", current, who=BOB) == ["/derp/2"]
    assert talk.texts("/edev/1/der/1", current) == ["/derp/1"]
    assert talk.texts("/edev/2/fsa?l=9", "//s:DERProgramListLink/@href", who=BOB) == [
        "/edev/2/fsa/2/derp",
        "/edev/2/fsa/1/derp",
    ]
