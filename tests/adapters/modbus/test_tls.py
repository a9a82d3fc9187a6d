"""Modbus/TCP Security: certificates on both sides, and records that begin and end where they like."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pymodbus.server import ModbusTlsServer
from pymodbus.simulator import DataType, SimData, SimDevice

from adapters.modbus.address import Address
from adapters.modbus.frames import Deframer, Read, Registers, decode_request, encode_reply
from adapters.modbus.lines import line_to
from adapters.modbus.link import Link
from certs import dev_ca
from certs.errors import CertificateError
from certs.tls import TlsFiles, modbus_context
from grid_functions.model.errors import Unreachable


def files(folder: Path, name: str, issuer: dev_ca.Issued) -> TlsFiles:
    paths = dev_ca.write(dev_ca.issue(issuer, name, datetime.now(UTC)), folder, name)
    return TlsFiles(paths.chain, paths.key, paths.root)


@pytest.fixture(scope="module")
def site() -> dev_ca.Issued:
    return dev_ca.authority("site", datetime.now(UTC))


def server_context(of: TlsFiles) -> ssl.SSLContext:
    """As a device has it: made here by hand, so that not both ends are ours."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(of.certificate, of.key)
    context.load_verify_locations(of.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@asynccontextmanager
async def device(context: ssl.SSLContext, piece: int = 1000) -> AsyncIterator[int]:
    """Answers each read with its address, so many bytes to a record."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = Deframer()
        try:
            while data := await reader.read(1000):
                frames.feed(data)
                while (frame := frames.next_frame()) is not None:
                    request = decode_request(frame)
                    assert isinstance(request, Read)
                    values = b"".join((request.address + at).to_bytes(2, "big") for at in range(request.count))
                    out = encode_reply(frame, Registers(values))
                    for at in range(0, len(out), piece):
                        writer.write(out[at : at + piece])
                        await writer.drain()
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


def link_along(port: int, of: TlsFiles) -> Link:
    line = line_to(Address("tls", "127.0.0.1", port), modbus_context(of))
    return Link(line=line, jitter=lambda low, high: high)


@pytest.mark.parametrize("piece", [1, 7, 1000])
async def test_records_split_anywhere(piece: int, tmp_path: Path, site: dev_ca.Issued) -> None:
    async with device(server_context(files(tmp_path, "device", site)), piece) as port:
        link = link_along(port, files(tmp_path, "gateway", site))
        assert await link.transact(Read(1, 7, 2)) == Registers(b"\x00\x07\x00\x08")
        await link.close()


async def test_a_device_of_somebody_else_is_not_spoken_to(tmp_path: Path, site: dev_ca.Issued) -> None:
    stranger = dev_ca.authority("stranger", datetime.now(UTC))
    async with device(server_context(files(tmp_path, "device", stranger))) as port:
        link = link_along(port, files(tmp_path, "gateway", site))
        with pytest.raises(Unreachable):
            await link.transact(Read(1, 7, 1))
        await link.close()


async def test_a_device_refuses_whom_it_does_not_know(tmp_path: Path, site: dev_ca.Issued) -> None:
    stranger = dev_ca.authority("stranger", datetime.now(UTC))
    mine = files(tmp_path, "gateway", stranger)
    async with device(server_context(files(tmp_path, "device", site))) as port:
        link = link_along(port, TlsFiles(mine.certificate, mine.key, tmp_path / "device.root.pem"))
        with pytest.raises(Unreachable):
            await link.transact(Read(1, 7, 1))
        await link.close()


async def test_pymodbus_as_the_device(tmp_path: Path, site: dev_ca.Issued) -> None:
    simulated = SimDevice(1, [SimData(100, values=[42], datatype=DataType.REGISTERS)])
    context = server_context(files(tmp_path, "device", site))
    server: Any = ModbusTlsServer([simulated], address=("127.0.0.1", 0), sslctx=context)
    await server.serve_forever(background=True)
    try:
        port = server.transport.sockets[0].getsockname()[1]
        link = link_along(port, files(tmp_path, "gateway", site))
        assert await link.transact(Read(1, 100, 1)) == Registers(b"\x00\x2a")
        await link.close()
    finally:
        await server.shutdown()


def test_files_that_cannot_be_used(tmp_path: Path, site: dev_ca.Issued) -> None:
    mine, other = files(tmp_path, "gateway", site), files(tmp_path, "other", site)
    with pytest.raises(CertificateError, match="does not belong to"):
        modbus_context(TlsFiles(mine.certificate, other.key, mine.ca))
