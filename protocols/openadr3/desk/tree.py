"""The VTN's mind: what stands behind each address of OpenADR 3, for one edition. Pure: (request, now, store) -> answer.

A small VTN for tests, demonstration and lab: it keeps nothing over a restart. Its clients are configured; business logic may write
programs and events and grant targets, a VEN its own ven, resources, reports and subscriptions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from protocols.openadr3.desk import schema
from protocols.openadr3.desk.exchange import Answer, Refusal, Reply, Request
from protocols.openadr3.desk.notifying import notices, topics_of
from protocols.openadr3.desk.shelf import Drop, Put, Record, Shelf
from protocols.openadr3.desk.tokens import Access, Client, token_of, who
from protocols.openadr3.wire import moments
from protocols.openadr3.wire.edition import Edition

MOST_PER_PAGE = 50

_KINDS = {
    "programs": "PROGRAM",
    "events": "EVENT",
    "vens": "VEN",
    "resources": "RESOURCE",
    "reports": "REPORT",
    "subscriptions": "SUBSCRIPTION",
}
_OF_LOGIC = frozenset({"PROGRAM", "EVENT"})
_NAMES = {"PROGRAM": "programName", "VEN": "venName", "RESOURCE": "resourceName"}
_FILTERS = ("programID", "eventID", "clientName", "venName", "resourceName", "venID")


@dataclass(frozen=True, slots=True)
class Desk:
    """``access``: who may come, and how; ``broker``: the MQTT binding shown at /notifiers, None = there is none."""

    edition: Edition
    access: Access
    broker: Mapping[str, Any] | None = None
    base: str = field(default="")

    def answer(self, request: Request, now_s: float, store: Shelf) -> Answer:
        """The answer; never raises for what a request is."""
        try:
            return self._answer(request, now_s, store)
        except Refusal as refusal:
            return Answer(refusal.reply())

    def _answer(self, request: Request, now_s: float, store: Shelf) -> Answer:
        parts = tuple(part for part in request.path.split("/") if part)
        match (request.method, *parts):
            case ("POST", "auth", "token"):
                return token_of(self.access, request, now_s, store)
            case ("GET", "auth", "server") if self.edition is Edition.V3_1:
                return _shown({"tokenURL": f"{self.base}/auth/token"})
        client = who(self.access, request, now_s, store)
        if parts and parts[0] == "notifiers" and self.edition is Edition.V3_1:
            return self._notifiers(request, parts)
        kind, owner, name = self._place(parts)
        match (request.method, name):
            case ("GET", None):
                return self._search(kind, owner, request, client, store)
            case ("POST", None):
                return self._create(kind, owner, request, client, now_s, store)
            case ("GET", str()):
                return _shown(self._one(kind, name, client, store).json)
            case ("PUT", str()):
                return self._update(kind, name, request, client, now_s, store)
            case ("DELETE", str()):
                return self._delete(kind, name, client, store)
            case _:
                raise Refusal(405, "Method Not Allowed")

    def _place(self, parts: tuple[str, ...]) -> tuple[str, str, str | None]:
        """Kind, ven (3.0.1's resources stand below theirs) and id."""
        if self.edition is Edition.V3_0_1 and len(parts) in (3, 4) and parts[0] == "vens" and parts[2] == "resources":
            return "RESOURCE", parts[1], parts[3] if len(parts) == 4 else None
        first = parts[0] if parts else ""
        if first not in _KINDS or len(parts) > 2 or (first == "resources" and self.edition is Edition.V3_0_1):
            raise Refusal(404, "Not Found", "/" + "/".join(parts))
        return _KINDS[first], "", parts[1] if len(parts) == 2 else None

    def _search(self, kind: str, owner: str, request: Request, client: Client, store: Shelf) -> Answer:
        skip, limit = _whole(request, "skip", 0), _whole(request, "limit", MOST_PER_PAGE)
        found = [one for one in store.all(kind) if self._is_visible(one, client, request)]
        for name in _FILTERS:
            wanted = request.one(name)
            if wanted is not None:
                found = [one for one in found if one.json.get(name) == wanted]
        if owner:
            found = [one for one in found if one.json.get("venID") == owner]
        kind_of_target, values = request.one("targetType"), set(request.all("targetValues"))
        if kind_of_target is not None:
            found = [one for one in found if _has_target(one, kind_of_target, values)]
        return _shown([dict(one.json) for one in found[skip : skip + min(limit, MOST_PER_PAGE)]])

    def _is_visible(self, record: Record, client: Client, request: Request) -> bool:
        """3.1: a VEN sees its own objects, and of programs and events what has no target or one that it was granted and asks with."""
        if client.is_logic or self.edition is Edition.V3_0_1:
            return (
                record.kind not in ("VEN", "RESOURCE", "REPORT", "SUBSCRIPTION")
                or client.is_logic
                or (record.client == client.id)
            )
        if record.kind not in _OF_LOGIC:
            return record.client == client.id
        wanted = set(record.json.get("targets") or ())
        return not wanted or bool(wanted & set(request.all("targets")))

    def _one(self, kind: str, name: str, client: Client, store: Shelf) -> Record:
        found = store.get(kind, name)
        if found is None:
            raise Refusal(404, "Not Found", f"no {kind} {name}")
        if kind not in _OF_LOGIC and not client.is_logic and found.client != client.id:
            raise Refusal(403, "Forbidden", f"{kind} {name} is another's")
        return found

    def _create(self, kind: str, owner: str, request: Request, client: Client, now_s: float, store: Shelf) -> Answer:
        self._may_write(kind, client)
        given = schema.taken(kind, request.body, self.edition)
        if owner:
            given["venID"] = owner
        self._check_links(kind, given, client, store)
        unique = _NAMES.get(kind)
        if unique is not None and any(
            one.json.get(unique) == given[unique] and one.json.get("venID") == given.get("venID")
            for one in store.all(kind)
        ):
            raise Refusal(409, "Conflict", f"{unique} {given[unique]!r} is taken")
        meant = given.get("clientID") if client.is_logic and kind in ("VEN", "RESOURCE") else None
        whose = str(meant or client.id)
        name = f"{kind.lower()}-{store.serial + 1}"
        record = Record(kind, name, whose, self._stored(kind, name, given, whose, now_s, now_s))
        told = notices(record, "CREATE", store, self.edition, self.broker is not None)
        return Answer(Reply(status=201, json=dict(record.json)), (Put(record),), told)

    def _update(self, kind: str, name: str, request: Request, client: Client, now_s: float, store: Shelf) -> Answer:
        self._may_write(kind, client)
        before = self._one(kind, name, client, store)
        given = schema.taken(kind, request.body, self.edition)
        json = self._stored(kind, name, given, before.client, now_s, now_s)
        json["createdDateTime"] = before.json["createdDateTime"]
        if "venID" in before.json:
            json["venID"] = before.json["venID"]
        record = Record(kind, name, before.client, json)
        told = notices(record, "UPDATE", store, self.edition, self.broker is not None)
        return Answer(Reply(status=200, json=dict(json)), (Put(record),), told)

    def _delete(self, kind: str, name: str, client: Client, store: Shelf) -> Answer:
        self._may_write(kind, client)
        record = self._one(kind, name, client, store)
        told = notices(record, "DELETE", store, self.edition, self.broker is not None)
        return Answer(Reply(status=200, json=dict(record.json)), (Drop(kind, name),), told)

    def _stored(
        self, kind: str, name: str, given: Mapping[str, Any], client: str, created_s: float, modified_s: float
    ) -> dict[str, Any]:
        times = {
            "createdDateTime": moments.moment_text(created_s),
            "modificationDateTime": moments.moment_text(modified_s),
        }
        json = {**given, "id": name, "objectType": kind, **times}
        return json | ({"clientID": client} if kind not in _OF_LOGIC and self.edition is Edition.V3_1 else {})

    def _may_write(self, kind: str, client: Client) -> None:
        if kind in _OF_LOGIC and not client.is_logic:
            raise Refusal(403, "Forbidden", f"only business logic writes a {kind}")
        if kind == "REPORT" and client.is_logic and self.access.clients:
            raise Refusal(403, "Forbidden", "only a VEN reports")

    def _check_links(self, kind: str, given: Mapping[str, Any], client: Client, store: Shelf) -> None:
        for name, of in (("programID", "PROGRAM"), ("eventID", "EVENT"), ("venID", "VEN")):
            wanted = given.get(name)
            if wanted is not None and kind not in (of, "PROGRAM") and store.get(of, str(wanted)) is None:
                raise Refusal(404 if kind != "SUBSCRIPTION" else 400, "Not Found", f"no {of} {wanted}")
        if kind in ("VEN", "RESOURCE") and not client.is_logic and given.get("targets"):
            raise Refusal(400, "Bad Request", "targets are granted by business logic alone")

    def _notifiers(self, request: Request, parts: tuple[str, ...]) -> Answer:
        if request.method != "GET":
            raise Refusal(405, "Method Not Allowed")
        if parts == ("notifiers",):
            return _shown({"WEBHOOK": True} | ({"MQTT": dict(self.broker)} if self.broker is not None else {}))
        if self.broker is None or parts[1:3] != ("mqtt", "topics") or len(parts) < 4:
            raise Refusal(404, "Not Found")
        return _shown({"topics": topics_of("/".join(parts[3:]))})


def _shown(json: Any) -> Answer:
    return Answer(Reply(status=200, json=json if isinstance(json, list) else dict(json)))


def _whole(request: Request, name: str, absent: int) -> int:
    text = request.one(name)
    if text is None:
        return absent
    if not text.isascii() or not text.isdigit():
        raise Refusal(400, "Bad Request", f"{name}: a number from 0 is due")
    return int(text)


def _has_target(record: Record, kind: str, values: set[str]) -> bool:
    return any(
        one.get("type") == kind and values & set(map(str, one.get("values") or ()))
        for one in record.json.get("targets") or ()
        if isinstance(one, dict)
    )
