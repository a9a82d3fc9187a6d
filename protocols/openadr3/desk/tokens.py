"""Who may come to the VTN: OAuth 2.0 client credentials (RFC 6749, 4.4), by HTTP Basic or in the body."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from protocols.openadr3.desk.exchange import Answer, Refusal, Reply, Request
from protocols.openadr3.desk.shelf import Put, Record, Shelf


@dataclass(frozen=True, slots=True)
class Client:
    """Somebody with a name and a secret; business logic, or a VEN."""

    id: str
    secret: str = field(default="", repr=False)
    is_logic: bool = False


@dataclass(frozen=True, slots=True)
class Access:
    """``clients``: by id; none = everybody may do everything, and is asked for no token. ``life_s``: of a token."""

    clients: Mapping[str, Client] = field(default_factory=dict)
    life_s: int = 3600


_ANYBODY = Client("anybody", is_logic=True)


def token_of(access: Access, request: Request, now_s: float, store: Shelf) -> Answer:
    """POST /auth/token."""
    form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
    if form.get("grant_type") != "client_credentials":
        return _no(400, "unsupported_grant_type")
    basic = _basic(request.headers.get("authorization", ""))
    name, secret = basic if basic is not None else (form.get("client_id", ""), form.get("client_secret", ""))
    if not name:
        return _no(400, "invalid_request")
    client = access.clients.get(name)
    if client is None or not hmac.compare_digest(client.secret.encode(), secret.encode()):
        return _no(401, "invalid_client")
    token = f"{name}.{store.serial + 1}.{int(now_s)}"
    kept = Record("TOKEN", token, name, {"until_s": now_s + access.life_s})
    given = {"access_token": token, "token_type": "Bearer", "expires_in": access.life_s, "scope": form.get("scope", "")}
    return Answer(Reply(status=200, json=given), (Put(kept),))


def who(access: Access, request: Request, now_s: float, store: Shelf) -> Client:
    """The client behind a request's token. Refusal 401 without a good one."""
    if not access.clients:
        return _ANYBODY
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    kept = store.get("TOKEN", shown.strip()) if scheme.lower() == "bearer" else None
    if kept is None or now_s >= float(kept.json["until_s"]):
        raise Refusal(401, "Unauthorized", "no token, or one that is not good any more")
    return access.clients[kept.client]


def _basic(header: str) -> tuple[str, str] | None:
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, secret


def _no(status: int, error: str) -> Answer:
    return Answer(Reply(status=status, json={"error": error}))
