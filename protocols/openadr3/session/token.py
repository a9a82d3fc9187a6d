"""The bearer token's life: asked for when there is none, renewed before it expires, dropped when the VTN refuses it.

OAuth 2.0 client credentials (RFC 6749, 4.4). expires_in is optional, so a refusal, 401 or 403, is the only sure sign of its end.
"""

from contextlib import suppress
from dataclasses import replace
from urllib.parse import urlsplit

from grid_functions.model.errors import MalformedMessage
from protocols.exchange import Failed
from protocols.openadr3.session import pace
from protocols.openadr3.session.exchange import Method, Reply, Request
from protocols.openadr3.session.state import ForServer, ForToken, Grant
from protocols.openadr3.session.terms import AuthStyle
from protocols.openadr3.session.turn import Turn
from protocols.openadr3.wire import reader, writer
from protocols.openadr3.wire.edition import Edition

RENEW = 0.8
"""A token is renewed after this share of its life."""

LEAST_S = 10.0
"""Interpretation: who gives a token for less means something else by it, and its refusal says when it is over. New ones were asked for
without a pause.
"""

_REFUSED = frozenset({400, 401, 403})


def ready(turn: Turn) -> bool:
    """Whether requests may leave now; asks for a token if one is needed and due."""
    if held(turn):
        return True
    grant = turn.state.grant
    if grant.asked is None and grant.due_s <= turn.mono_s:
        _ask(turn)
    return False


def held(turn: Turn) -> bool:
    """Whether there is a token, or none is needed."""
    grant = turn.state.grant
    return turn.state.terms.auth is AuthStyle.NONE or (bool(grant.token) and turn.mono_s < grant.until_s)


def next_due(turn: Turn) -> float:
    """When what waits for a token can go on, monotonic: now if there is one, infinity while one is under way."""
    if held(turn):
        return turn.mono_s
    return turn.state.grant.due_s if turn.state.grant.asked is None else float("inf")


def dropped(turn: Turn, bearer: str) -> bool:
    """The VTN refused a request with this token. True if it is worth another try with a new one."""
    grant = turn.state.grant
    if turn.state.terms.auth is AuthStyle.NONE:
        return False
    if bearer and bearer == grant.token:
        turn.change(grant=replace(grant, token="", until_s=float("inf")))
    return True


def answered(turn: Turn, number: int, reply: Reply | Failed) -> None:
    """The token endpoint answered, or not."""
    grant = turn.state.grant
    if grant.asked != number:
        return
    grant = replace(grant, asked=None)
    if isinstance(reply, Reply) and reply.good:
        try:
            token = reader.token(reply.json)
        except MalformedMessage as malformed:
            _failed(turn, grant, f"the token endpoint's answer is none: {malformed}")
            return
        lasts_s = token.expires_s if token.expires_s is not None and token.expires_s >= LEAST_S else float("inf")
        until_s = turn.mono_s + RENEW * lasts_s
        turn.change(grant=replace(grant, token=token.access_token, until_s=until_s, failures=0, due_s=turn.mono_s))
        turn.calm("credentials")
        turn.calm("token")
        return
    if isinstance(reply, Reply) and reply.status in _REFUSED:
        words = str(reader.problem(reply.json)) or "no reason given"
        turn.change(grant=replace(grant, due_s=turn.mono_s + pace.refused(turn.dice)))
        turn.alarm(
            "credentials",
            f"the token endpoint refuses us with {reply.status} ({words}): check client_id and client_secret,"
            f" and whether it wants them by HTTP Basic or in the body (now: {turn.state.terms.auth})",
        )
        return
    why = reply.why if isinstance(reply, Failed) else reply.fault or f"status {reply.status}"
    _failed(turn, grant, f"no token: {why}", 0.0 if isinstance(reply, Failed) else reply.retry_s)


def found(turn: Turn, number: int, reply: Reply | Failed) -> None:
    """GET /auth/server was answered, or not: without a usable answer the token endpoint is the VTN's own."""
    grant = turn.state.grant
    if grant.asked != number:
        return
    if isinstance(reply, Failed) or (reply.status >= 500 and reply.status != 501):
        why = reply.why if isinstance(reply, Failed) else f"status {reply.status}"
        _failed(turn, replace(grant, asked=None), f"the VTN does not say where tokens are: {why}")
        return
    url = _own(turn)
    if reply.good:
        with suppress(MalformedMessage):
            url = _trusted(reader.token_url(reply.json), turn.state.terms.base) or url
    turn.change(grant=replace(grant, asked=None, url=url, due_s=turn.mono_s))


def _ask(turn: Turn) -> None:
    terms, grant = turn.state.terms, turn.state.grant
    if terms.token_url or grant.url or terms.edition is Edition.V3_0_1:
        url = terms.token_url or grant.url or _own(turn)
        basic = terms.auth is AuthStyle.BASIC
        form = writer.credentials("" if basic else terms.client_id, "" if basic else terms.client_secret, terms.scope)
        request = Request(
            0,
            Method.POST,
            url,
            "token",
            form=tuple(form),
            basic=(terms.client_id, terms.client_secret) if basic else None,
        )
        number = turn.dispatch(request, ForToken())
    else:
        number = turn.dispatch(Request(0, Method.GET, f"{terms.base}/auth/server", "auth server"), ForServer())
    turn.change(grant=replace(turn.state.grant, asked=number))


def _failed(turn: Turn, grant: Grant, why: str, wait_s: float = 0.0) -> None:
    failures = grant.failures + 1
    wait = max(wait_s, pace.backoff(failures, turn.dice, most_s=turn.state.terms.ceiling_s))
    turn.change(grant=replace(grant, failures=failures, due_s=turn.mono_s + wait))
    if failures >= 3:
        turn.alarm("token", f"{why}; asking again, and what was read before holds")


def _own(turn: Turn) -> str:
    return f"{turn.state.terms.base}/auth/token"


def _trusted(url: str, base: str) -> str:
    """The endpoint as the VTN names it, relative or absolute; empty where it is none, or our secret would go over the wire in clear."""
    try:
        there, home = urlsplit(url), urlsplit(base)
    except ValueError:
        return ""
    if not there.scheme:
        return f"{base}/{url.lstrip('/')}"
    return url if there.scheme == "https" or (there.scheme == home.scheme == "http") else ""
