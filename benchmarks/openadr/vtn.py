"""openleadr's VTN in a process of its own: `python -m benchmarks.openadr.vtn FOLDER SECONDS` prints its port and serves."""

import asyncio
import io
import logging
import sys
import warnings
from contextlib import redirect_stdout
from datetime import timedelta
from pathlib import Path
from typing import Any

from openleadr import OpenADRServer

from certs.identity import openadr_fingerprint


async def serve(folder: Path, poll_s: float) -> None:
    """Every VEN is registered under its own name; mutual TLS."""
    logging.getLogger("openleadr").setLevel(logging.CRITICAL)

    theirs = openadr_fingerprint((folder / "client.chain.pem").read_bytes())

    async def register(payload: dict[str, Any]) -> tuple[str, str]:
        return f"id-{payload['ven_name']}", f"reg-{payload['ven_name']}"

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = OpenADRServer(
            "vtn",
            http_port=0,
            requested_poll_freq=timedelta(seconds=poll_s),
            show_fingerprint=False,
            verify_message_signatures=False,
            http_cert=folder / "server.chain.pem",
            http_key=folder / "server.key",
            http_ca_file=folder / "server.root.pem",
            ven_lookup=lambda ven_id: {"ven_id": ven_id, "registration_id": ven_id, "fingerprint": theirs},
        )
    server.add_handler("on_create_party_registration", register)
    with redirect_stdout(io.StringIO()):  # it prints a banner
        await server.run()
    print(server.app_runner.addresses[0][1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await server.stop()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), float(sys.argv[2])))
