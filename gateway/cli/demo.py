"""osed demo: the main job on real protocols, end to end, with verdicts from what was measured."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.output import people
from gateway.demo.sabotage import Sabotage


def demo(
    json_: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write verdicts and figures as one JSON document.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(help="Keep the evidence in this folder: CSV, JSON and an HTML report.")
    ] = None,
    sabotage: Annotated[
        Sabotage | None, typer.Option(help="Break something on purpose; the demonstration must notice.")
    ] = None,
    step: Annotated[list[str] | None, typer.Option(help="Play only this step. Repeatable.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw the run as one SVG.")] = None,
) -> None:
    """Play the demonstration: utility server, simulated site and gateway over real TLS and Modbus, on loopback only.

    Example: osed demo --json build/demo.json --keep build/demo
    """
    from gateway.demo.act import MISSING
    from gateway.demo.play import play
    from gateway.demo.show import Show, told

    without = _without()
    with Show(people) as show:
        played = asyncio.run(
            play(
                show=show,
                keep=keep,
                sabotage=sabotage,
                only=tuple(step or ()),
                picture=picture,
                without=without,
            )
        )
    for act in sorted(without):
        people.print(MISSING[act])
    if json_ is not None:
        json_.parent.mkdir(parents=True, exist_ok=True)
        json_.write_text(json.dumps(played.plain(), indent=2) + "\n")
    good = sum(result.ok for result in played.results)
    people.print(f"\n{good} of {len(played.results)} steps ok" + (f"; evidence in {keep}" if keep else ""))
    for result in played.results:
        # Said again at the end: of a long record often only the last lines are kept.
        if not result.ok:
            people.print(f"NOT OK  {result.id} ({result.site}): {told(result)}", style="bold red", soft_wrap=True)
    if not played.ok:
        raise typer.Exit(1)


def _without() -> frozenset[int]:
    """The acts for which something is not installed."""
    from gateway.demo.act import FEEDER_ACT

    lacking = set()
    try:
        import openleadr  # noqa: F401  # only whether it is there
    except ImportError:
        lacking.add(2)
    try:
        import demandlib  # noqa: F401  # only whether it is there
        import pvlib  # noqa: F401
    except ImportError:
        lacking.add(FEEDER_ACT)
    return frozenset(lacking)
