"""The receiver of notifications, and a VEN that is hinted by one."""

import asyncio
import gzip
import io
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from adapters.doorway import Doorway
from gateway.sessions.ven import CALLERS, callers
from grid_functions.model.errors import Unreachable
from protocols.openadr3 import webhook
from protocols.openadr3.desk.mischief import Trick, snake
from protocols.openadr3.session.terms import Webhook
from protocols.openadr3.wire.objects import Notification
from tests.ports import kept_port
from tests.protocols.openadr3.lab import IN_TIME_S, served
from tests.protocols.openadr3.rig import TERMS, event

HOOK = Webhook(callback_url="https://depot.example/adr/hook", token="h00k")  # noqa: S106 - of these tests alone
BODY = {"objectType": "EVENT", "operation": "CREATE", "object": {"id": "e", "programID": "p"}}
BEARER = {"Authorization": "Bearer h00k"}


class Receiver:
    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url, self.session = url, session
        self.heard: list[Notification] = []

    async def ask(self, method: str, path: str = "/adr/hook", **more: Any) -> tuple[int, str]:
        async with self.session.request(method, self.url + path, **more) as response:
            return response.status, await response.text()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with aiohttp.ClientSession() as session:
        found = Receiver("", session)
        async with webhook.listening(HOOK, found.heard.append, Doorway()) as port:
            found.url = f"http://127.0.0.1:{port}"
            yield found


@pytest.mark.parametrize("path", ["/adr/hook", "/adr/hook/", "/adr/hook/echo"])
async def test_the_echo_challenge_is_answered(receiver: Receiver, path: str) -> None:
    """The reference VTN asks at the callback's address + "/echo"."""
    assert await receiver.ask("GET", f"{path}?echo=r4nd0m%20word") == (200, "r4nd0m word")


@pytest.mark.parametrize("query", ["", "?other=1", "?echo=" + "x" * 2000])
async def test_a_challenge_that_is_none_is_refused(receiver: Receiver, query: str) -> None:
    status, _ = await receiver.ask("GET", f"/adr/hook{query}")
    assert status == 400


@pytest.mark.parametrize(
    "body",
    [json.dumps(BODY), json.dumps(snake(BODY)), json.dumps(json.dumps(snake(BODY)))],
    ids=["plain", "snake", "double"],
)
async def test_a_notification_is_a_hint(receiver: Receiver, body: str) -> None:
    assert (await receiver.ask("POST", data=body, headers=BEARER))[0] == 200
    assert receiver.heard == [Notification("EVENT", "CREATE", "e", "p")]


async def test_a_compressed_notification_is_not_unpacked(receiver: Receiver) -> None:
    """RFC 9110, 8.4: who cannot read a coding need not. Unpacked, two megabytes of a stranger's held up the loop for two seconds."""
    packed = gzip.compress(json.dumps(BODY).encode())
    assert (await receiver.ask("POST", data=packed, headers={**BEARER, "Content-Encoding": "gzip"}))[0] == 400
    assert receiver.heard == []


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic h00k"}, {"Authorization": "h00k"}]
)
async def test_a_stranger_hints_at_nothing(receiver: Receiver, headers: dict[str, str]) -> None:
    assert (await receiver.ask("POST", json=BODY, headers=headers))[0] == 401
    assert receiver.heard == []


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"<xml/>", 400), (b"[" * 100_000, 400), (b'{"a":NaN}', 400), (b" " * 2_000_000, 413)],
)
async def test_nonsense_is_refused_and_the_next_one_taken(receiver: Receiver, body: bytes, status: int) -> None:
    assert (await receiver.ask("POST", data=io.BytesIO(body), headers=BEARER))[0] == status
    assert (await receiver.ask("POST", json=BODY, headers=BEARER))[0] == 200
    assert len(receiver.heard) == 1


@pytest.mark.parametrize(
    ("method", "path", "status"), [("PUT", "/adr/hook", 405), ("POST", "/adr", 404), ("GET", "/", 404)]
)
async def test_nothing_else_is_there(receiver: Receiver, method: str, path: str, status: int) -> None:
    assert (await receiver.ask(method, path, json=BODY, headers=BEARER))[0] == status
    assert receiver.heard == []


async def test_without_a_configured_token_none_is_asked_for() -> None:
    heard: list[Notification] = []
    async with (
        webhook.listening(replace(HOOK, token=""), heard.append, Doorway()) as port,
        aiohttp.ClientSession() as session,
        session.post(f"http://127.0.0.1:{port}/adr/hook", json=BODY) as response,
    ):
        assert response.status == 200
    assert len(heard) == 1


async def test_a_port_that_is_taken_is_said() -> None:
    async with webhook.listening(HOOK, lambda _: None, Doorway()) as port:
        with pytest.raises(Unreachable, match="choose another port"):
            async with webhook.listening(replace(HOOK, port=port), lambda _: None, Doorway()):
                pass


@contextmanager
def hooked() -> Iterator[Webhook]:
    port = kept_port()
    yield Webhook(callback_url=f"http://127.0.0.1:{port}/hook", token="h00k", port=port)  # noqa: S106 - of these tests alone


@pytest.mark.parametrize("tricks", [(), ("snake",), ("snake", "double")], ids=["plain", "snake", "double"])
async def test_an_event_is_read_because_of_a_notification(tricks: tuple[str, ...]) -> None:
    """Polled each ten minutes, so that only the notification can have told."""
    with hooked() as hook:
        async with served(replace(TERMS, floor_s=600.0, ceiling_s=600.0, webhook=hook)) as one:
            one.vtn.tricks.extend(map(Trick, tricks))
            await one.complete()
            await one.until(lambda: one.vtn.store.all("SUBSCRIPTION"))
            program = (await one.vtn.write("POST", "/programs", {"programName": "p"}))["id"]
            made = await one.vtn.write("POST", "/events", event(program))
            await one.until(lambda: any(read.events for read in one.reads))
            assert one.reads[-1].events[0].key.id == made["id"]
            await one.vtn.write("DELETE", f"/events/{made['id']}")
            await one.until(lambda: not one.reads[-1].events)
            assert {status for _, status in one.vtn.sent} == {200}


HALVES = {
    "silent": b"",
    "half a head": b"POST /adr/hook HTTP/1.1\r\nHost: depot.example\r\nX: a",
    "half a body": b"POST /adr/hook HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer h00k\r\nContent-Length: 9\r\n\r\n{",
}


@pytest.mark.parametrize("sent", HALVES.values(), ids=HALVES.keys())
async def test_who_does_not_come_to_the_point_is_let_go(sent: bytes) -> None:
    """Each connection is a file descriptor, and anybody may call: nobody holds one by saying little."""
    async with webhook.listening(HOOK, lambda _: None, Doorway(), patience_s=0.05) as port, asyncio.timeout(IN_TIME_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        said = await reader.read()
        assert said.startswith(b"HTTP/1.1 408") if sent.endswith(b"{") else said == b""
        writer.close()


async def test_a_crowd_of_strangers_keeps_no_vtn_out() -> None:
    """Twice as many silent connections of another address as there is room for: who comes after them is answered."""
    async with webhook.listening(HOOK, lambda _: None, callers(20.0)) as port, asyncio.timeout(IN_TIME_S):
        crowd = [
            await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.2", 0)) for _ in range(2 * CALLERS)
        ]
        with suppress(ConnectionResetError):
            assert await crowd[0][0].read() == b"", "the oldest of the crowd went"
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /adr/hook?echo=still HTTP/1.1\r\nHost: depot.example\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).endswith(b"still")
        for _, one in [*crowd, (reader, writer)]:
            one.close()
