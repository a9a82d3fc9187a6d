"""The command ``osed``: exit code 0 done, 1 failed, 2 used wrongly; an error is one line that says what to do."""

import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress

import typer

from certs.errors import CertificateError
from gateway.cli import (
    api,
    area,
    ask,
    certificates,
    charging,
    check,
    commission,
    demo,
    functions,
    lab,
    replay,
    run,
    scan,
    serve,
    words,
)
from gateway.lines import harmless
from grid_functions.model.errors import ConfigurationFault, GatewayError

app = typer.Typer(
    name="osed",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="OSED Gateway: OpenADR and IEEE 2030.5 from upstream, SunSpec/Modbus and OCPP to devices, one arbitration between.",
)
app.add_typer(certificates.app, name="certs")
app.add_typer(area.app, name="area")
app.add_typer(functions.app, name="functions")
app.add_typer(charging.app, name="ocpp")
app.add_typer(api.app, name="api")
app.add_typer(lab.app, name="lab")
for command in (
    run.run,
    check.check,
    ask.status,
    ask.devices,
    ask.upstreams,
    ask.events,
    ask.prices,
    ask.why,
    words.opt,
    words.release,
    ask.reload,
    ask.stop,
):
    app.command()(command)
# a target may be negative, and is no option
app.command(context_settings={"ignore_unknown_options": True})(words.override)
app.command()(scan.scan)
app.command(name="test")(commission.commission)
app.command()(replay.replay)
app.command()(demo.demo)
app.command(name="utility-server")(serve.utility_server)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code."""
    if threading.current_thread() is threading.main_thread():  # no other may
        signal.signal(signal.SIGTERM, _interrupt)
    _open_streams()
    try:
        try:
            app(args=None if arguments is None else list(arguments), prog_name="osed")
        finally:
            sys.stdout.flush()
    except ConfigurationFault as fault:
        for mistake in fault.mistakes:
            print(harmless(mistake), file=sys.stderr)
        print(f"osed: {len(fault.mistakes)} mistake(s) in the configuration", file=sys.stderr)
        sys.exit(1)
    except (GatewayError, CertificateError) as fault:
        print(f"osed: {harmless(str(fault))}", file=sys.stderr)
        sys.exit(1)
    except OSError as fault:
        # Of a file that was named, or of what stands behind stdout: a full disk, a reader that has gone.
        _give_up_stdout()
        if not isinstance(fault, BrokenPipeError):
            with suppress(OSError):
                print(f"osed: {harmless(str(fault))}", file=sys.stderr)
        sys.exit(1)


def _open_streams() -> None:
    """Who starts us with a closed stdout or stderr wants to hear nothing; a file that is opened next would take its number."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  # as long as we run


def _give_up_stdout() -> None:
    """What could not be said is not said at the end either."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _interrupt(*_: object) -> None:
    """What is asked to end ends as at Ctrl-C: it first takes down what it has raised, processes and folders."""
    signal.raise_signal(signal.SIGINT)
