"""The awaiting shell against a real HTTP server on loopback: limits, redirects, unchanged bodies, acknowledgements."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from grid_functions.model.claim import Source, SourceKind
from grid_functions.model.errors import OurFault
from grid_functions.model.event import EventKey, Read, Respondent
from grid_functions.model.instants import ClockQuality, Instants, Moment
from grid_functions.model.outcome import Outcome, OutcomeKind
from grid_functions.model.policy import OptOut, Policy, Vanished
from protocols.exchange import Failed
from protocols.ieee2030_5.client import Client2030_5
from protocols.ieee2030_5.exchanger import Exchanger
from protocols.ieee2030_5.session.exchange import Method, Reply, Request
from protocols.ieee2030_5.session.terms import Terms
from protocols.ieee2030_5.wire.namespaces import CSIP_AUS
from protocols.ieee2030_5.wire.resources import DERControlResponse
from protocols.ieee2030_5.wire.writer import encode
from tests.protocols.ieee2030_5.session.rig import LFDI, SFDI, Middle, Server, control, house, mrid

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Wall:
    """The machine's own clocks."""

    def now(self) -> Instants:
        return Instants(time.monotonic(), time.time())


class Kept:
    """A memory that keeps."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[int, bytes]] = {}

    def get(self, key: str) -> tuple[int, bytes] | None:
        return self.rows.get(key)

    async def put(self, key: str, version: int, body: bytes) -> None:
        self.rows[key] = (version, body)


@asynccontextmanager
async def _served(handler: Handler) -> AsyncIterator[str]:
    app = web.Application(client_max_size=10**7)
    app.router.add_route("*", "/{path:.*}", handler)
    server = TestServer(app)
    await server.start_server()
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        await server.close()


async def _get(handler: Handler, path: str = "/tm") -> Reply | Failed:
    async with _served(handler) as url, Exchanger(f"{url}/dcap", None, CSIP_AUS, time.monotonic) as exchanger:
        return await exchanger.exchange(Request(1, Method.GET, url + path, None, "test"))


def _time(server: Server) -> bytes:
    return server.answer(Request(0, Method.GET, "http://x/tm", None, ""))[1]


async def test_unchanged_bytes_come_back_as_the_very_same_object() -> None:
    body = _time(house().server)
    bodies = iter([body, body, body.replace(b"<quality>4", b"<quality>3")])

    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=next(bodies), content_type="application/sep+xml")

    async with _served(handler) as url, Exchanger(f"{url}/dcap", None, CSIP_AUS, time.monotonic) as exchanger:
        asked = Request(1, Method.GET, f"{url}/tm", None, "test")
        first, second, third = [await exchanger.exchange(asked) for _ in range(3)]
    assert isinstance(first, Reply)
    assert isinstance(second, Reply)
    assert isinstance(third, Reply)
    assert first.body is not None
    assert second.body is first.body
    assert third.body != first.body


async def test_headers_say_what_is_spoken() -> None:
    seen: dict[str, str] = {}

    async def handler(request: web.Request) -> web.Response:
        seen.update(request.headers)
        return web.Response(status=204)

    told = DERControlResponse(createdDateTime=1, endDeviceLFDI=LFDI, status=1, subject="0E")
    async with _served(handler) as url, Exchanger(f"{url}/dcap", None, CSIP_AUS, time.monotonic) as exchanger:
        reply = await exchanger.exchange(Request(1, Method.POST, f"{url}/rsp", told, "test"))
    assert isinstance(reply, Reply)
    assert reply.status == 204
    assert seen["Accept"] == "application/sep+xml"
    assert seen["Content-Type"] == "application/sep+xml"
    assert seen["Content-Length"] == str(len(encode(told, dialect=CSIP_AUS)))


@pytest.mark.parametrize(
    "body",
    [b"<html><body>maintenance</body></html>", b"{}", b"<Time xmlns='urn:ieee:std:2030.5:ns'>", b"<!DOCTYPE a><a/>"],
)
async def test_a_body_that_is_no_message_is_a_fault_of_the_reply(body: bytes) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=body)

    reply = await _get(handler)
    assert isinstance(reply, Reply)
    assert reply.body is None
    assert reply.fault


async def test_ten_megabytes_are_not_read() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=b"<a>" + b"x" * 10_000_000)

    reply = await _get(handler)
    assert isinstance(reply, Reply)
    assert reply.body is None
    assert "more than" in reply.fault


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_on_the_same_host_is_followed(status: int) -> None:
    body = _time(house().server)

    async def handler(request: web.Request) -> web.Response:
        if request.path == "/tm":
            return web.Response(status=status, headers={"Location": "/moved/tm"})
        return web.Response(body=body)

    reply = await _get(handler)
    assert isinstance(reply, Reply)
    assert reply.body is not None


@pytest.mark.parametrize("there", ["http://elsewhere.example/tm", "https://127.0.0.1/tm", "ftp://127.0.0.1/tm", "//["])
async def test_a_redirect_to_another_host_or_scheme_is_not(there: str) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": there})

    assert isinstance(await _get(handler), Failed)


async def test_redirects_in_a_circle_end() -> None:
    calls = 0

    async def handler(request: web.Request) -> web.Response:
        nonlocal calls
        calls += 1
        return web.Response(status=302, headers={"Location": "/tm"})

    assert isinstance(await _get(handler), Failed)
    assert calls == 6


async def test_nobody_there_is_a_failure_and_no_exception() -> None:
    async with Exchanger("http://127.0.0.1:9/dcap", None, CSIP_AUS, time.monotonic) as exchanger:
        assert isinstance(await exchanger.exchange(Request(1, Method.GET, "http://127.0.0.1:9/x", None, "")), Failed)


async def test_a_connection_cut_in_the_middle_is_a_failure() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"<Time")
        assert request.transport is not None
        request.transport.close()
        return response

    assert isinstance(await _get(handler), Failed)


async def test_our_own_broken_message_never_leaves() -> None:
    asked: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=201)

    broken = DERControlResponse(createdDateTime=1, endDeviceLFDI="not hex", status=1, subject="0E")
    async with _served(handler) as url, Exchanger(f"{url}/dcap", None, CSIP_AUS, time.monotonic) as exchanger:
        reply = await exchanger.exchange(Request(1, Method.POST, f"{url}/rsp", broken, "test"))
    assert isinstance(reply, Reply)
    assert reply.status == 422
    assert asked == []


def a_policy(name: str, respondent: Respondent) -> Policy:
    source = Source(SourceKind.IEEE2030_5, name, respondent)
    return Policy(name, source, True, Vanished.KEEP, OptOut.NONE)


def _client(url: str, memory: Kept) -> Client2030_5:
    terms = Terms(name="utility", url=f"{url}/dcap", lfdi=LFDI.lower(), sfdi=SFDI, pin=111115)
    return Client2030_5(
        terms,
        policy=a_policy("utility", terms.respondent),
        ssl_context=None,
        memory=memory,
        clock=Wall(),
        dice=Middle(),
    )


def _house() -> tuple[Server, Handler]:
    server = house().server
    server.now = time.time
    server.lists["/derp/7/derc"] = [control(1, start=int(time.time()) + 60)]

    async def handler(request: web.Request) -> web.Response:
        body = await request.read()
        if body:
            server.bodies.append((request.path, body))
            return web.Response(status=201)
        status, answer = server.answer(Request(0, Method.GET, str(request.url), None, ""))
        return web.Response(status=status, body=answer)

    return server, handler


async def test_a_session_reads_answers_and_remembers() -> None:
    server, handler = _house()
    memory = Kept()
    reads: asyncio.Queue[Read] = asyncio.Queue()
    async with _served(handler) as url:
        client = _client(url, memory)
        outcome = Outcome(EventKey(client.respondent, mrid(1)), OutcomeKind.RECEIVED, Moment("utility", time.time()))
        owed = asyncio.create_task(client.tell(outcome))
        running = asyncio.create_task(client.run(reads.put_nowait))
        async with asyncio.timeout(20):
            read = await reads.get()
            await owed
            await client.tell(outcome)
        status = client.status(Wall().now())
        await _cancelled(running)
    assert read.complete
    assert [event.key.id for event in read.events] == [mrid(1)]
    posted = [body for path, body in server.bodies if path == "/rsp"]
    assert len(posted) == 1, "told twice, sent once"
    told = client.time_at(time.monotonic())
    assert told.quality is ClockQuality.SYNCHRONISED
    assert abs(told.now_s - time.time()) < 2.0
    assert (status["registered"], status["owed"], status["events"]) == (True, 0, 1)
    assert sorted(key.split()[0] for key in memory.rows) == ["clock", "letters"]


async def test_a_session_begun_again_gives_up_what_was_under_way_and_goes_on() -> None:
    _, handler = _house()
    reads: asyncio.Queue[Read] = asyncio.Queue()
    stalled, released = asyncio.Event(), asyncio.Event()

    async def stall(request: web.Request) -> web.StreamResponse:
        if request.path == "/fsa/1/derp":
            stalled.set()
            await released.wait()
        return await handler(request)

    async with _served(stall) as url:
        client = _client(url, Kept())
        async with asyncio.timeout(20):
            first = asyncio.create_task(client.run(reads.put_nowait))
            await stalled.wait()
            assert reads.empty()
            await _cancelled(first)
            second = asyncio.create_task(client.run(reads.put_nowait))
            read = await reads.get()
            await _cancelled(second)
        released.set()
    assert not read.complete, "the program list is failed now, no longer awaited"


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_policy_is_of_our_end_device_alone() -> None:
    client = _client("http://127.0.0.1:9", Kept())
    assert client.policy(client.respondent).clock == "utility"
    with pytest.raises(OurFault):
        client.policy(Respondent("utility", "00"))


@pytest.mark.parametrize(
    ("status", "header", "body", "wait_s"),
    [
        (503, "120", b"", 120.0),
        (429, " 7 ", b"", 7.0),
        (503, "999999", b"", 3600.0),
        (503, "Wed, 21 Oct 2026 07:28:00 GMT", b"", 0.0),
        (503, "-5", b"", 0.0),
        (503, "1e9", b"", 0.0),
        (503, "\u00b2", b"", 0.0),
        (200, "120", b"", 0.0),
        (
            503,
            "",
            b'<Error xmlns="urn:ieee:std:2030.5:ns"><maxRetryDuration>90</maxRetryDuration><reasonCode>4</reasonCode></Error>',
            90.0,
        ),
        (500, "", b'<Error xmlns="urn:ieee:std:2030.5:ns"><reasonCode>16384</reasonCode></Error>', 0.0),
        (503, "", b'{"detail": "busy"}', 0.0),
        (503, "", b"<html>busy</html>", 0.0),
    ],
)
async def test_how_long_a_server_asks_to_wait(status: int, header: str, body: bytes, wait_s: float) -> None:
    async def handler(request: web.Request) -> web.Response:
        headers = {"Retry-After": header} if header else None
        return web.Response(status=status, body=body, headers=headers)

    reply = await _get(handler)
    assert isinstance(reply, Reply)
    assert reply.retry_s == wait_s
