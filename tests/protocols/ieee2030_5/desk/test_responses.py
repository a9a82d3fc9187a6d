"""Responses: which are taken, which are refused, what the operator then reads. IEEE 2030.5-2018, table 27."""

import pytest

from tests.protocols.ieee2030_5.desk.talk import ALICE, BOB, NOON, SEP, Talk, add_control, with_alice


def response(subject: str, status: int | str | None = 1, lfdi: str = ALICE, kind: str = "DERControlResponse") -> str:
    told = "" if status is None else f"<status>{status}</status>"
    return (
        f"<{kind} {SEP}><createdDateTime>{NOON - 5}</createdDateTime><endDeviceLFDI>{lfdi}</endDeviceLFDI>"
        f"{told}<subject>{subject}</subject></{kind}>"
    )


@pytest.fixture
def talk() -> Talk:
    talk = with_alice()
    add_control(talk)
    return talk


def subject(talk: Talk) -> str:
    return str(talk.done("GET", "/controls/1")["mRID"])


def test_a_response_is_taken_and_the_operator_reads_it_with_both_times(talk: Talk) -> None:
    talk.now_s = NOON + 12.345
    talk.done("PATCH", "/settings", {"clock_offset_s": 1000})
    reply = talk.ask("POST", "/rsps/1/rsp", response(subject(talk)))
    assert (reply.status, reply.location, reply.body) == (201, "/rsps/1/rsp/1", b"")
    assert talk.done("GET", "/responses") == [
        {
            "id": 1,
            "device": 1,
            "subject": subject(talk),
            "lfdi": ALICE,
            "status": 1,
            "t_s": NOON + 12.345,  # the clock handed in, whatever the server tells its peers
            "created_s": NOON - 5,
        }
    ]
    assert talk.texts("/rsps/1/rsp/1", "//s:subject") == [subject(talk)]


@pytest.mark.parametrize("status", [*range(1, 15), 252, 253, 254])
def test_every_status_of_the_table_is_taken(talk: Talk, status: int) -> None:
    assert talk.ask("POST", "/rsps/1/rsp", response(subject(talk), status)).status == 201
    assert talk.done("GET", "/responses")[0]["status"] == status


@pytest.mark.parametrize("status", [0, 15, 240, 251, 255, None])
def test_a_status_outside_the_table_is_400(talk: Talk, status: int | None) -> None:
    reply = talk.ask("POST", "/rsps/1/rsp", response(subject(talk), status))
    assert (reply.status, reply.body) == (400, b"")
    assert talk.done("GET", "/responses") == []


@pytest.mark.parametrize("kind", ["DERControlResponse", "Response"])
def test_the_base_response_is_taken_too_and_lfdi_and_subject_in_either_case(talk: Talk, kind: str) -> None:
    body = response(subject(talk).lower(), 2, ALICE.lower(), kind)
    assert talk.ask("POST", "/rsps/1/rsp", body).status == 201
    (taken,) = talk.done("GET", "/responses")
    assert (taken["lfdi"], taken["subject"]) == (ALICE, subject(talk))


def test_the_draft_namespace_of_field_clients_is_taken(talk: Talk) -> None:
    body = response(subject(talk)).replace("urn:ieee:std:2030.5:ns", "http://ieee.org/2030.5")
    assert talk.ask("POST", "/rsps/1/rsp", body).status == 201


@pytest.mark.parametrize(
    ("lfdi", "status"),
    [(BOB, 403), ("C" * 40, 403), (ALICE[:-2], 403), ("", 400), ("xyz", 400), ("A" * 42, 400)],
)
def test_a_foreign_or_malformed_lfdi_is_refused_with_an_empty_body(talk: Talk, lfdi: str, status: int) -> None:
    reply = talk.ask("POST", "/rsps/1/rsp", response(subject(talk), lfdi=lfdi))
    assert (reply.status, reply.body) == (status, b"")


def test_an_unknown_or_foreign_subject_is_400_with_an_empty_body(talk: Talk) -> None:
    fsa = talk.done("POST", "/fsas", {"devices": [2]})["number"]
    talk.done("POST", "/programs", {"primacy": 1, "fsa": fsa})
    bobs = add_control(talk, program=2)["mRID"]
    for mrid in ("00", "F" * 32, bobs):
        reply = talk.ask("POST", "/rsps/1/rsp", response(mrid))
        assert (reply.status, reply.body) == (400, b"")
    assert talk.ask("POST", "/rsps/1/rsp", response(bobs, lfdi=BOB), who=BOB).status == 201


def test_once_its_group_is_taken_away_a_device_answers_for_it_no_more(talk: Talk) -> None:
    talk.done("PATCH", "/fsas/1", {"devices": [2]})
    assert talk.ask("POST", "/rsps/1/rsp", response(subject(talk))).status == 400


def test_an_aggregator_answers_for_each_of_its_devices(talk: Talk) -> None:
    talk.done("PATCH", "/devices/2", {"managed_by": ALICE})
    for lfdi in (ALICE, BOB):
        assert talk.ask("POST", "/rsps/1/rsp", response(subject(talk), lfdi=lfdi)).status == 201
    assert [one["device"] for one in talk.done("GET", "/responses")] == [1, 2]


def test_a_response_to_an_ended_or_cancelled_event_is_taken(talk: Talk) -> None:
    talk.done("POST", "/controls/1/cancel")
    talk.now_s = NOON + 10_000
    assert talk.ask("POST", "/rsps/1/rsp", response(subject(talk), 6)).status == 201


def test_each_delivery_is_kept_also_a_repeated_one(talk: Talk) -> None:
    for _ in range(2):
        talk.ask("POST", "/rsps/1/rsp", response(subject(talk)))
    assert [one["id"] for one in talk.done("GET", "/responses")] == [1, 2]
    assert [one["id"] for one in talk.done("GET", "/responses?after=1")] == [2]
    assert talk.done("GET", f"/responses?device=2&subject={subject(talk)}") == []


def test_a_device_reads_back_its_own_responses_only_newest_first(talk: Talk) -> None:
    talk.ask("POST", "/rsps/1/rsp", response(subject(talk), 1))
    talk.ask("POST", "/rsps/1/rsp", response(subject(talk), 2))
    assert talk.texts("/rsps/1/rsp?l=5", "//s:status") == ["2", "1"]
    assert talk.texts("/rsps/1/rsp?l=5", "//s:status", who=BOB) == []
    assert talk.ask("GET", "/rsps/1/rsp/1", who=BOB).status == 403
    assert talk.ask("GET", "/rsps/1/rsp/9").status == 404


ENTITY_BOMB = (
    '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>' + response("&c;")
)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 400),
        ("not xml", 400),
        ("<html><body>hello</body></html>", 400),
        (ENTITY_BOMB, 400),
        ("<DERControlResponse>", 400),
        (f"<DERControlResponse {SEP}/>", 400),
        (f"<DERControlResponse {SEP}><endDeviceLFDI>{ALICE}</endDeviceLFDI></DERControlResponse>", 400),
        (f"<Time {SEP}><currentTime>1</currentTime></Time>", 400),
        (response("AA").replace(SEP, 'xmlns="urn:other"'), 400),
        (response("AA", status="2 or 3"), 400),
        ("<a>" * 1_000 + "</a>" * 1_000, 400),
        (response("AA").replace("<status>", "<x>" * 64 + "</x>" * 64 + "<status>"), 400),
        ("<a>" * 100_000, 413),
        (" " * 300_000, 413),
    ],
    ids=lambda value: str(value)[:25],
)
def test_what_is_no_response_is_refused_with_an_empty_body(talk: Talk, body: str, status: int) -> None:
    reply = talk.ask("POST", "/rsps/1/rsp", body)
    assert (reply.status, reply.body) == (status, b"")
    assert talk.done("GET", "/responses") == []


@pytest.mark.parametrize("media", ["application/sep-exi", "application/json", "multipart/form-data; boundary=x"])
def test_a_body_of_another_media_type_is_415(talk: Talk, media: str) -> None:
    assert talk.ask("POST", "/rsps/1/rsp", response(subject(talk)), content_type=media).status == 415


@pytest.mark.parametrize(
    "media", ["application/sep+xml", "application/sep+xml; level=-S1", "Application/SEP+XML ", "text/xml"]
)
def test_sep_xml_is_taken_with_parameters_and_in_any_case(talk: Talk, media: str) -> None:
    assert talk.ask("POST", "/rsps/1/rsp", response(subject(talk)), content_type=media).status == 201


def test_only_the_newest_responses_of_a_device_are_kept(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protocols.ieee2030_5.desk.responses.RECEIPTS_KEPT", 3)
    for status in (1, 2, 4, 5, 3):
        talk.ask("POST", "/rsps/1/rsp", response(subject(talk), status))
    assert [one["status"] for one in talk.done("GET", "/responses")] == [4, 5, 3]
