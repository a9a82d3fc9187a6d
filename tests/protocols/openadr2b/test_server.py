"""Push mode over loopback: the VEN as an HTTP server, and everything a VTN may get wrong."""

import asyncio
import gzip
import io
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from openleadr import objects
from openleadr.messaging import create_message

from adapters.doorway import Doorway
from certs.signature import Signer, Trust, Verifier
from certs.tls import openadr_client_context, openadr_server_context
from gateway.sessions.ven import CALLERS, callers
from protocols.openadr2b.server import PushServer
from protocols.openadr2b.wire.events import OadrRequestEvent, OadrResponse
from protocols.openadr2b.wire.reader import decode
from protocols.openadr2b.wire.registration import OadrCanceledPartyRegistration, OadrCancelPartyRegistration
from protocols.openadr2b.wire.writer import encode
from tests.protocols.openadr2b.authority import authority
from tests.protocols.openadr2b.vtn import PATH, Ven, signal, ven, vtn

XML = {"Content-Type": "application/xml"}
BASE = f"{PATH}/"


@asynccontextmanager
async def pushed(**more: Any) -> AsyncIterator[tuple[Ven, str, aiohttp.ClientSession]]:
    tls = more.pop("server_tls", None)
    async with (
        vtn() as utility,
        ven(utility.url, push_address="http://ven.example/x", **more) as depot,
        PushServer(depot.client, Doorway(), host="127.0.0.1", port=0, ssl_context=tls) as server,
        aiohttp.ClientSession() as session,
    ):
        await depot.until(lambda: depot.reads)
        assert utility.registrations[0]["transport_address"] == "http://ven.example/x"
        assert utility.registrations[0]["http_pull_model"] is False
        yield depot, f"{'https' if tls else 'http'}://127.0.0.1:{server.port}{BASE}", session


def distribution(event_id: str, **more: Any) -> bytes:
    """As openleadr writes it."""
    now = datetime.now(UTC)
    event = objects.Event(
        event_descriptor=objects.EventDescriptor(event_id, 0, "http://m", "far", created_date_time=now, priority=1),
        active_period=objects.ActivePeriod(dtstart=now, duration=timedelta(minutes=30)),
        event_signals=[signal()],
        targets=[{"ven_id": "ven-1"}],
        response_required="always",
    )
    written = create_message("oadrDistributeEvent", request_id="p1", vtn_id="my-vtn", events=[event], **more)
    return str(written).encode()


async def test_a_pushed_event_gets_a_bare_200_and_is_taken() -> None:
    async with pushed() as (depot, url, session):
        async with session.post(f"{url}EiEvent", data=distribution("e1"), headers=XML) as answer:
            assert (answer.status, await answer.read()) == (200, b"")
            assert "Transfer-Encoding" not in answer.headers
        # this VTN does not show what it pushed when it is asked for all, so later looks let the event go again
        await depot.until(lambda: any(one.key.id == "e1" for read in depot.reads for one in read.events))


async def test_a_pushed_cancel_is_answered_there() -> None:
    async with pushed() as (depot, url, session):
        body = encode(OadrCancelPartyRegistration(requestID="c", registrationID="reg-1", venID="ven-1"))
        async with session.post(f"{url}EiRegisterParty", data=body, headers=XML) as answer:
            assert answer.status == 200
            message = decode(await answer.read()).message
        assert isinstance(message, OadrCanceledPartyRegistration)
        assert depot.reads[-1].refused


async def test_http_codes() -> None:
    async with pushed() as (depot, url, session):
        good = distribution("e1")
        wrong: list[tuple[str, str, bytes, dict[str, str], int]] = [
            ("POST", "OadrPoll", good, XML, 404),
            ("POST", "eievent", good, XML, 404),
            ("POST", "Nothing", good, XML, 404),
            ("GET", "EiEvent", b"", XML, 501),
            ("PUT", "EiEvent", good, XML, 501),
            ("POST", "EiEvent", good, {"Content-Type": "text/plain"}, 406),
            ("POST", "EiEvent", good, {"Content-Type": "application/xml; charset=latin-1"}, 406),
            ("POST", "EiReport", good, XML, 406),
            ("POST", "EiEvent", b"", XML, 406),
            ("POST", "EiEvent", b"<a/>", XML, 406),
            ("POST", "EiEvent", good[:-30], XML, 406),
            ("POST", "EiEvent", b'<!DOCTYPE a [<!ENTITY b "b">]>' + good, XML, 406),
            ("POST", "EiEvent", good + b" " * 10_000_000, XML, 406),
        ]
        for method, service, body, headers, status in wrong:
            async with session.request(method, url + service, data=io.BytesIO(body), headers=headers) as answer:
                assert answer.status == status, (method, service, headers)
        assert depot.events == {}


async def test_a_compressed_push_is_not_unpacked() -> None:
    """A VEN may ask for gzip in answers (9.1); nobody may send it, and two megabytes of it would hold up the loop for two seconds."""
    async with pushed() as (depot, url, session):
        packed = gzip.compress(distribution("e1"))
        async with session.post(f"{url}EiEvent", data=packed, headers={**XML, "Content-Encoding": "gzip"}) as answer:
            assert answer.status == 406
        assert all(one.key.id != "e1" for read in depot.reads for one in read.events)


async def test_while_no_session_is_held_the_vtn_is_asked_to_come_again() -> None:
    async with vtn() as utility, ven(utility.url) as depot:
        await depot.until(lambda: depot.reads)
        client = depot.client
    async with PushServer(client, Doorway(), host="127.0.0.1", port=0) as server, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{server.port}{BASE}EiEvent"
        async with session.post(url, data=distribution("e1"), headers=XML) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "10")


HALVES = {
    "silent": b"",
    "half a head": f"POST {BASE}EiEvent HTTP/1.1\r\nHost: ven.example\r\nX: a".encode(),
    "half a body": (
        f"POST {BASE}EiEvent HTTP/1.1\r\nHost: h\r\nContent-Type: application/xml\r\nContent-Length: 9\r\n\r\n<"
    ).encode(),
}


@pytest.mark.parametrize("sent", HALVES.values(), ids=HALVES.keys())
async def test_who_does_not_come_to_the_point_is_let_go(sent: bytes) -> None:
    """Nobody holds one of our file descriptors by saying little."""
    async with vtn() as utility, ven(utility.url, push_address="http://ven.example/x") as depot:
        await depot.until(lambda: depot.reads)
        server = PushServer(depot.client, Doorway(), host="127.0.0.1", port=0, patience_s=0.05)
        async with server, asyncio.timeout(20.0):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(sent)
            said = await reader.read()
            assert said.startswith(b"HTTP/1.1 408") if sent.endswith(b"<") else said == b""
            writer.close()


async def test_a_crowd_of_strangers_keeps_no_vtn_out() -> None:
    """Twice as many silent connections of another address as there is room for: the VTN's push is taken."""
    async with vtn() as utility, ven(utility.url, push_address="http://ven.example/x") as depot:
        await depot.until(lambda: depot.reads)
        async with (
            PushServer(depot.client, callers(20.0), host="127.0.0.1", port=0) as server,
            asyncio.timeout(20.0),
            aiohttp.ClientSession() as session,
        ):
            crowd = [
                await asyncio.open_connection("127.0.0.1", server.port, local_addr=("127.0.0.2", 0))
                for _ in range(2 * CALLERS)
            ]
            url = f"http://127.0.0.1:{server.port}{BASE}EiEvent"
            async with session.post(url, data=distribution("e1"), headers=XML) as answer:
                assert answer.status == 200
            with suppress(ConnectionResetError):
                assert await crowd[0][0].read() == b"", "the oldest of the crowd went"
            for _, writer in crowd:
                writer.close()


@pytest.mark.parametrize("kind", ["ec", "rsa"])
async def test_pushes_over_mutual_tls_with_signatures(tmp_path: Path, kind: str) -> None:
    root = authority(tmp_path, kind)
    theirs, ours = root.issue("vtn"), root.issue("ven")
    verify = Verifier(Trust.of([theirs.fingerprint]), time.time)
    async with pushed(server_tls=openadr_server_context(ours.files)) as (depot, url, session):
        depot.client.codec = type(depot.client.codec)(Signer(ours.certificate, ours.key, time.time), verify)
        tls = openadr_client_context(theirs.files)
        signed = distribution("e1", cert=theirs.certificate.read_bytes(), key=theirs.key.read_bytes())
        async with session.post(f"{url}EiEvent", data=distribution("evil"), headers=XML, ssl=tls) as answer:
            assert answer.status == 403
        async with session.post(f"{url}EiEvent", data=signed, headers=XML, ssl=tls) as answer:
            assert answer.status == 200
        async with session.post(f"{url}EiEvent", data=signed, headers=XML, ssl=tls) as answer:
            assert (answer.status, "seen before" in await answer.text()) == (403, True)
        assert {one.key.id for read in depot.reads for one in read.events} == {"e1"}
        with pytest.raises(aiohttp.ClientError):
            await session.post(f"{url}EiEvent", data=signed, headers=XML, ssl=False)


async def test_what_is_no_message_for_a_ven_is_answered_459() -> None:
    async with pushed() as (_, url, session):
        body = encode(OadrRequestEvent(requestID="r", venID="ven-1"))
        async with session.post(f"{url}EiEvent", data=body, headers=XML) as answer:
            message = decode(await answer.read()).message
        assert isinstance(message, OadrResponse)
        assert message.eiResponse.responseCode == 459
