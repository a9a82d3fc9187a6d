"""osed run: the gateway itself."""

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer


def run(
    config: Annotated[Path, typer.Option("--config", "-c", help="The configuration to run.")] = Path("osed.yaml"),
    observe: Annotated[
        bool, typer.Option("--observe", help="Write and answer nothing; show what would be written.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log every request and write.")] = False,
    loop: Annotated[str, typer.Option(help="Event loop: uvloop where it exists, or asyncio.")] = "uvloop",
) -> None:
    """Run the gateway until it is stopped. What devices hold stays when it ends.

    Example: osed run --config osed.yaml
    """
    if loop not in ("uvloop", "asyncio"):
        raise typer.BadParameter("uvloop or asyncio", param_hint="--loop")
    from gateway.appliance import Appliance
    from gateway.config.load import Loaded, load
    from gateway.lines import speak
    from gateway.wiring import FAMILIES

    def read() -> Loaded:
        return load(config, FAMILIES)

    loaded = read()
    speak(verbose=verbose)
    run_in_loop(Appliance(loaded, observe=observe, reread=read).run(), loop)


def run_in_loop(main: Coroutine[Any, Any, None], loop: str = "uvloop") -> None:
    """Run one coroutine to its end in the loop named; where uvloop does not exist asyncio's own serves."""
    if loop == "uvloop" and sys.platform != "win32":
        import uvloop

        uvloop.run(main)
    else:
        asyncio.run(main)
