"""The VTN's desk: what each edition takes, who may do what, who hears of it, and how it misbehaves."""

import base64
import json
from typing import Any

import pytest

from protocols.openadr3.desk.exchange import Answer, Request
from protocols.openadr3.desk.mischief import SPOILERS, Mischief, Trick
from protocols.openadr3.desk.shelf import Shelf
from protocols.openadr3.desk.tokens import Access, Client
from protocols.openadr3.desk.tree import Desk
from protocols.openadr3.wire.edition import Edition

NOW_S = 1_795_953_600.0
CLIENTS = {
    "ven-7": Client("ven-7", "s3cret"),
    "ven-8": Client("ven-8", "other"),
    "bl": Client("bl", "logic", is_logic=True),
}
MQTT = {"URIS": ["mqtt://b"], "serialization": "JSON", "authentication": {"method": "ANONYMOUS"}}


class Office:
    """A desk with its store, and whoever comes to it."""

    def __init__(self, edition: Edition = Edition.V3_1, broker: dict[str, Any] | None = None) -> None:
        self.desk = Mischief(Desk(edition, Access(CLIENTS, 600), broker, "https://vtn.example/adr"))
        self.store = Shelf()
        self.now_s = NOW_S
        self.tokens: dict[str, str] = {}

    def ask(self, who: str, method: str, path: str, body: Any = None, query: dict[str, str] | None = None) -> Answer:
        if who and who not in self.tokens:
            form = f"grant_type=client_credentials&client_id={who}&client_secret={CLIENTS[who].secret}".encode()
            self.tokens[who] = self._take(Request("POST", "/auth/token", body=form)).reply.json["access_token"]
        headers = {"authorization": f"Bearer {self.tokens[who]}"} if who else {}
        sent = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._take(Request(method, path, tuple((query or {}).items()), headers, sent))

    def _take(self, request: Request) -> Answer:
        answer = self.desk.answer(request, self.now_s, self.store)
        self.store.apply(answer.changes)
        return answer

    def made(self, who: str, path: str, body: Any) -> Any:
        answer = self.ask(who, "POST", path, body)
        assert answer.reply.status == 201, answer.reply.json
        return answer.reply.json


def token_request(office: Office, form: str, basic: str = "") -> tuple[int, Any]:
    headers = {"authorization": "Basic " + base64.b64encode(basic.encode()).decode()} if basic else {}
    reply = office._take(Request("POST", "/auth/token", headers=headers, body=form.encode())).reply
    return reply.status, reply.json


def test_tokens_by_body_and_by_basic() -> None:
    office = Office()
    status, given = token_request(office, "grant_type=client_credentials&client_id=bl&client_secret=logic")
    assert (status, given["token_type"], given["expires_in"]) == (200, "Bearer", 600)
    assert token_request(office, "grant_type=client_credentials", "bl:logic")[0] == 200
    assert token_request(office, "grant_type=client_credentials", "bl:wrong") == (401, {"error": "invalid_client"})
    assert token_request(office, "grant_type=client_credentials") == (400, {"error": "invalid_request"})
    assert token_request(office, "grant_type=password") == (400, {"error": "unsupported_grant_type"})
    assert token_request(office, "grant_type=client_credentials&client_id=nobody&client_secret=x")[0] == 401


def test_no_token_or_an_old_one_opens_nothing() -> None:
    office = Office()
    assert office.ask("", "GET", "/programs").reply.status == 401
    assert office.ask("bl", "GET", "/programs").reply.status == 200
    office.now_s += 601.0
    assert office.ask("bl", "GET", "/programs").reply.status == 401


def test_objects_get_what_the_server_gives() -> None:
    office = Office()
    made = office.made("bl", "/programs", {"programName": "p", "id": "mine", "createdDateTime": "x"})
    assert made["id"] != "mine"
    assert (made["objectType"], made["createdDateTime"]) == ("PROGRAM", "2026-11-29T12:00:00Z")
    assert made["modificationDateTime"] == made["createdDateTime"]
    office.now_s += 60.0
    changed = office.ask("bl", "PUT", f"/programs/{made['id']}", {"programName": "q"}).reply.json
    assert changed["modificationDateTime"] == "2026-11-29T12:01:00Z"
    assert changed["createdDateTime"] == made["createdDateTime"]
    assert office.ask("bl", "DELETE", f"/programs/{made['id']}").reply.status == 200
    assert office.ask("bl", "GET", f"/programs/{made['id']}").reply.status == 404


@pytest.mark.parametrize(
    ("edition", "path", "body"),
    [
        (Edition.V3_1, "/programs", {}),
        (Edition.V3_1, "/events", {"intervals": []}),
        (Edition.V3_0_1, "/events", {"programID": "program-1"}),
        (Edition.V3_1, "/vens", {"venName": "v"}),
        (Edition.V3_1, "/programs", {"programName": "p", "targets": [{"type": "GROUP", "values": ["a"]}]}),
        (Edition.V3_0_1, "/programs", {"programName": "p", "targets": ["a"]}),
        (Edition.V3_1, "/events", {"programID": "program-1", "priority": -1}),
        (Edition.V3_1, "/programs", b"{"),
        (Edition.V3_1, "/programs", []),
        (Edition.V3_1, "/subscriptions", {"clientName": "c", "objectOperations": [{"objects": ["EVENT"]}]}),
        (
            Edition.V3_1,
            "/subscriptions",
            {
                "clientName": "c",
                "objectOperations": [{"objects": ["EVENT"], "operations": ["POST"], "callbackUrl": "https://x"}],
            },
        ),
    ],
)
def test_what_breaks_the_schema_is_refused(edition: Edition, path: str, body: Any) -> None:
    answer = Office(edition).ask("bl", "POST", path, body)
    assert answer.reply.status == 400
    assert answer.reply.content_type == "application/problem+json"
    assert answer.changes == ()


def test_a_ven_writes_no_programs_and_business_logic_no_reports() -> None:
    office = Office()
    assert office.ask("ven-7", "POST", "/programs", {"programName": "p"}).reply.status == 403
    program = office.made("bl", "/programs", {"programName": "p"})["id"]
    event = office.made("bl", "/events", {"programID": program})["id"]
    report = {"eventID": event, "clientName": "c", "resources": []}
    assert office.ask("bl", "POST", "/reports", report).reply.status == 403
    assert office.ask("ven-7", "POST", "/reports", report).reply.status == 201
    assert office.ask("ven-7", "POST", "/reports", report | {"eventID": "gone"}).reply.status == 404


def test_names_are_unique() -> None:
    office = Office()
    ven = {"objectType": "VEN_VEN_REQUEST", "venName": "v"}
    office.made("ven-7", "/vens", ven)
    assert office.ask("ven-8", "POST", "/vens", ven).reply.status == 409


def test_a_ven_sees_its_own_objects_only() -> None:
    office = Office()
    mine = office.made("ven-7", "/vens", {"objectType": "VEN_VEN_REQUEST", "venName": "v"})
    assert office.ask("ven-8", "GET", "/vens").reply.json == []
    assert office.ask("ven-8", "GET", f"/vens/{mine['id']}").reply.status == 403
    assert [one["venName"] for one in office.ask("bl", "GET", "/vens").reply.json] == ["v"]


def test_a_ven_grants_itself_nothing() -> None:
    body = {"objectType": "VEN_VEN_REQUEST", "venName": "v", "targets": ["everything"]}
    assert Office().ask("ven-7", "POST", "/vens", body).reply.status == 400


def test_pages() -> None:
    office = Office()
    for number in range(60):
        office.made("bl", "/programs", {"programName": f"p{number}"})
    names = [one["programName"] for one in office.ask("bl", "GET", "/programs").reply.json]
    assert names == [f"p{number}" for number in range(50)]
    page = office.ask("bl", "GET", "/programs", query={"skip": "49", "limit": "5"}).reply.json
    assert [one["programName"] for one in page] == ["p49", "p50", "p51", "p52", "p53"]
    assert office.ask("bl", "GET", "/programs", query={"limit": "-1"}).reply.status == 400


@pytest.mark.parametrize(
    ("edition", "method", "path", "status"),
    [
        (Edition.V3_1, "GET", "/nowhere", 404),
        (Edition.V3_1, "PATCH", "/programs", 405),
        (Edition.V3_0_1, "GET", "/auth/server", 404),
        (Edition.V3_0_1, "GET", "/notifiers", 404),
        (Edition.V3_0_1, "GET", "/resources", 404),
        (Edition.V3_1, "GET", "/vens/v/resources", 404),
    ],
)
def test_what_is_not_there(edition: Edition, method: str, path: str, status: int) -> None:
    assert Office(edition).ask("bl", method, path).reply.status == status


def test_webhooks_hear_what_they_asked_for() -> None:
    office = Office()
    program = office.made("bl", "/programs", {"programName": "p"})["id"]
    other = office.made("bl", "/programs", {"programName": "q"})["id"]
    wish = {"objects": ["EVENT"], "operations": ["CREATE", "DELETE"], "callbackUrl": "https://me", "bearerToken": "t"}
    office.made("ven-7", "/subscriptions", {"clientName": "c", "programID": program, "objectOperations": [wish]})
    (notice,) = office.ask("bl", "POST", "/events", {"programID": program}).notices
    assert (notice.url, notice.token, notice.body["operation"], notice.body["objectType"]) == (
        "https://me",
        "t",
        "CREATE",
        "EVENT",
    )
    assert office.ask("bl", "POST", "/events", {"programID": other}).notices == ()
    event = notice.body["object"]["id"]
    assert office.ask("bl", "PUT", f"/events/{event}", {"programID": program}).notices == ()
    (gone,) = office.ask("bl", "DELETE", f"/events/{event}").notices
    assert gone.body["operation"] == "DELETE"


def test_the_broker_is_told_by_topic() -> None:
    office = Office(broker=MQTT)
    program = office.made("bl", "/programs", {"programName": "p"})["id"]
    topics = {one.topic for one in office.ask("bl", "POST", "/events", {"programID": program}).notices}
    assert topics == {"events/create", f"programs/{program}/events/create"}
    shown = office.ask("ven-7", "GET", f"/notifiers/mqtt/topics/programs/{program}/events").reply.json["topics"]
    assert shown["ALL"] == f"programs/{program}/events/+"


@pytest.mark.parametrize("does", sorted(SPOILERS))
def test_every_spoiler_changes_a_list(does: str) -> None:
    office = Office()
    office.made("bl", "/programs", {"programName": "p"})
    honest = office.ask("bl", "GET", "/programs").reply
    office.desk.tricks.append(Trick(does))
    spoilt = office.ask("bl", "GET", "/programs").reply
    assert (spoilt.json, spoilt.body) != (honest.json, honest.body) or does == "endless"


def test_tricks_strike_where_and_as_often_as_told() -> None:
    office = Office()
    office.desk.tricks.append(Trick("status", "/events", status=503, times=2))
    assert [office.ask("bl", "GET", path).reply.status for path in ("/programs", "/events", "/events", "/events")] == [
        200,
        503,
        503,
        200,
    ]


def test_yes_and_forgotten() -> None:
    office = Office()
    office.ask("bl", "GET", "/programs")
    office.desk.tricks.append(Trick("forget"))
    assert office.ask("bl", "POST", "/programs", {"programName": "p"}).reply.status == 201
    assert office.ask("bl", "GET", "/programs").reply.json == []
