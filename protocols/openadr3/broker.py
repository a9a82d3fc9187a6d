"""The VTN's MQTT broker: hears the topics it was told of, and passes on that something changed. MQTT 3.1.1, TLS by the address's scheme."""

import os
import ssl
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

import aiomqtt
import structlog

from grid_functions.model.errors import GatewayError, MalformedMessage, PeerFault
from protocols.openadr3.session.exchange import Listen
from protocols.openadr3.wire import notices
from protocols.openadr3.wire.objects import Broker, MqttMethod, Notification

PORTS = {"mqtt": 1883, "tcp": 1883, "mqtts": 8883, "ssl": 8883, "tls": 8883}
"""By the scheme of the broker's address; the second half of them speaks TLS."""

_SECURE = frozenset({"mqtts", "ssl", "tls"})

_MOST_WAITING = 100
"""Messages that wait to be looked at; each is only a hint, and one of them is enough."""

_log = structlog.get_logger(__name__)


class _Client(aiomqtt.Client):
    """Lets go of its socket however it ends: where reading raised, the library leaves it watched, and the loop is woken for it for ever."""

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await super().__aexit__(kind, fault, trace)
        finally:
            self._client._sock_close()  # private, since every public way out of it writes first


async def hear(
    listen: Listen,
    *,
    ssl_context: ssl.SSLContext | None,
    clear_allowed: bool,
    opened: Callable[[], None],
    heard: Callable[[Notification], None],
) -> str:
    """Hear until the connection goes; returns why it went. ``clear_allowed``: a token may go over a connection without TLS.

    ``ssl_context``: whom the VTN's own connection trusts; a broker with certificates brings its own authority.
    """
    try:
        host, port, secure = address_of(listen.broker)
        if listen.token and not secure and not clear_allowed:
            raise PeerFault("the broker wants our token without TLS")
        context = _context(listen.broker, ssl_context) if secure else None
        async with _Client(
            host,
            port,
            username=listen.username or None,
            password=listen.token or None,
            protocol=aiomqtt.ProtocolVersion.V311,
            tls_context=context,
            timeout=15.0,
            max_queued_incoming_messages=_MOST_WAITING,
        ) as client:
            await client.subscribe([(topic, 1) for topic in listen.topics])
            opened()
            async for message in client.messages:
                try:
                    heard(notices.notification(_bytes(message.payload)))
                except MalformedMessage as malformed:
                    _log.info("no notification", topic=str(message.topic), why=str(malformed))
    except aiomqtt.MqttError as error:
        return f"{type(error).__name__}: {error}"[:300]
    except (GatewayError, OSError, ValueError) as error:
        return str(error)[:300]
    return "the broker closed"


def address_of(broker: Broker) -> tuple[str, int, bool]:
    """Host, port, and whether TLS is spoken; of several addresses the first with TLS. PeerFault for none that is known."""
    known = []
    for uri in broker.uris:
        parts = urlsplit(uri if "://" in uri else f"mqtt://{uri}")
        if parts.scheme in PORTS and parts.hostname:
            known.append((parts.hostname, parts.port or PORTS[parts.scheme], parts.scheme in _SECURE))
    if not known:
        raise PeerFault(f"no address of the broker is MQTT: {', '.join(broker.uris)[:200]}")
    return next((one for one in known if one[2]), known[0])


def _context(broker: Broker, trusted: ssl.SSLContext | None) -> ssl.SSLContext:
    if broker.method is not MqttMethod.CERTIFICATE:
        return trusted or ssl.create_default_context()
    try:
        context = ssl.create_default_context(cadata=broker.ca_pem or None)
        # OpenSSL reads chains from files alone; these are ours alone and gone at once.
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = Path(folder, "certificate.pem"), Path(folder, "key.pem")
            for path, text in ((certificate, broker.certificate_pem), (key, broker.key_pem)):
                with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                    file.write(text)
            # An empty password keeps OpenSSL from asking for one on a terminal, and everything from waiting for it.
            context.load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, ValueError) as error:
        raise PeerFault(f"the broker's certificates cannot be read: {error}") from error
    return context


def _bytes(payload: object) -> bytes:
    return payload if isinstance(payload, bytes) else str(payload).encode()
