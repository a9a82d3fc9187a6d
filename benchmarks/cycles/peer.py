"""py20305's own client as a process, with one EndDevice and nothing behind it: `python -m benchmarks.cycles.peer FOLDER PORT NAME`."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from py20305.client.csip_client import CsipClient
from py20305.client.tls import TlsConfig
from py20305.events.dispatch import NullDispatcher

from benchmarks.cycles.told import until_closed

_SUITE = "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"


async def _hold(folder: Path, port: int, name: str) -> None:
    chain, key, root = (folder / f"{name}.{end}" for end in ("chain.pem", "key", "root.pem"))
    trust = TlsConfig(client_cert=chain, client_key=key, ca_cert=root, ciphers=_SUITE)
    client = CsipClient(f"https://127.0.0.1:{port}", tls=trust, dispatcher=NullDispatcher())

    def mrids() -> Iterator[str]:
        for program in client.state.der_programs.values():
            yield from (one.m_rid.value.hex().upper() for one in program.der_controls if one.m_rid is not None)

    async with client:
        await client.connect()
        running = asyncio.create_task(client.run())
        await until_closed(mrids)
        await client.shutdown()
        with suppress(asyncio.CancelledError):
            await running


if __name__ == "__main__":
    asyncio.run(_hold(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
