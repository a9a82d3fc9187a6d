"""What a device puts of itself and gets back. IEEE 2030.5-2018, clause 10.10.4; CSIP-AUS doeModes."""

import pytest
from lxml import etree

from tests.protocols.ieee2030_5.desk.talk import ALICE, AUS, BOB, NOON, SEP, Talk, with_alice

W = "<multiplier>1</multiplier><value>500</value>"
BODIES = {
    "dercap": (
        f"<DERCapability {SEP} {AUS}><modesSupported>0001FFFD</modesSupported><rtgMaxW>{W}</rtgMaxW><type>83</type>"
        "<csipaus:doeModesSupported>0F</csipaus:doeModesSupported></DERCapability>"
    ),
    "derg": (
        f"<DERSettings {SEP} {AUS}><modesEnabled>00300000</modesEnabled><setGradW>27</setGradW><setMaxW>{W}</setMaxW>"
        "<updatedTime>1795435200</updatedTime><csipaus:doeModesEnabled>01</csipaus:doeModesEnabled></DERSettings>"
    ),
    "ders": (
        f"<DERStatus {SEP}><genConnectStatus><dateTime>1795435200</dateTime><value>07</value></genConnectStatus>"
        "<operationalModeStatus><dateTime>1795435200</dateTime><value>2</value></operationalModeStatus>"
        "<readingTime>1795435200</readingTime></DERStatus>"
    ),
    "dera": f"<DERAvailability {SEP}><readingTime>1795435200</readingTime><statWAvail>{W}</statWAvail></DERAvailability>",
}


@pytest.fixture
def talk() -> Talk:
    return with_alice()


@pytest.mark.parametrize("method", ["PUT", "POST"])
@pytest.mark.parametrize("name", BODIES)
def test_a_der_resource_is_put_and_read_back(talk: Talk, name: str, method: str) -> None:
    path = f"/edev/1/der/1/{name}"
    assert talk.ask("GET", path).status == 404
    reply = talk.ask(method, path, BODIES[name])
    assert (reply.status, reply.body, reply.location) == (204, b"", None)
    found = talk.get(path)
    assert found.get("href") == path
    assert leaves(found) == leaves(etree.fromstring(BODIES[name]))


def leaves(element: etree._Element) -> list[tuple[str, str | None]]:
    """The values of a resource by name; bit maps are written here in their full width, so that they compare."""
    return [(str(one.tag), one.text) for one in element.iter() if not len(one)]


def test_what_was_put_last_holds_and_the_operator_reads_it(talk: Talk) -> None:
    talk.ask("PUT", "/edev/1/der/1/ders", BODIES["ders"])
    talk.ask("PUT", "/edev/1/der/1/ders", BODIES["ders"].replace("<value>07<", "<value>00<"))
    talk.ask("PUT", "/edev/1/der/1/dercap", BODIES["dercap"])
    report = talk.done("GET", "/devices/1/report")
    assert report["status"]["genConnectStatus"]["value"] == 0
    assert report["capability"]["rtgMaxW"] == {"multiplier": 1, "value": 500}
    assert "settings" not in report
    assert talk.done("GET", "/devices/2/report") == {"device": 2}


@pytest.mark.parametrize("name", BODIES)
def test_nobody_puts_for_another(talk: Talk, name: str) -> None:
    assert talk.ask("PUT", f"/edev/2/der/1/{name}", BODIES[name]).status == 403
    assert talk.ask("PUT", f"/edev/9/der/1/{name}", BODIES[name]).status == 404


def test_csip_aus_capability_without_its_modes_is_400_and_of_plain_csip_is_taken(talk: Talk) -> None:
    plain = BODIES["dercap"].replace("<csipaus:doeModesSupported>0F</csipaus:doeModesSupported>", "")
    assert talk.ask("PUT", "/edev/1/der/1/dercap", plain).status == 400
    talk.done("PATCH", "/devices/1", {"dialect": "csip"})
    assert talk.ask("PUT", "/edev/1/der/1/dercap", plain).status == 204


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("dercap", BODIES["derg"]),  # another resource
        ("derg", BODIES["derg"].replace("<setGradW>27</setGradW>", "")),  # mandatory
        ("derg", BODIES["derg"].replace(">27<", ">70000<")),  # out of range
        ("ders", BODIES["ders"].replace("<readingTime>1795435200</readingTime>", "")),
        ("ders", BODIES["ders"].replace("<value>07</value>", "<value>zz</value>")),
        ("ders", "<html/>"),
    ],
)
def test_a_der_resource_that_is_none_is_400_and_unseats_nothing(talk: Talk, name: str, body: str) -> None:
    path = f"/edev/1/der/1/{name}"
    talk.ask("PUT", path, BODIES[name])
    before = talk.ask("GET", path).body
    reply = talk.ask("PUT", path, body)
    assert reply.status == 400
    assert b"<Error" in reply.body
    assert talk.ask("GET", path).body == before


def information(lfdi: str) -> str:
    return (
        f"<DeviceInformation {SEP}><lFDI>{lfdi}</lFDI><mfDate>1</mfDate><mfHwVer>1</mfHwVer><mfID>28547</mfID>"
        "<mfModel>gateway</mfModel><mfSerNum>7</mfSerNum><primaryPower>1</primaryPower><secondaryPower>0</secondaryPower>"
        "<swActTime>1</swActTime><swVer>0.1.0</swVer></DeviceInformation>"
    )


def test_device_information_is_put_under_the_devices_own_lfdi_only(talk: Talk) -> None:
    assert talk.ask("PUT", "/edev/1/di", information(BOB)).status == 403
    assert talk.ask("GET", "/edev/1/di").status == 404
    assert talk.ask("PUT", "/edev/1/di", information(ALICE)).status == 204
    assert talk.texts("/edev/1/di", "//s:mfModel") == ["gateway"]


def log_event(number: int, at_s: int = NOON) -> str:
    return (
        f"<LogEvent {SEP}><createdDateTime>{at_s}</createdDateTime><functionSet>11</functionSet>"
        f"<logEventCode>2</logEventCode><logEventID>{number}</logEventID><logEventPEN>40732</logEventPEN>"
        "<profileID>2</profileID></LogEvent>"
    )


def test_log_events_are_posted_and_listed_newest_first(talk: Talk) -> None:
    for number, at_s in ((7, NOON), (8, NOON), (6, NOON + 1)):
        reply = talk.ask("POST", "/edev/1/lel", log_event(number, at_s))
        assert reply.status == 201
        assert reply.location is not None
        assert talk.texts(reply.location, "//s:logEventID") == [str(number)]
    assert talk.texts("/edev/1/lel?l=9", "//s:logEventID") == ["6", "8", "7"]
    assert talk.texts(f"/edev/1/lel?l=9&a={NOON}", "//s:logEventID") == ["6"]
    assert [one["logEventID"] for one in talk.done("GET", "/devices/1/log")] == [7, 8, 6]
    assert talk.ask("POST", "/edev/2/lel", log_event(1)).status == 403
    assert talk.ask("POST", "/edev/1/lel", f"<LogEvent {SEP}/>").status == 400
    assert talk.ask("GET", "/edev/2/lel/1", who=BOB).status == 404


def test_only_the_newest_log_events_are_kept(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protocols.ieee2030_5.desk.ders.LOG_ENTRIES_KEPT", 2)
    for number in range(4):
        talk.ask("POST", "/edev/1/lel", log_event(number))
    assert [one["logEventID"] for one in talk.done("GET", "/devices/1/log")] == [2, 3]
