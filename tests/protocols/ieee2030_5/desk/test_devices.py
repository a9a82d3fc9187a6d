"""EndDevices: registration in and out of band, PIN, ConnectionPoint. IEEE 2030.5-2018, clause 8.5; CSIP-AUS."""

import pytest

from certs.identity import sfdi
from tests.protocols.ieee2030_5.desk.talk import ALICE, AUS, BOB, NOON, SEP, Talk, with_alice

CAROL = "ABCDEF0123456789ABCDEF0123456789ABCDEF01"


def end_device(lfdi: str | None = CAROL, short: int | None = None, more: str = "") -> str:
    named = "" if lfdi is None else f"<lFDI>{lfdi}</lFDI>"
    number = sfdi(CAROL) if short is None else short
    return f"<EndDevice {SEP}>{more}{named}<sFDI>{number}</sFDI><changedTime>{NOON}</changedTime></EndDevice>"


@pytest.fixture
def talk() -> Talk:
    return with_alice(in_band=True)


def test_an_unknown_peer_walks_to_the_list_and_registers_itself(talk: Talk) -> None:
    assert talk.get("/edev?l=9", CAROL).get("all") == "0"
    assert talk.texts("/dcap", "//s:EndDeviceListLink/@all", CAROL) == ["0"]
    reply = talk.ask("POST", "/edev", end_device(more="<deviceCategory>200000</deviceCategory>"), who=CAROL)
    assert (reply.status, reply.location, reply.body) == (201, "/edev/3", b"")
    fields = "//s:lFDI | //s:sFDI | //s:enabled | //s:deviceCategory | //s:postRate"
    assert talk.texts("/edev?l=9", fields, CAROL) == ["00200000", CAROL, str(sfdi(CAROL)), "true", "60"]
    assert talk.texts("/edev/3/fsa?l=9", "//s:FunctionSetAssignments/@href", CAROL) == ["/edev/3/fsa/1"]


def test_without_an_lfdi_the_sfdi_of_the_certificate_suffices(talk: Talk) -> None:
    body = end_device(lfdi=None).replace("urn:ieee:std:2030.5:ns", "http://ieee.org/2030.5")
    assert talk.ask("POST", "/edev", body, who=CAROL).status == 201
    assert talk.texts("/edev/3", "//s:lFDI", CAROL) == [CAROL]


def test_registering_again_is_409_and_says_where(talk: Talk) -> None:
    talk.ask("POST", "/edev", end_device(), who=CAROL)
    reply = talk.ask("POST", "/edev", end_device(), who=CAROL)
    assert (reply.status, reply.location, reply.body) == (409, "/edev/3", b"")


@pytest.mark.parametrize(
    "body",
    [
        end_device(lfdi=ALICE),
        end_device(lfdi=BOB),
        end_device(short=1),
        end_device(lfdi=None, short=sfdi(ALICE)),
    ],
)
def test_registering_as_another_is_403(talk: Talk, body: str) -> None:
    assert talk.ask("POST", "/edev", body, who=CAROL).status == 403
    assert len(talk.done("GET", "/devices")) == 2


def test_a_registered_peer_cannot_register_another(talk: Talk) -> None:
    assert talk.ask("POST", "/edev", end_device(), who=ALICE).status == 403


@pytest.mark.parametrize(
    "body",
    [
        f"<EndDevice {SEP}><lFDI>{CAROL}</lFDI><sFDI>{sfdi(CAROL)}</sFDI></EndDevice>",  # no changedTime
        f"<EndDevice {SEP}><lFDI>{CAROL}</lFDI><changedTime>1</changedTime></EndDevice>",  # no sFDI
        end_device(short=10**12),
        f"<EndDeviceList {SEP} all='0' results='0'/>",
        "",
    ],
)
def test_a_registration_with_a_field_missing_or_wrong_is_400_with_an_error(talk: Talk, body: str) -> None:
    reply = talk.ask("POST", "/edev", body, who=CAROL)
    assert reply.status == 400
    assert b"<reasonCode>0</reasonCode>" in reply.body


def test_where_registration_is_off_an_unknown_peer_is_403() -> None:
    talk = with_alice(in_band=False)
    assert talk.ask("POST", "/edev", end_device(), who=CAROL).status == 403
    assert talk.ask("GET", "/dcap", who=CAROL).status == 403


def test_an_unregistered_peer_has_no_programs_mirrors_or_responses(talk: Talk) -> None:
    assert talk.ask("GET", "/derp/1", who=CAROL).status == 403
    assert talk.ask("GET", "/edev/1", who=CAROL).status == 403
    assert talk.get("/mup?l=9", CAROL).get("all") == "0"
    assert talk.get("/rsps/1/rsp?l=9", CAROL).get("all") == "0"
    assert talk.texts("/dcap", "//s:ResponseSetListLink", CAROL) == []


def test_the_pin_is_shown_to_its_device_and_hidden_with_its_link(talk: Talk) -> None:
    assert talk.texts("/edev/1", "//s:RegistrationLink/@href") == ["/edev/1/rg"]
    assert talk.texts("/edev/1/rg", "//s:pIN | //s:dateTimeRegistered") == [str(NOON), "111115"]
    talk.done("PATCH", "/devices/1", {"pin": 123456})
    assert talk.texts("/edev/1/rg", "//s:pIN") == ["123456"]
    talk.done("PATCH", "/devices/1", {"pin": None})
    assert talk.texts("/edev/1", "//s:RegistrationLink/@href") == []
    assert talk.ask("GET", "/edev/1/rg").status == 404


def test_a_deleted_device_is_unknown_from_then_on(talk: Talk) -> None:
    talk.done("PATCH", "/settings", {"in_band": False})
    talk.done("DELETE", "/devices/1")
    assert talk.ask("GET", "/dcap").status == 403
    # Its number is not given to the next, whose hrefs would be the old ones.
    assert talk.done("POST", "/devices", {"lfdi": CAROL})["number"] == 3


def connection_point(name: str, namespace: str = AUS, element: str = "connectionPointId") -> str:
    return (
        f"<csipaus:ConnectionPoint {namespace}><csipaus:{element}>{name}</csipaus:{element}></csipaus:ConnectionPoint>"
    )


def test_a_connection_point_is_put_once_and_kept(talk: Talk) -> None:
    assert talk.ask("GET", "/edev/1/cp").status == 404
    assert talk.ask("PUT", "/edev/1/cp", connection_point("4102335210")).status == 201
    assert talk.ask("PUT", "/edev/1/cp", connection_point("4102335210")).status == 204
    assert talk.ask("PUT", "/edev/1/cp", connection_point("4102335211")).status == 409
    assert talk.texts("/edev/1/cp", "//c:connectionPointId") == ["4102335210"]
    assert talk.done("GET", "/devices/1")["nmi"] == "4102335210"


def test_a_connection_point_of_edition_1_1_is_taken(talk: Talk) -> None:
    body = connection_point("41", 'xmlns:csipaus="http://csipaus.org/ns"', "id")
    assert talk.ask("PUT", "/edev/1/cp", body).status == 201


@pytest.mark.parametrize("name", ["", "   ", "4" * 33])
def test_a_connection_point_without_a_good_name_is_400(talk: Talk, name: str) -> None:
    assert talk.ask("PUT", "/edev/1/cp", connection_point(name)).status == 400


def test_the_operator_may_know_the_connection_point_beforehand(talk: Talk) -> None:
    talk.done("PATCH", "/devices/1", {"nmi": "4102"})
    assert talk.ask("PUT", "/edev/1/cp", connection_point("4103")).status == 409


def test_who_registers_in_band_gets_the_pin_agreed_for_all() -> None:
    talk = with_alice(in_band=True, in_band_pin=111115)
    talk.ask("POST", "/edev", end_device(), who=CAROL)
    assert talk.texts("/edev/3", "//s:RegistrationLink/@href", CAROL) == ["/edev/3/rg"]
    assert talk.texts("/edev/3/rg", "//s:pIN", CAROL) == ["111115"]


def test_a_server_that_is_not_lenient_wants_the_lfdi_and_the_namespace_of_the_standard() -> None:
    talk = with_alice(in_band=True, lenient=False)
    draft = end_device().replace("urn:ieee:std:2030.5:ns", "http://ieee.org/2030.5")
    assert [talk.ask("POST", "/edev", body, who=CAROL).status for body in (end_device(lfdi=None), draft)] == [400, 400]
    assert talk.ask("POST", "/edev", end_device(), who=CAROL).status == 201


def test_one_peer_may_be_indulged_and_another_not() -> None:
    talk = with_alice(lenient=False)
    talk.done("PATCH", "/devices/1", {"lenient": True})
    body = "<DERStatus xmlns='http://ieee.org/2030.5'><readingTime>1</readingTime></DERStatus>"
    assert talk.ask("PUT", "/edev/1/der/1/ders", body).status == 204
    assert talk.ask("PUT", "/edev/2/der/1/ders", body, who=BOB).status == 400
