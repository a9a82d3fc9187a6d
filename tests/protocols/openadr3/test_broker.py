"""Hints by MQTT, through Debian's mosquitto: anonymous, by token, by certificate; skipped where there is none."""

import asyncio
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from grid_functions.model.errors import PeerFault
from protocols.openadr3 import broker
from protocols.openadr3.desk.mischief import Trick
from protocols.openadr3.session.exchange import Listen
from protocols.openadr3.wire.objects import Broker, MqttMethod, Notification
from tests.mosquitto import mosquitto, passwords, with_mosquitto
from tests.ports import kept_port
from tests.protocols.ieee2030_5.lab import Authority
from tests.protocols.openadr3.lab import IN_TIME_S, Log, held, vtn
from tests.protocols.openadr3.rig import TERMS, event

NOTICE = b'{"object_type":"EVENT","operation":"CREATE","object":{"id":"e","program_id":"p"}}'


async def heard_of(listen: Listen, port: int, trust: ssl.SSLContext | None = None, **publisher: Any) -> Notification:
    """What a VEN hears when somebody publishes."""
    opened = asyncio.Event()
    heard: asyncio.Queue[Notification] = asyncio.Queue()
    hearing = asyncio.create_task(
        broker.hear(listen, ssl_context=trust, clear_allowed=True, opened=opened.set, heard=heard.put_nowait)
    )
    try:
        async with asyncio.timeout(IN_TIME_S):
            opening = asyncio.create_task(opened.wait())
            await asyncio.wait({opening, hearing}, return_when=asyncio.FIRST_COMPLETED)
            assert not hearing.done(), hearing.result()
            async with aiomqtt.Client("127.0.0.1", port, **publisher) as client:
                await client.publish("programs/p/events/create", b"nonsense", qos=1)
                await client.publish("programs/p/events/create", NOTICE, qos=1)
            return await heard.get()
    finally:
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)


@with_mosquitto
async def test_anonymous(tmp_path: Path) -> None:
    async with mosquitto(tmp_path, "allow_anonymous true") as running:
        port = running.port
        listen = Listen(Broker((f"mqtt://127.0.0.1:{port}",), MqttMethod.ANONYMOUS), ("programs/p/events/+",))
        assert await heard_of(listen, port) == Notification("EVENT", "CREATE", "e", "p")


@with_mosquitto
async def test_by_token(tmp_path: Path) -> None:
    file = passwords(tmp_path, "ven-7", "t0ken")
    async with mosquitto(tmp_path, "allow_anonymous false", f"password_file {file}") as running:
        port = running.port
        named = Broker((f"mqtt://127.0.0.1:{port}",), MqttMethod.OAUTH2_BEARER_TOKEN, "{clientID}")
        listen = Listen(named, ("programs/p/events/+",), "ven-7", "t0ken")
        assert (await heard_of(listen, port, username="ven-7", password="t0ken")).id == "e"  # noqa: S106 - of this test
        why = await broker.hear(
            replace(listen, token="wr0ng"),  # noqa: S106 - of this test
            ssl_context=None,
            clear_allowed=True,
            opened=lambda: None,
            heard=lambda _: None,
        )
    assert "uthor" in why


@with_mosquitto
@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # paho leaves a refused socket to the collector
async def test_by_certificate(tmp_path: Path) -> None:
    """The VTN hands over authority, certificate and key as PEM texts."""
    authority = Authority(tmp_path)
    server, client = authority.files("broker"), authority.files("ven-7")
    lines = ("allow_anonymous true", f"cafile {server.ca}", f"certfile {server.certificate}", f"keyfile {server.key}")
    async with mosquitto(tmp_path, *lines, "require_certificate true") as running:
        port = running.port
        binding = Broker(
            (f"mqtts://127.0.0.1:{port}",),
            MqttMethod.CERTIFICATE,
            ca_pem=server.ca.read_text(),
            certificate_pem=client.certificate.read_text(),
            key_pem=client.key.read_text(),
        )
        context = ssl.create_default_context(cafile=server.ca)
        context.load_cert_chain(client.certificate, client.key)
        listen = Listen(binding, ("programs/p/events/+",))
        assert (await heard_of(listen, port, tls_context=context)).id == "e"
        anonymous = Listen(Broker(binding.uris, MqttMethod.ANONYMOUS), listen.topics)
        why = await broker.hear(
            anonymous, ssl_context=None, clear_allowed=True, opened=lambda: None, heard=lambda _: None
        )
    assert why


@with_mosquitto
@pytest.mark.parametrize("tricks", [(), ("snake",)], ids=["plain", "snake"])
async def test_an_event_is_read_because_of_the_broker(tmp_path: Path, tricks: tuple[str, ...]) -> None:
    """Polled each ten minutes, so that only the broker can have told."""
    async with mosquitto(tmp_path, "allow_anonymous true") as running:
        port = running.port
        binding = {
            "URIS": [f"mqtt://127.0.0.1:{port}"],
            "serialization": "JSON",
            "authentication": {"method": "ANONYMOUS"},
        }
        terms = replace(TERMS, floor_s=600.0, ceiling_s=600.0, mqtt=True)
        told = Log()
        async with vtn(told, broker=binding) as found:
            found.tricks.extend(map(Trick, tricks))
            program = (await found.write("POST", "/programs", {"programName": "p"}))["id"]
            async with held(found, terms, told) as one:
                await one.complete()
                await running.said(b"Sending SUBACK")
                made = await found.write("POST", "/events", event(program))
                await one.until(lambda: any(read.events for read in one.reads))
    assert one.reads[-1].events[0].key.id == made["id"]


async def test_a_broker_that_is_not_there_is_a_reason_and_nothing_worse() -> None:
    listen = Listen(Broker((f"mqtt://127.0.0.1:{kept_port()}",), MqttMethod.ANONYMOUS), ("a/+",))
    why = await broker.hear(listen, ssl_context=None, clear_allowed=True, opened=lambda: None, heard=lambda _: None)
    assert why


async def test_our_token_does_not_leave_without_tls() -> None:
    listen = Listen(Broker(("mqtt://127.0.0.1:1",), MqttMethod.OAUTH2_BEARER_TOKEN), ("a/+",), "ven-7", "t0ken")
    why = await broker.hear(listen, ssl_context=None, clear_allowed=False, opened=lambda: None, heard=lambda _: None)
    assert "without TLS" in why


async def test_certificates_that_are_none_are_a_reason() -> None:
    binding = Broker(("mqtts://127.0.0.1:1",), MqttMethod.CERTIFICATE, ca_pem="x", certificate_pem="y", key_pem="z")
    why = await broker.hear(
        Listen(binding, ("a",)), ssl_context=None, clear_allowed=True, opened=lambda: None, heard=lambda _: None
    )
    assert "certificates cannot be read" in why


@pytest.mark.parametrize(
    ("uris", "address"),
    [
        (("mqtts://b.example",), ("b.example", 8883, True)),
        (("mqtt://b.example",), ("b.example", 1883, False)),
        (("mqtt://b.example", "mqtts://s.example:99"), ("s.example", 99, True)),
        (("b.example:1884",), ("b.example", 1884, False)),
        (("https://b.example", "tcp://c.example"), ("c.example", 1883, False)),
    ],
)
def test_addresses(uris: tuple[str, ...], address: tuple[str, int, bool]) -> None:
    assert broker.address_of(Broker(uris, MqttMethod.ANONYMOUS)) == address


def test_no_address_is_said() -> None:
    with pytest.raises(PeerFault):
        broker.address_of(Broker(("https://b.example",), MqttMethod.ANONYMOUS))
