"""One HTTP exchange at the VTN as values, and what must be told elsewhere because of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from protocols.openadr3.desk.shelf import Change

Json = Any


@dataclass(frozen=True, slots=True)
class Request:
    """What came: ``path`` below the base address, ``query`` in order, header names in lower case."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    body: bytes = b""

    def one(self, name: str) -> str | None:
        """The first value of a query parameter."""
        return next((value for key, value in self.query if key == name), None)

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a query parameter."""
        return tuple(value for key, value in self.query if key == name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What goes back, after ``wait_s``. ``body`` instead of ``json`` where it is none; ``cut`` = the connection goes without a word."""

    status: int
    json: Json = None
    body: bytes | None = None
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    wait_s: float = 0.0
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification that goes out: to a webhook (``url``, ``token``) or a broker's ``topic``."""

    body: Json
    url: str = ""
    token: str = ""
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply, the changes that hold before it is sent, and the notifications that follow it."""

    reply: Reply
    changes: tuple[Change, ...] = ()
    notices: tuple[Notice, ...] = ()


class Refusal(Exception):
    """The request is refused with a status and a problem (RFC 7807)."""

    def __init__(self, status: int, title: str, detail: str = "") -> None:
        super().__init__(f"{status} {title}: {detail}")
        self.status, self.title, self.detail = status, title, detail

    def reply(self) -> Reply:
        """As it is sent."""
        problem = {"type": "about:blank", "title": self.title, "status": self.status, "detail": self.detail}
        headers = {"WWW-Authenticate": "Bearer"} if self.status == 401 else {}
        return Reply(status=self.status, json=problem, content_type="application/problem+json", headers=headers)
