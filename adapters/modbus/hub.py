"""The plain sockets of one event loop, watched as one: whoever has answered is read within the same wake of the loop.

A message over a transport of asyncio's own loop costs a handle, a run in a context, a buffer of 256 KB and flow control, and all that
costs more than a Modbus answer itself. So its plain sockets stand in a selector of our own, of which the loop watches the descriptor
alone; epoll and kqueue are such descriptors. uvloop's transports are of C, and cheaper still; lines with TLS, and serial ones, are
transports of the loop as well.
"""

import asyncio
import socket
from collections.abc import Callable
from contextvars import Context
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from typing import Final
from weakref import WeakKeyDictionary, ref

MOST_READ: Final = 4096
"""Bytes that one socket is heard of in a wake, some fifteen frames: who never stops sending holds up nobody."""


class Socket(asyncio.Transport):
    """One connected socket, for its protocol what a transport of asyncio is. Whoever writes to it waits for an answer before long, so
    nothing holds up a writer: what the system does not take at once is kept, and sent when it does.
    """

    __slots__ = ("_hub", "_loop", "_protocol", "_receive", "_rest", "_send", "_socket")

    def __init__(self, loop: asyncio.AbstractEventLoop, connected: socket.socket, protocol: asyncio.Protocol) -> None:
        connected.setblocking(False)
        self._loop, self._socket, self._protocol = loop, connected, protocol
        self._receive, self._send = connected.recv, connected.send
        self._rest = b""
        self._hub: _Hub | None = _hub_of(loop)
        self._hub.watch(connected, self.wake)
        protocol.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send now what the system takes, and the rest when it can."""
        if self._rest:
            self._rest += data
            return
        try:
            sent = self._send(data)
        except BlockingIOError:
            sent = 0
        except OSError as fault:
            self._loop.call_soon(self._lose, fault)
            return
        if sent < len(data) and self._hub is not None:
            self._rest = bytes(data[sent:])
            self._hub.await_room(self._socket, self.wake, yes=True)

    def abort(self) -> None:
        """Close at once; the protocol is told with the loop's next turn."""
        if self._hub is not None:
            self._leave()
            self._loop.call_soon(self._protocol.connection_lost, None)

    def wake(self, events: int) -> None:
        """It can be read, or written to again, or is broken."""
        if events & EVENT_WRITE and self._rest:
            rest, self._rest = self._rest, b""
            self.write(rest)
            if not self._rest and self._hub is not None:
                self._hub.await_room(self._socket, self.wake, yes=False)
        if not events & EVENT_READ:
            return
        try:
            data = self._receive(MOST_READ)
        except BlockingIOError:
            return
        except OSError as fault:
            self._lose(fault)
            return
        if not data:
            self._lose(None)
            return
        try:
            self._protocol.data_received(data)
        except Exception as defect:
            # As asyncio has it: a defect costs the connection at which it came up, and no other.
            said = {"message": "taking what arrived failed", "exception": defect, "protocol": self._protocol}
            self._loop.call_exception_handler(said)
            self._lose(defect)

    def _lose(self, why: Exception | None) -> None:
        if self._hub is not None:
            self._leave()
            self._protocol.connection_lost(why)

    def _leave(self) -> None:
        hub, self._hub = self._hub, None
        if hub is not None:
            hub.forget(self._socket)
            self._socket.close()


class _Hub:
    """Of one loop, as long as it has a socket."""

    __slots__ = ("__weakref__", "_loop", "_selector")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._selector = DefaultSelector()
        # It outlives whoever connects first, so nobody's context is its own.
        Context().run(loop.add_reader, self._selector.fileno(), self._wake)

    def watch(self, one: socket.socket, wake: Callable[[int], None]) -> None:
        self._selector.register(one, EVENT_READ, wake)

    def await_room(self, one: socket.socket, wake: Callable[[int], None], *, yes: bool) -> None:
        self._selector.modify(one, EVENT_READ | EVENT_WRITE if yes else EVENT_READ, wake)

    def forget(self, one: socket.socket) -> None:
        self._selector.unregister(one)
        if not self._selector.get_map():
            _hubs.pop(self._loop, None)
            self._loop.remove_reader(self._selector.fileno())
            self._selector.close()

    def _wake(self) -> None:
        for key, events in self._selector.select(0):
            key.data(events)


def _hub_of(loop: asyncio.AbstractEventLoop) -> _Hub:
    known = _hubs.get(loop)
    hub = None if known is None else known()
    if hub is None:
        hub = _Hub(loop)
        _hubs[loop] = ref(hub)
    return hub


# Weak on both sides: a loop that is closed with links still open takes their sockets along, and these tell of it.
_hubs: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, "ref[_Hub]"]] = WeakKeyDictionary()
