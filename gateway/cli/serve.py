"""osed utility-server: a real IEEE 2030.5 utility server for labs, demonstrations and tests."""

import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.output import people
from gateway.cli.run import run_in_loop
from grid_functions.model.errors import OperatorFault

_ROOM = 512
"""Connections of devices, and of operators; beyond it who was silent for longest goes, of the address that has the most."""


def utility_server(
    certificate: Annotated[Path, typer.Option(help="The server's chain in PEM ('osed certs device').")],
    key: Annotated[Path, typer.Option(help="Its private key.")],
    ca: Annotated[Path, typer.Option(help="The authority that devices' certificates must end in.")],
    store: Annotated[
        Path | None, typer.Option(help="File that keeps everything over restarts; none = nothing is kept.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address for devices.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port for devices; 0 = a free one.")] = 0,
    admin_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the admin API on loopback; 0 = a free one.")
    ] = 0,
    token_file: Annotated[
        Path | None, typer.Option(help="File with the admin API's token; none = one is made and shown.")
    ] = None,
    announce: Annotated[
        bool, typer.Option("--announce", help="Print one JSON line with the addresses when ready.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log every exchange.")] = False,
) -> None:
    """Run a utility server: IEEE 2030.5 over mutual TLS for devices, an authenticated JSON API for its operator.

    'osed certs ca --folder lab' and 'osed certs device utility --folder lab' make its certificate; docs/utility-server.md has the API.

    Example: osed utility-server --certificate lab/utility.chain.pem --key lab/utility.key --ca lab/lab.root.pem --store utility.db
    """
    import structlog

    from adapters.doorway import Doorway
    from certs.identity import identify, sfdi
    from certs.tls import TlsFiles, server_context
    from gateway.lines import speak
    from protocols.ieee2030_5.archive import FileStore, Forgetful
    from protocols.ieee2030_5.server import Exchange, UtilityServer, UtilityServerSettings, serve

    speak(verbose=verbose)
    log = structlog.get_logger("utility-server")
    token = _token(token_file)
    settings = UtilityServerSettings(admin_token=token, host=host, port=port, admin_port=admin_port)

    def started(server: UtilityServer) -> None:
        facts = {"url": f"https://{host}:{server.port}/dcap", "admin": f"http://127.0.0.1:{server.admin_port}"}
        if announce:
            print(json.dumps({**facts, "pid": os.getpid()}), flush=True)
            return
        people.print(f"devices:   {facts['url']}")
        people.print(f"operator:  {facts['admin']}" + ("" if token_file else f"  (Authorization: Bearer {token})"))

    def told(exchange: Exchange) -> None:
        mischief = exchange.side == "admin" and exchange.path.startswith("/mischief") and exchange.method != "GET"
        note = log.info if exchange.status >= 400 or mischief or verbose else log.debug
        note(
            "exchange",
            side=exchange.side,
            who=exchange.who,
            method=exchange.method,
            path=exchange.path,
            status=exchange.status,
            reason=exchange.reason,
        )

    async def main() -> None:
        await serve(
            settings,
            tls=server_context(TlsFiles(certificate, key, ca)),
            identify=lambda der: identify(der).lfdi,
            sfdi_of=sfdi,
            store=Forgetful() if store is None else FileStore(store),
            doorways=lambda: Doorway(room=_ROOM),
            started=started,
            told=told,
        )

    with suppress(KeyboardInterrupt):
        run_in_loop(main())


def _token(path: Path | None) -> str:
    if path is None:
        return secrets.token_urlsafe(24)
    try:
        return path.read_text().strip()
    except OSError as fault:
        raise OperatorFault(
            f"cannot read {path}: {fault.strerror}", "put a token of 16 characters or more into it"
        ) from fault
