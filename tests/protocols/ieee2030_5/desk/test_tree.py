"""The tree as devices walk it: entry, access, methods, errors."""

import pytest

from protocols.ieee2030_5.desk.records import Settings
from tests.protocols.ieee2030_5.desk.talk import ALICE, AUS, BOB, NOON, NS, Talk, add_control, check, with_alice


def test_everything_is_reached_from_dcap_by_links_alone_and_every_href_is_short() -> None:
    talk = with_alice()
    talk.done("PUT", "/programs/1/default", {"modes": {"opModExpLimW": 1500}})
    talk.done("POST", "/programs/1/curves", VOLT_VAR)
    add_control(talk)
    seen, new = set[str](), {"/dcap"}
    empty = set[str]()
    while new:
        path = new.pop()
        seen.add(path)
        assert len(path) < 48
        reply = talk.ask("GET", f"{path}?l=10")
        if reply.status == 404:
            empty.add(path)
            continue
        new |= set(talk.texts(f"{path}?l=10", "//@href")) - seen
    assert seen >= {
        *("/dcap", "/tm", "/edev", "/edev/1", "/edev/1/rg", "/edev/1/fsa", "/edev/1/fsa/1", "/edev/1/fsa/1/derp"),
        *(
            "/derp/1",
            "/derp/1/derc",
            "/derp/1/derc/1",
            "/derp/1/actderc",
            "/derp/1/dderc",
            "/derp/1/dc",
            "/derp/1/dc/1",
        ),
        *(
            "/edev/1/der",
            "/edev/1/der/1",
            "/edev/1/der/1/derp",
            "/edev/1/lel",
            "/rsps",
            "/rsps/1",
            "/rsps/1/rsp",
            "/mup",
        ),
    }
    # What the device itself has yet to put is not there; nothing else is missing.
    der = "/edev/1/der/1"
    assert empty == {f"{der}/dercap", f"{der}/derg", f"{der}/ders", f"{der}/dera", "/edev/1/cp", "/edev/1/di"}
    assert not [path for path in seen if path.startswith("/edev/2")]


def test_dcap_has_the_three_links_that_clients_insist_on_and_its_poll_rate() -> None:
    talk = with_alice(dcap_poll_s=17)
    dcap = talk.get("/dcap")
    assert dcap.get("pollRate") == "17"
    for name in ("TimeLink", "EndDeviceListLink", "MirrorUsagePointListLink"):
        assert dcap.find(f"s:{name}", NS) is not None


def test_time_is_the_clock_plus_the_offset_the_operator_set() -> None:
    talk = with_alice()
    talk.now_s = NOON + 0.9
    assert talk.texts("/tm", "//s:currentTime | //s:quality") == [str(NOON), "4"]
    talk.done("PATCH", "/settings", {"clock_offset_s": -3600, "time_quality": 7})
    assert talk.texts("/tm", "//s:currentTime | //s:quality") == [str(NOON - 3600), "7"]


@pytest.mark.parametrize(
    ("setting", "path"),
    [
        ("dcap_poll_s", "/dcap"),
        ("time_poll_s", "/tm"),
        ("edev_poll_s", "/edev"),
        ("fsa_poll_s", "/edev/1/fsa"),
        ("derp_poll_s", "/edev/1/fsa/1/derp"),
        ("der_poll_s", "/edev/1/der"),
        ("mup_poll_s", "/mup"),
    ],
)
def test_a_poll_rate_changes_at_run_time_and_0_is_not_told(setting: str, path: str) -> None:
    talk = with_alice()
    assert talk.get(path).get("pollRate") == "300"
    talk.done("PATCH", "/settings", {setting: 61})
    assert talk.get(path).get("pollRate") == "61"
    talk.done("PATCH", "/settings", {setting: 0})
    assert talk.get(path).get("pollRate") is None


def test_a_device_sees_itself_and_nobody_else() -> None:
    talk = with_alice()
    assert talk.texts("/edev?l=10", "//s:lFDI", who=ALICE) == [ALICE]
    assert talk.texts("/edev?l=10", "//s:lFDI", who=BOB) == [BOB]
    for path in ("/edev/2", "/edev/2/rg", "/edev/2/fsa", "/edev/2/der/1/ders", "/edev/2/lel", "/edev/2/cp"):
        reply = talk.ask("GET", path, who=ALICE)
        assert (reply.status, reply.body) == (403, b"")
    assert talk.ask("GET", "/edev/3").status == 404


def test_a_program_is_seen_by_the_members_of_its_group_only() -> None:
    talk = with_alice()
    fsa = talk.done("POST", "/fsas", {"devices": [1]})["number"]
    talk.done("POST", "/programs", {"primacy": 2, "fsa": fsa})
    assert talk.texts("/edev/1/fsa?l=9", "//s:FunctionSetAssignments/@href") == ["/edev/1/fsa/2", "/edev/1/fsa/1"]
    assert talk.texts("/edev/2/fsa?l=9", "//s:FunctionSetAssignments/@href", who=BOB) == ["/edev/2/fsa/1"]
    for path in ("/derp/2", "/derp/2/derc", "/derp/2/dderc", "/derp/2/actderc"):
        assert talk.ask("GET", path, who=BOB).status == 403
    assert talk.ask("GET", "/edev/2/fsa/2/derp", who=BOB).status == 404
    assert talk.ask("GET", "/derp/2", who=ALICE).status == 200
    assert talk.ask("GET", "/derp/3").status == 404


def test_an_aggregators_certificate_speaks_for_itself_and_its_devices() -> None:
    talk = with_alice()
    talk.done("PATCH", "/devices/2", {"managed_by": ALICE})
    # By sFDI: Bob's 0x111111111 = 4581298449 is smaller than Alice's.
    assert talk.texts("/edev?l=10", "//s:lFDI", who=ALICE) == [BOB, ALICE]
    assert talk.ask("GET", "/edev/2/fsa", who=ALICE).status == 200
    assert talk.ask("GET", "/edev/2", who=BOB).status == 403


def test_an_unknown_certificate_is_turned_away_everywhere() -> None:
    talk = with_alice()
    for path in ("/dcap", "/tm", "/edev", "/edev/1", "/derp/1", "/rsps", "/mup", "/nowhere"):
        reply = talk.ask("GET", path, who="C" * 40)
        assert (reply.status, reply.body) == (403, b"")
    assert talk.ask("GET", "/dcap", who=None).status == 403


def test_a_peer_is_known_by_its_lfdi_in_either_case() -> None:
    assert with_alice().ask("GET", "/edev/1", who=ALICE.lower()).status == 200


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/dcap", "GET, HEAD"),
        ("PUT", "/tm", "GET, HEAD"),
        ("DELETE", "/edev/1", "GET, HEAD"),
        ("PATCH", "/edev", "GET, HEAD, POST"),
        ("DELETE", "/derp/1/derc/1", "GET, HEAD"),
        ("PUT", "/rsps/1/rsp", "GET, HEAD, POST"),
        ("POST", "/edev/1/cp", "GET, HEAD, PUT"),
        ("BREW", "/dcap", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_405_with_what_is_allowed(method: str, path: str, allow: str) -> None:
    reply = with_alice().ask(method, path)
    assert (reply.status, reply.allow, reply.body) == (405, allow, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "/DCAP",
        "/dcap/",
        "/edev/01",
        "/edev/x",
        "/edev/-1",
        "/edev/1/der/2",
        "/edev/99999999999",
        "//dcap",
        "/edev/1/../1",
    ],
)
def test_what_is_not_there_is_404_without_a_body(path: str) -> None:
    reply = with_alice().ask("GET", path)
    assert (reply.status, reply.body) == (404, b"")


def test_head_is_answered_like_get() -> None:
    assert with_alice().ask("HEAD", "/dcap").status == 200


def test_a_peer_of_plain_csip_gets_no_csipaus_element() -> None:
    talk = with_alice()
    talk.done("PATCH", "/devices/1", {"dialect": "csip"})
    add_control(talk, modes={"opModExpLimW": 1500, "opModConnect": True})
    for path in ("/edev/1", "/derp/1/derc/1"):
        assert b"csipaus" not in talk.ask("GET", path).body
        assert b"csipaus" in talk.ask("GET", path.replace("edev/1", "edev/2"), who=BOB).body


def test_a_strict_peer_gets_no_element_that_drafts_before_2018_lack() -> None:
    talk = with_alice(dialect="strict")
    add_control(talk, modes={"opModConnect": True}, category=0x20)
    assert b"deviceCategory" not in talk.ask("GET", "/derp/1/derc/1").body
    talk.done("PATCH", "/settings", {"dialect": "csip"})
    assert b"deviceCategory" in talk.ask("GET", "/derp/1/derc/1").body


def test_a_store_without_settings_serves_with_those_it_was_born_with() -> None:
    talk = Talk()
    talk.shelf = type(talk.shelf)()
    assert talk.ask("GET", "/dcap").status == 403
    assert talk.tell("GET", "/settings")[1]["dcap_poll_s"] == Settings().dcap_poll_s


def test_the_schema_used_here_refuses_what_is_not_in_it() -> None:
    with pytest.raises(Exception, match="bogus"):
        check(f'<Time xmlns="{NS["s"]}" {AUS}><bogus/></Time>'.encode())


VOLT_VAR = {
    "curveType": 11,
    "CurveData": [{"xvalue": 92, "yvalue": 44}, {"xvalue": 98, "yvalue": 0}],
    "xMultiplier": 0,
    "yMultiplier": 0,
    "yRefType": 3,
}
