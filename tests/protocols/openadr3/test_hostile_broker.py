"""A broker that is up to no good, in bytes of MQTT 3.1.1: whatever it sends, a VEN goes on or lets go, and nothing spins."""

import asyncio
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from protocols.openadr3 import broker
from protocols.openadr3.session.exchange import Listen
from protocols.openadr3.wire.objects import Broker, MqttMethod, Notification
from tests.hostile_broker import talking
from tests.protocols.ieee2030_5.lab import Authority
from tests.protocols.openadr3.lab import IN_TIME_S

NOTICE = b'{"objectType":"EVENT","operation":"CREATE"}'


def publish(topic: bytes, payload: bytes = NOTICE) -> bytes:
    """PUBLISH at QoS 0 (MQTT 3.1.1, 3.3), of less than 16 KiB."""
    body = len(topic).to_bytes(2, "big") + topic + payload
    return b"\x30" + bytes([len(body) % 128 | 128, len(body) // 128]) + body


def named(port: int) -> Listen:
    return Listen(Broker((f"mqtt://127.0.0.1:{port}",), MqttMethod.ANONYMOUS), ("programs/p/events/+",))


@pytest.mark.parametrize(
    "says",
    [publish(b"\xff\xfe"), b"\x20\x01\x00", b"\x90\x01\x00", b"\x40\x01\x00"],
    ids=["topic", "connack", "suback", "puback"],
)
async def test_what_cannot_be_read_ends_the_connection_with_its_socket(says: bytes) -> None:
    """A topic that is no UTF-8 (1.5.3), packets too short for what they are: a socket left open would wake the loop without end."""
    async with asyncio.timeout(IN_TIME_S), talking(says) as (port, gone):
        why = await broker.hear(
            named(port), ssl_context=None, clear_allowed=True, opened=lambda: None, heard=lambda _: None
        )
        assert why
        await gone.wait()


@pytest.mark.parametrize(
    "payload",
    [b'"\\ud800"', b'{"object":' * 900 + b"1" + b"}" * 900, b"\xed\xa0\x80", b"[" * 10_000],
    ids=["half a character", "deep objects", "half a character in bytes", "deep lists"],
)
async def test_no_payload_ends_the_hearing(payload: bytes) -> None:
    heard: asyncio.Queue[Notification] = asyncio.Queue()
    async with asyncio.timeout(IN_TIME_S), talking(publish(b"t", payload) + publish(b"t")) as (port, _):
        hearing = asyncio.create_task(
            broker.hear(named(port), ssl_context=None, clear_allowed=True, opened=lambda: None, heard=heard.put_nowait)
        )
        taking = asyncio.create_task(heard.get())
        await asyncio.wait({hearing, taking}, return_when=asyncio.FIRST_COMPLETED)
        assert taking.done(), hearing.result()
        assert taking.result() == Notification("EVENT", "CREATE")
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)


async def test_a_key_that_is_locked_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSSL would ask for its password on the terminal, and the whole gateway would wait for the answer."""
    files = Authority(tmp_path).files("ven-7")
    key = load_pem_private_key(files.key.read_bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")).decode()
    binding = Broker(
        ("mqtts://127.0.0.1:1",),
        MqttMethod.CERTIFICATE,
        ca_pem=files.ca.read_text(),
        certificate_pem=files.certificate.read_text(),
        key_pem=locked,
    )
    asked: list[object] = []
    load = ssl.SSLContext.load_cert_chain

    def watched(context: ssl.SSLContext, certfile: Path, keyfile: Path, password: str | None = None) -> None:
        asked.append(password)
        load(context, certfile, keyfile, password if password is not None else "nobody is asked in a test")

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", watched)
    why = await broker.hear(
        Listen(binding, ("t",)), ssl_context=None, clear_allowed=False, opened=lambda: None, heard=lambda _: None
    )
    assert "certificates cannot be read" in why
    assert asked == [""]
