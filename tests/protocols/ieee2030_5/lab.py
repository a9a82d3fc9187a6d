"""A utility server on loopback with certificates of its own: what the tests of server and peers stand on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from adapters.doorway import Doorway
from certs import dev_ca, tls
from certs.identity import Identity, identify, sfdi
from protocols.ieee2030_5.archive import Forgetful, Store
from protocols.ieee2030_5.server import Exchange, UtilityServer, UtilityServerSettings, running

TOKEN = "operator-of-the-lab"  # noqa: S105 - of this lab alone
NOW = datetime.now(UTC)  # OpenSSL judges validity by the system's clock


def lfdi_of(certificate: bytes) -> str:
    """What wiring hands the server."""
    return identify(certificate).lfdi


@dataclass
class Authority:
    """One authority, and the files of whoever it vouches for."""

    folder: Path
    issuer: dev_ca.Issued = field(default_factory=lambda: dev_ca.authority("lab", NOW))

    def files(self, serial: str) -> tls.TlsFiles:
        """A new leaf under this serial number, as files; good for 127.0.0.1."""
        issued = dev_ca.issue(self.issuer, serial, NOW, hosts=["127.0.0.1"])
        paths = dev_ca.write(issued, self.folder, serial)
        return tls.TlsFiles(paths.chain, paths.key, paths.root)

    def identity(self, files: tls.TlsFiles) -> Identity:
        """Who those files make their holder."""
        return identify(files.certificate.read_bytes())


@dataclass
class Told:
    """Every exchange the server told of, and a way to wait for one."""

    exchanges: list[Exchange] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, exchange: Exchange) -> None:
        """What the server calls."""
        self.exchanges.append(exchange)
        self.changed.set()

    async def until(self, enough: Callable[[list[Exchange]], bool], within_s: float) -> None:
        """Returns as soon as `enough` holds of all exchanges so far; TimeoutError after `within_s`."""
        async with asyncio.timeout(within_s):
            while not enough(self.exchanges):
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def server(
    authority: Authority, told: Told | None = None, store: Store | None = None
) -> AsyncIterator[UtilityServer]:
    """A running server on free ports, its certificate by `authority`."""
    settings = UtilityServerSettings(admin_token=TOKEN)
    name = f"server-{len(list(authority.folder.iterdir()))}"
    async with running(
        settings,
        tls=tls.server_context(authority.files(name)),
        identify=lfdi_of,
        sfdi_of=sfdi,
        doorways=Doorway,
        store=store or Forgetful(),
        told=told or Told(),
    ) as found:
        yield found
