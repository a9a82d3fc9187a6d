"""The brokers of an EdgeX: events of its message bus, and commands by core-command's external MQTT. MQTT 3.1.1. Awaits.

Topics (edgexfoundry/edgex-go, cmd/core-command/res/configuration.yaml, ExternalMQTT; go-mod-core-contracts, common/constants.go): a command
goes to ``edgex/command/request/<device>/<command>/<get|set>`` and is answered at ``edgex/command/response/...`` with the id of its request;
events are at ``edgex/events/device/<service>/<profile>/<device>/<source>``. Answers are retained by default: those of requests that are not
ours, or are no more, are left alone.
"""

import asyncio
import ssl
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final

import aiomqtt
import structlog

from adapters.edgex import messages
from adapters.edgex.messages import MOST_BYTES, Answer, Event
from grid_functions.model.errors import CredentialFault, MalformedMessage

_log = structlog.get_logger("edgex")
_CONNECT_S: Final = 10.0
ANSWER_S: Final = 20.0
"""Longer than core-command waits for a device service (15 s)."""


@dataclass(frozen=True, slots=True)
class Broker:
    """``password``: read anew for each connection, raises CredentialFault. ``events``: topics that are listened to; ``request``,
    ``response``: where commands go and are answered, empty = they go over REST. ``version``: core-command's apiVersion.
    """

    host: str
    port: int
    context: ssl.SSLContext | None = None
    username: str = ""
    password: Callable[[], str] | None = None
    events: tuple[str, ...] = ()
    request: str = ""
    response: str = ""
    version: str = "v3"

    @property
    def topics(self) -> tuple[str, ...]:
        """All that is subscribed to."""
        return (*self.events, f"{self.response}/#") if self.response else self.events


class _Client(aiomqtt.Client):
    """Lets go of its socket however it ends: where reading raised, the library leaves it watched, and the loop is woken for it for ever."""

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await super().__aexit__(kind, fault, trace)
        finally:
            self._client._sock_close()  # private, since every public way out of it writes first


class Bus:
    """One broker. ``heard(event, live)`` takes what it tells; ``live``: now, and not kept for whoever comes. ``opened``: something can be
    sent.
    """

    def __init__(
        self, name: str, broker: Broker, heard: Callable[[Event, bool], None], opened: Callable[[], None]
    ) -> None:
        self._name, self._broker, self._heard, self._opened = name, broker, heard, opened
        self._client: aiomqtt.Client | None = None
        self._pending: dict[str, asyncio.Future[Answer]] = {}
        self.why = "not connected yet"

    @property
    def connected(self) -> bool:
        """Whether something can be sent."""
        return self._client is not None

    async def hear(self) -> bool:
        """Listen until the connection goes; whether there was one. Why it went is in :attr:`why`."""
        broker, told = self._broker, False
        try:
            async with _Client(
                broker.host,
                broker.port,
                username=broker.username or None,
                password=None if broker.password is None else broker.password(),
                protocol=aiomqtt.ProtocolVersion.V311,
                tls_context=broker.context,
                timeout=_CONNECT_S,
                max_queued_incoming_messages=1000,
            ) as client:
                await client.subscribe([(topic, 1) for topic in broker.topics])
                self._client, self.why, told = client, "", True
                _log.info("connected", server=self._name)
                self._opened()
                async for message in client.messages:
                    self._take(message)
            self.why = "the broker closed"
        except CredentialFault as fault:
            self.why = str(fault)
        except (aiomqtt.MqttError, OSError, ValueError) as fault:
            self.why = f"{type(fault).__name__}: {fault}"[:300]
        finally:
            self._client = None
            pending, self._pending = self._pending, {}
            for one in pending.values():
                if not one.done():
                    one.set_result(Answer(f"the broker went ({self.why})"))
        _log.warning("broker", server=self._name, why=self.why)
        return told

    async def ask(self, device: str, command: str, settings: Mapping[str, str] | None) -> Answer:
        """Have a command carried out; ``settings`` None: read."""
        client, broker = self._client, self._broker
        if client is None:
            return Answer(f"the broker is not there ({self.why})")
        number = str(uuid.uuid4())
        waiting: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._pending[number] = waiting
        topic = f"{broker.request}/{device}/{command}/{'get' if settings is None else 'set'}"
        try:
            async with asyncio.timeout(ANSWER_S):
                body = messages.request(number, str(uuid.uuid4()), settings, broker.version)
                await client.publish(topic, body, qos=1)
                return await waiting
        except TimeoutError:
            return Answer(f"no answer on {broker.response} within {ANSWER_S:g} s")
        except aiomqtt.MqttError as fault:
            return Answer(f"not sent ({fault})"[:300])
        finally:
            self._pending.pop(number, None)

    def _take(self, message: aiomqtt.Message) -> None:
        body, topic = message.payload, str(message.topic)
        if not isinstance(body, bytes) or len(body) > MOST_BYTES:
            _log.warning("too large, or no bytes", server=self._name, topic=topic)
            return
        response = self._broker.response
        try:
            if response and message.topic.matches(f"{response}/#"):
                number, answer = messages.reply(body)
                waiting = self._pending.get(number)
                if waiting is not None and not waiting.done():
                    waiting.set_result(answer)
            else:
                self._heard(messages.event_in(body), not message.retain)
        except MalformedMessage as fault:
            _log.info("no message", server=self._name, topic=topic, why=str(fault))
        except Exception:
            # A defect of ours ends one message, not the listening.
            _log.exception("a message failed", server=self._name, topic=topic)
