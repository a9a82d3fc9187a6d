"""The operator's side: what is made, changed, refused, and with which words."""

from typing import Any

import pytest

from tests.protocols.ieee2030_5.desk.talk import ALICE, BOB, NOON, Talk, add_control, with_alice

MODES = {"opModExpLimW": 1500}


@pytest.fixture
def talk() -> Talk:
    return with_alice()


@pytest.mark.parametrize(
    ("given", "value", "multiplier"),
    [
        (1500, 1500, 0),
        (0, 0, 0),
        (-5, -5, 0),
        (32767, 32767, 0),
        (50_000, 5000, 1),
        (1_234_560_000, 12345, None),  # 123456 does not fit 16 bits: refused, not rounded
        (0.5, 5, -1),
        (1500.25, None, None),  # 150025 does not fit
        ({"value": 150, "multiplier": 1}, 150, 1),
        (32768, 32768, None),
        (1e30, None, None),
        (True, None, None),
        ("1500", None, None),
        (float("nan"), None, None),
    ],
)
def test_a_power_is_exact_in_sixteen_bits_and_a_power_of_ten_or_refused(
    talk: Talk, given: Any, value: int | None, multiplier: int | None
) -> None:
    body = {"duration_s": 60, "modes": {"opModExpLimW": given}}
    status, answer = talk.tell("POST", "/programs/1/controls", body)
    if multiplier is None:
        assert status == 400
        assert answer["error"].startswith("modes/opModExpLimW: ")
    else:
        assert answer["modes"] == {"opModExpLimW": {"multiplier": multiplier, "value": value}}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"modes": None}, "modes: is missing"),
        ({"modes": {}}, "modes: at least one is due"),
        ({"modes": {"rampTms": 5}}, "modes: at least one is due"),
        ({"modes": {"opModEverything": 1}}, "modes/opModEverything: is not known here; known are opModConnect,"),
        ({"modes": {"opModMaxLimW": 10_001}}, "modes/opModMaxLimW: 10001 is not a whole number in 0..10000"),
        ({"modes": {"opModConnect": 1}}, "modes/opModConnect: 1 is neither true nor false"),
        ({"modes": {"opModExpLimW": {"value": 1}}}, "modes/opModExpLimW/multiplier: is missing"),
        ({"modes": {"opModVoltVar": {"href": "/derp/9/dc/1"}}}, "modes/opModVoltVar: '/derp/9/dc/1' is no curve of"),
        ({"modes": []}, "modes: [] is not an object of fields"),
        ({"duration_s": None}, "duration_s: is missing"),
        ({"duration_s": 0}, "duration_s: an event of no duration never starts"),
        ({"duration_s": -1}, "duration_s: -1 is not a whole number in 0..4294967295"),
        ({"duration_s": 1.5}, "duration_s: 1.5 is not a whole number"),
        ({"duration_s": "60"}, "duration_s: '60' is not a whole number"),
        ({"start_s": "noon"}, "start_s: 'noon' is not a whole number"),
        ({"start_s": 1, "start_in_s": 1}, "start_s, start_in_s: one of them, not both"),
        ({"start_in_s": 0.5}, "start_in_s: 0.5 is not a whole number of seconds"),
        ({"randomize_start_s": 3601}, "randomize_start_s: 3601 is not a whole number in -3600..3600"),
        ({"response_required": 256}, "response_required: 256 is not a bit map of 2 hexadecimal digits"),
        ({"mRID": "not hex"}, "mRID: 'not hex' is not an even number of at most 32 hexadecimal digits"),
        ({"description": "x" * 33}, "description: "),
        ({"description": "\x00"}, "description: "),
        ({"cancelled_s": 1}, "cancelled_s: cannot be set here; what can: category, description, duration_s, mRID,"),
        ({"number": 5}, "number: cannot be set here"),
    ],
)
def test_a_control_that_cannot_be_is_refused_with_the_path_to_its_fault(
    talk: Talk, fields: dict[str, Any], reason: str
) -> None:
    status, error = talk.refusal("POST", "/programs/1/controls", {"duration_s": 60, "modes": MODES, **fields})
    assert status == 400
    assert error.startswith(reason)
    assert talk.done("GET", "/controls") == []


def test_a_control_starts_now_or_in_so_many_seconds_of_server_time(talk: Talk) -> None:
    talk.done("PATCH", "/settings", {"clock_offset_s": 100})
    body: dict[str, Any] = {"duration_s": 60, "modes": MODES}
    assert talk.done("POST", "/programs/1/controls", body)["start_s"] == NOON + 100
    assert talk.done("POST", "/programs/1/controls", {**body, "start_in_s": -60})["start_s"] == NOON + 40


def test_one_mrid_is_one_control_of_a_program_but_may_be_shared_across_programs(talk: Talk) -> None:
    talk.done("POST", "/programs", {"primacy": 2})
    add_control(talk, mRID="0a")
    assert talk.refusal("POST", "/programs/1/controls", {"duration_s": 1, "modes": MODES, "mRID": "0A"}) == (
        409,
        "mRID: 0A is a control of program 1 already",
    )
    assert add_control(talk, program=2, mRID="0A")["mRID"] == "0A"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "lfdi: 40 hexadecimal digits"),
        ({"lfdi": ALICE[:39]}, "lfdi: 40 hexadecimal digits"),
        ({"lfdi": "x" * 40}, "lfdi: 40 hexadecimal digits"),
        ({"lfdi": 5}, "lfdi: 40 hexadecimal digits"),
        ({"lfdi": "C" * 40, "pin": 1_000_000}, "pin: 1000000 is not a whole number in 0..999999"),
        ({"lfdi": "C" * 40, "pin": "111115"}, "pin: '111115' is not a whole number"),
        ({"lfdi": "C" * 40, "dialect": "latin"}, "dialect: 'latin' is none of csip, csip-aus, csip-aus-1.3, strict"),
        ({"lfdi": "C" * 40, "managed_by": "C" * 40}, "managed_by: an EndDevice does not manage itself"),
        ({"lfdi": "C" * 40, "managed_by": "CC"}, "managed_by: 40 hexadecimal digits are due"),
        ({"lfdi": "C" * 40, "sfdi": 1}, "sfdi: cannot be set here"),
        ({"lfdi": "C" * 40, "nmi": "4" * 33}, "nmi: "),
    ],
)
def test_a_device_that_cannot_be_is_refused(talk: Talk, body: dict[str, Any], reason: str) -> None:
    status, error = talk.refusal("POST", "/devices", body)
    assert status == 400
    assert error.startswith(reason)


def test_a_device_is_known_once_in_either_case(talk: Talk) -> None:
    assert talk.refusal("POST", "/devices", {"lfdi": ALICE.lower()})[0] == 409
    (bob,) = talk.done("GET", f"/devices?lfdi={BOB.lower()}")
    # SFDI of 111111111... : 0x111111111 = 4581298449, digit sum 54, so the check digit is 6.
    assert (bob["lfdi"], bob["sfdi"]) == (BOB, 45812984496)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"derp_poll_s": -1}, "derp_poll_s: -1 is not"),
        ({"dialect": "latin"}, "dialect: 'latin' is none of"),
        ({"time_quality": 2}, "time_quality: 2 is none of 3, 4, 5, 6, 7"),
        ({"supersede": "never"}, "supersede: 'never' is none of any-mode, all-modes"),
        ({"lenient": "yes"}, "lenient: 'yes' is neither true nor false"),
        ({"in_band_pin": 1_000_000}, "in_band_pin: 1000000 is not"),
        ({"clock_offset_s": 2**31}, "clock_offset_s: "),
        ({"seed": 1}, "seed: cannot be set here"),
        ({"nonsense": 1}, "nonsense: cannot be set here"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_and_changes_nothing(talk: Talk, body: dict[str, Any], reason: str) -> None:
    before = talk.done("GET", "/settings")
    status, error = talk.refusal("PATCH", "/settings", {"in_band": True, **body})
    assert status == 400
    assert error.startswith(reason)
    assert talk.done("GET", "/settings") == before


def test_null_sets_a_setting_back(talk: Talk) -> None:
    talk.done("PATCH", "/settings", {"derp_poll_s": 5})
    assert talk.done("PATCH", "/settings", {"derp_poll_s": None})["derp_poll_s"] == 300


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "primacy: is missing"),
        ({"primacy": 256}, "primacy: 256 is not a whole number in 0..255"),
        ({"primacy": 1, "fsa": 7}, "fsa: no fsa 7"),
        ({"primacy": 1, "fsa": True}, "fsa: no fsa True"),
        ({"primacy": 1, "default": {"modes": {"opModMaxLimW": -1}}}, "default/DERControlBase/opModMaxLimW: -1 is not"),
        ({"primacy": 1, "default": 5}, "5 is not an object"),
    ],
)
def test_a_program_that_cannot_be_is_refused(talk: Talk, body: dict[str, Any], reason: str) -> None:
    status, error = talk.refusal("POST", "/programs", body)
    assert status == 400
    assert error.startswith(reason)
    assert len(talk.done("GET", "/programs")) == 1


def test_a_programs_primacy_and_group_change_and_it_goes_with_its_controls(talk: Talk) -> None:
    add_control(talk)
    fsa = talk.done("POST", "/fsas", {"devices": [2]})["number"]
    talk.done("PATCH", "/programs/1", {"primacy": 9, "fsa": fsa})
    assert talk.texts("/derp/1", "//s:primacy", BOB) == ["9"]
    assert talk.ask("GET", "/derp/1").status == 403
    assert talk.refusal("PATCH", "/programs/1", {"fsa": 44})[0] == 400
    assert talk.refusal("DELETE", f"/fsas/{fsa}")[0] == 409
    talk.done("DELETE", "/programs/1")
    assert (talk.done("GET", "/programs"), talk.done("GET", "/controls")) == ([], [])
    talk.done("DELETE", f"/fsas/{fsa}")
    assert [one["number"] for one in talk.done("GET", "/fsas")] == [1]


def test_a_group_has_members_that_exist_and_loses_those_that_go(talk: Talk) -> None:
    assert talk.refusal("POST", "/fsas", {"devices": [9]}) == (400, "devices: no device 9")
    assert talk.refusal("POST", "/fsas", {"devices": 1}) == (400, "devices: 1 is not a list")
    number = talk.done("POST", "/fsas", {"devices": [1, 2]})["number"]
    talk.done("DELETE", "/devices/2")
    assert talk.done("GET", f"/fsas/{number}")["devices"] == [1]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"modes": {"opModExpLimW": "x"}}, "DERControlBase/opModExpLimW: "),
        ({"modes": {"opModVoltVar": {"href": "/x"}}}, "modes/opModVoltVar: '/x' is no curve of program 1"),
        ({"setGradW": 70_000}, "setGradW: 70000 is not a whole number in 0..65535"),
        ({"href": "/x"}, "href: cannot be set here"),
        ({"DERControlBase": {}}, "DERControlBase: cannot be set here"),
        ({"setEverything": 1}, "setEverything: is not known here"),
    ],
)
def test_a_default_that_cannot_be_is_refused_and_the_old_one_holds(talk: Talk, body: Any, reason: str) -> None:
    talk.done("PUT", "/programs/1/default", {"modes": MODES})
    status, error = talk.refusal("PUT", "/programs/1/default", body)
    assert status == 400
    assert error.startswith(reason)
    assert talk.texts("/derp/1/dderc", "//s:version") == ["0"]


def test_a_curve_of_no_points_or_of_no_kind_is_refused(talk: Talk) -> None:
    curve = {"curveType": 11, "CurveData": [], "xMultiplier": 0, "yMultiplier": 0, "yRefType": 3}
    assert talk.refusal("POST", "/programs/1/curves", curve) == (400, "CurveData: has 0 entries, not 1 to 10")
    points = [{"xvalue": 0, "yvalue": 0}]
    assert talk.refusal("POST", "/programs/1/curves", {**curve, "CurveData": points, "curveType": 15})[0] == 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/programs/0", 404),
        ("GET", "/programs/9", 404),
        ("GET", "/programs/9/controls", 404),
        ("POST", "/programs/9/controls", 404),
        ("POST", "/controls/9/cancel", 404),
        ("DELETE", "/controls/9", 404),
        ("DELETE", "/devices/9", 404),
        ("GET", "/devices/9/report", 404),
        ("GET", "/mirrors/9/values", 404),
        ("GET", "/programs/1/default", 404),
        ("GET", "/responses?device=x", 400),
        ("GET", "/responses?after=-1", 400),
        ("POST", "/status", 405),
        ("PUT", "/programs/1", 405),
    ],
)
def test_what_is_not_there_or_cannot_be_done_says_so(talk: Talk, method: str, path: str, status: int) -> None:
    found, error = talk.refusal(method, path)
    assert found == status
    assert error


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[]", 400), (b"1", 400), (b"\xff", 400), (b"[" * 100_000, 400), (b" " * 300_000, 413)],
    ids=["cut", "list", "number", "no text", "deep", "long"],
)
def test_a_body_that_is_no_json_object_is_refused(talk: Talk, body: bytes, status: int) -> None:
    assert talk.refusal("PATCH", "/settings", body)[0] == status


def test_the_status_tells_both_clocks_and_what_is_kept(talk: Talk) -> None:
    talk.done("PATCH", "/settings", {"clock_offset_s": -10})
    told = talk.done("GET", "/status")
    assert (told["utc_s"], told["server_time_s"]) == (NOON, NOON - 10)
    assert (told["kept"]["Device"], told["kept"]["Program"]) == (2, 1)


def test_responses_are_cleared(talk: Talk) -> None:
    assert talk.tell("DELETE", "/responses") == (204, None)
