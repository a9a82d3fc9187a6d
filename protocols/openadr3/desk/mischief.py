"""A VTN that misbehaves on request: a layer around the desk, which alone knows of it. Without tricks it is the desk.

as the reference VTN does          forbids (403 for a bad token), endless (a token without expires_in), naive (times without T and
                                   zone), no-notifiers (500), snake (notifications in snake_case), double (JSON in a JSON string)
answers without asking             status (`status`, 500; `by_s`: Retry-After), cut, redirect, html
says yes and forgets               forget
takes its time                     delay (`by_s`)
tells another time                 clock (`by_s`, in the Date header)
tokens                             void (given, and never good), body-only, basic-only (of the token request)
sends something else               nothing, truncated, deep, large, huge (a number), nan, object (where a list is due)
spoils one item of a list          alien (of another kind), year (10000), unknown (properties and types nobody knows)
lies about a list                  empty, repeated (for ever the first page), shifting (an item goes while it is paged)
"""

import json as text
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any, Protocol

from protocols.openadr3.desk.exchange import Answer, Notice, Reply, Request
from protocols.openadr3.desk.shelf import Shelf

SWOLLEN_BYTES = 10_000_000
NESTED = 100_000


@dataclass(slots=True)
class Trick:
    """``path``: whom it is for, as a pattern; ``times``: how often it strikes, None = always; ``met``: how often it did."""

    does: str
    path: str = "*"
    method: str = ""
    status: int = 500
    by_s: float = 0.0
    times: int | None = None
    met: int = 0


class Answers(Protocol):
    """What a desk does."""

    def answer(self, request: Request, now_s: float, store: Shelf) -> Answer:
        """See Desk."""


@dataclass(frozen=True, slots=True)
class Mischief:
    """Wears what a desk does. ``tricks`` may change at any time; a server that is started anew is honest."""

    desk: Answers
    tricks: list[Trick] = field(default_factory=list)

    def answer(self, request: Request, now_s: float, store: Shelf) -> Answer:
        """As the desk's, unless tricks strike."""
        striking = [one for one in self.tricks if _concerns(one, request)]
        for one in striking:
            one.met += 1
        names = frozenset(one.does for one in striking)
        instead = next((reply for one in striking if (reply := _instead(one)) is not None), None)
        if instead is not None:
            return Answer(_delayed(instead, striking))
        refused = _token_refusal(request, names)
        if refused is not None:
            return Answer(refused)
        answer = self.desk.answer(_bent(request, names), now_s, store)
        if "forget" in names and request.method != "GET":
            answer = replace(answer, changes=(), notices=())
        answer = replace(answer, notices=tuple(_twisted(one, self._standing()) for one in answer.notices))
        reply = answer.reply
        if reply.status == 401 and "forbids" in self._standing() and "authorization" in request.headers:
            reply = replace(reply, status=403)
        if reply.status == 200:
            for one in striking:
                spoil = SPOILERS.get(one.does)
                reply = spoil(reply) if spoil is not None else reply
        return replace(answer, reply=_dated(_delayed(reply, striking), striking, now_s))

    def _standing(self) -> frozenset[str]:
        return frozenset(one.does for one in self.tricks)


def _concerns(trick: Trick, request: Request) -> bool:
    if trick.times is not None and trick.met >= trick.times:
        return False
    return trick.method in ("", request.method) and fnmatchcase(request.path, trick.path)


def _instead(trick: Trick) -> Reply | None:
    match trick.does:
        case "status":
            patience = {"Retry-After": f"{trick.by_s:.0f}"} if trick.by_s else {}
            return Reply(status=trick.status, json={"title": "as told to", "status": trick.status}, headers=patience)
        case "cut":
            return Reply(status=500, cut=True)
        case "redirect":
            return Reply(status=302, headers={"Location": "https://elsewhere.example/"})
        case "no-notifiers":
            return Reply(status=500, json={"title": "Internal Server Error"})
        case "html":
            page = b"<!DOCTYPE html><html><body><h1>Bad Gateway</h1></body></html>"
            return Reply(status=200, body=page, content_type="text/html")
        case _:
            return None


def _token_refusal(request: Request, names: Collection[str]) -> Reply | None:
    """The token endpoint's own taste, and tokens that open nothing."""
    if request.path == "/auth/token":
        basic = request.headers.get("authorization", "").lower().startswith("basic ")
        if ("body-only" in names and basic) or ("basic-only" in names and not basic):
            return Reply(status=400, json={"error": "invalid_request"})
    elif "void" in names:
        return Reply(status=401, json={"title": "Unauthorized", "status": 401})
    return None


def _bent(request: Request, names: Collection[str]) -> Request:
    if "repeated" in names:
        return replace(request, query=tuple(pair for pair in request.query if pair[0] != "skip"))
    return request


def _delayed(reply: Reply, tricks: Collection[Trick]) -> Reply:
    return replace(reply, wait_s=sum(one.by_s for one in tricks if one.does == "delay"))


def _dated(reply: Reply, tricks: Collection[Trick], now_s: float) -> Reply:
    by_s = sum(one.by_s for one in tricks if one.does == "clock")
    return replace(reply, headers={**reply.headers, "X-Date-S": str(now_s + by_s)}) if by_s else reply


def _twisted(notice: Notice, names: Collection[str]) -> Notice:
    body = snake(notice.body) if "snake" in names else notice.body
    if "double" in names and notice.url:  # the broker's are encoded once
        body = text.dumps(body)
    return replace(notice, body=body)


def snake(json: Any) -> Any:
    """Names of properties in snake_case, as the reference VTN's language writes them."""
    if isinstance(json, dict):
        return {_snaked(name): snake(value) for name, value in json.items()}
    return [snake(one) for one in json] if isinstance(json, list) else json


def _snaked(name: str) -> str:
    whole = name.replace("ID", "_id").replace("URL", "_url")
    return (
        "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in whole).lstrip("_").replace("__", "_")
    )


Spoiler = Callable[[Reply], Reply]


def _raw(body: bytes) -> Spoiler:
    return lambda reply: replace(reply, body=body)


def _endless(reply: Reply) -> Reply:
    if not isinstance(reply.json, dict) or "access_token" not in reply.json:
        return reply
    return replace(reply, json={name: value for name, value in reply.json.items() if name != "expires_in"})


def _naive(reply: Reply) -> Reply:
    """Every date-time with a space for the T, and no zone."""

    def bare(json: Any) -> Any:
        if isinstance(json, dict):
            return {name: bare(value) for name, value in json.items()}
        if isinstance(json, list):
            return [bare(one) for one in json]
        if isinstance(json, str) and json.endswith("Z") and json[4:5] == "-" and json[10:11] == "T":
            return json[:-1].replace("T", " ")
        return json

    return replace(reply, json=bare(reply.json))


def _of_list(change: Callable[[list[Any]], list[Any]]) -> Spoiler:
    def spoil(reply: Reply) -> Reply:
        return replace(reply, json=change(list(reply.json))) if isinstance(reply.json, list) else reply

    return spoil


def _unknown(items: list[Any]) -> list[Any]:
    def more(one: Any) -> Any:
        return {
            **one,
            "x-colour": {"of": ["money"]},
            "payloadDescriptors": [*(one.get("payloadDescriptors") or ()), _ALIEN],
        }

    return [more(one) if isinstance(one, dict) else one for one in items]


_ALIEN = {"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": "X_PRIVATE", "units": "FURLONGS"}


def _far(items: list[Any]) -> list[Any]:
    return [{**one, "intervalPeriod": {"start": "10000-01-01T00:00:00Z"}} for one in items[:1]] + items[1:]


SPOILERS: Mapping[str, Spoiler] = MappingProxyType(
    {
        "endless": _endless,
        "naive": _naive,
        "nothing": _raw(b""),
        "truncated": lambda reply: replace(reply, body=text.dumps(reply.json).encode()[:-3] or b"["),
        "deep": _raw(b"[" * NESTED + b"]" * NESTED),
        "large": _raw(b"[" + b" " * SWOLLEN_BYTES + b"]"),
        "huge": _raw(b'[{"id":"e","programID":"p","priority":' + b"9" * 5000 + b"}]"),
        "nan": _raw(b'[{"id":"e","programID":"p","priority":NaN}]'),
        "object": lambda reply: replace(reply, json={"items": reply.json}),
        "alien": _of_list(lambda items: [17, *items]),
        "year": _of_list(_far),
        "unknown": _of_list(_unknown),
        "empty": _of_list(lambda _: []),
        "shifting": _of_list(lambda items: items[1:]),
    }
)
"""By the name an operator gives it."""
