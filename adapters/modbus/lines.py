"""The ways to a device, opened: TCP, TLS, RTU over TCP, RTU over a serial line. Awaits.

A line knows how frames look on it and how it is opened; who may speak on it when is the link's (:mod:`.link`).
"""

import asyncio
import os
import socket
import ssl
import termios
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, cast

import serial
from pymodbus.transport.serialtransport import create_serial_connection

from adapters.modbus.address import Address
from adapters.modbus.hub import Socket
from adapters.modbus.rtu import character_s, silence_s

Open = Callable[[asyncio.AbstractEventLoop, Callable[[], asyncio.Protocol]], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Line:
    """``name``: for people. ``rtu``: frames carry no numbers, so one conversation at a time, and what comes late is dangerous.

    ``silence_s`` is kept between two frames of a bus; ``character_s``: how long one byte takes on it (0 = no time); ``echo``: every
    request comes back before its answer.
    """

    name: str
    open: Open
    rtu: bool = False
    silence_s: float = 0.0
    character_s: float = 0.0
    echo: bool = False


def tcp_line(host: str, port: int, context: ssl.SSLContext | None = None) -> Line:
    """Modbus/TCP, with a context Modbus/TCP Security."""

    async def opened(loop: asyncio.AbstractEventLoop, factory: Callable[[], asyncio.Protocol]) -> None:
        # uvloop's own transports cost less than a socket in Python.
        if context is None and isinstance(loop, asyncio.BaseEventLoop):
            await _watched(loop, host.strip("[]"), port, factory)
            return
        # Interpretation: a device on a site's own network has a certificate of its maker or of the site, rarely one with the address it
        # has today; who may speak is settled by the chain, so the context of the roof decides whether names are checked.
        name = host if context is not None and context.check_hostname else ("" if context is not None else None)
        await loop.create_connection(factory, host.strip("[]"), port, ssl=context, server_hostname=name)

    return Line(f"{host}:{port}", opened)


def line_to(address: Address, context: ssl.SSLContext | None = None) -> Line:
    """The line to an address; ``context`` for ``tls``."""
    if address.way in ("tcp", "tls"):
        return tcp_line(address.host, address.port, context if address.way == "tls" else None)
    if address.way == "rtu+tcp":
        # How fast the line behind the server is, nobody here knows; it paces itself.
        opened = tcp_line(address.host, address.port)
        return Line(opened.name, opened.open, rtu=True, silence_s=_BEHIND_A_SERVER_S, echo=address.echo)

    async def on_line(loop: asyncio.AbstractEventLoop, factory: Callable[[], asyncio.Protocol]) -> None:
        try:
            await create_serial_connection(
                loop, factory, address.device, address.baud, 8, address.parity, address.stop, timeout=0
            )
        except (serial.SerialException, termios.error, ValueError) as fault:
            raise OSError(None, f"cannot open the line ({fault})") from fault

    return Line(
        address.device,
        on_line,
        rtu=True,
        silence_s=silence_s(address.baud, address.bits),
        character_s=character_s(address.baud, address.bits),
        echo=address.echo,
    )


async def _watched(
    loop: asyncio.AbstractEventLoop, host: str, port: int, factory: Callable[[], asyncio.Protocol]
) -> None:
    """Connect as asyncio does, and hand the socket over."""
    transport, _ = await loop.create_connection(_Unheard, host, port)
    try:
        taken = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
    finally:
        transport.abort()
    Socket(loop, taken, factory())


class _Unheard(asyncio.Protocol):
    """Connects and hears nothing: what arrives is for whoever takes the socket over."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).pause_reading()


_BEHIND_A_SERVER_S: Final = 4e-3
"""3.5 characters at 9600 baud: the slowest line that is usual."""
