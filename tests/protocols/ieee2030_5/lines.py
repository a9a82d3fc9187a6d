"""HTTP on one connection, byte by byte, for the tests of a listening server."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

IN_TIME_S = 10


@dataclass
class Got:
    """One response as it came."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Line:
    """One connection, and what is said on it byte by byte."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, *requests: bytes) -> None:
        self.writer.write(b"".join(requests))

    async def receive(self, head: bool = False) -> Got:
        async with asyncio.timeout(IN_TIME_S):
            start, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            length = 0 if head else int(headers.get("content-length", 0))
            return Got(int(start.split()[1]), headers, await self.reader.readexactly(length))

    async def ended(self) -> bytes:
        async with asyncio.timeout(IN_TIME_S):
            with suppress(ConnectionError):
                return await self.reader.read()
            return b""


@asynccontextmanager
async def line_to(port: int, context: ssl.SSLContext | None) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: utility",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
