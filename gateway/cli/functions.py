"""Commands on grid functions: which there are and how they are; a package for one of one's own, and a fleet to try it on."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from gateway.cli.ask import Config, call
from gateway.cli.output import Json, document, people, progress, table
from grid_functions.model.errors import OperatorFault, Unreachable

app = typer.Typer(invoke_without_command=True, help="Grid functions: our own, and those of installed packages.")

Name = Annotated[str, typer.Argument(help="The function's name, in small letters, e.g. quiet_nights.")]
OfArea = Annotated[bool, typer.Option("--area", help="A function of areas, not of sites.")]


@app.callback()
def functions(context: typer.Context) -> None:
    """Grid functions: our own, and those of installed packages. Without a command they are listed."""
    if context.invoked_subcommand is None:
        list_()


@app.command(name="list")
def list_(config: Config = Path("osed.yaml"), json_: Json = False) -> None:
    """List all functions: what brings them, where they run, and how those in processes of their own are.

    Without a running gateway what is installed is listed. Example: osed functions list --json
    """
    rows = _installed()
    try:
        told = {one["name"]: one for one in call(config, "GET", "/functions")} if config.exists() else {}
    except Unreachable:
        told = {}
    rows = [row | told.pop(row["name"], {}) for row in rows] + list(told.values())
    if json_:
        document(rows)
        return
    columns = ("function", "of", "brought by", "runs at", "state", "steps", "missed", "starts", "trouble", "confined")
    lines = [
        [
            one["name"],
            one["of"],
            one["package"],
            ", ".join(one.get("runs_at", ())),
            one.get("state"),
            one.get("steps"),
            one.get("missed"),
            one.get("starts"),
            one.get("fault"),
            confined_in_short(one["confined"]) if one.get("confined") else None,
        ]
        for one in rows
    ]
    table("", columns, lines)


@app.command()
def new(
    name: Name,
    area: OfArea = False,
    letters: Annotated[
        bool, typer.Option("--letters", help="A function of areas, and one of sites that it exchanges letters with.")
    ] = False,
    into: Annotated[Path, typer.Option("--into", help="The folder the package's own folder is made in.")] = Path("."),
    json_: Json = False,
) -> None:
    """Write a package for a new function: a small complete one, its entry point, and a test that passes.

    Example: osed functions new quiet_nights --into ~/work
    """
    from gateway.guests.package import Kind, write_package

    folder = write_package(name, into, Kind.LETTERS if letters else Kind.AREA if area else Kind.SITE)
    if json_:
        document({"folder": str(folder), "function": name})
    else:
        people.print(f"{folder} is written; its README.md says how to test, install and try it")


@app.command(name="try")
def try_(
    name: Name,
    options: Annotated[str, typer.Argument(help="Its options, e.g. '{limit_w: 500}'.")] = "{}",
    area: OfArea = False,
    home: Annotated[str, typer.Option(help="The function that answers it at each house, e.g. fair_share_home.")] = "",
    sites: Annotated[int, typer.Option(min=1, max=20, help="How many simulated houses.")] = 3,
    seconds: Annotated[float, typer.Option(min=0.0, max=86400.0, help="How long, after its first step.")] = 10.0,
    json_: Json = False,
) -> None:
    """Try an installed function on simulated houses with PV, in a process of its own, and show what came of it.

    Example: osed functions try quiet_nights '{limit_w: 500, duration_s: 86400}' --sites 2
    """
    from gateway.cli.run import run_in_loop
    from gateway.guests.trial import Trial, play
    from gateway.lines import speak
    from grid_functions.catalogue import plug_ins

    installed = plug_ins()
    missing = [one for one in (name, home) if one and one not in installed]
    if missing:
        there = ", ".join(sorted(installed)) or "none"
        raise OperatorFault(
            f"no installed package offers a function {missing[0]!r}", f"there are: {there}; 'pip install' it"
        )
    trial = Trial(name, _options(options), area, sites, seconds, home)
    speak()
    told: dict[str, Any] = {}

    async def play_it() -> None:
        told.update(await play(trial, Path(folder)))

    with tempfile.TemporaryDirectory() as folder, progress(f"trying {name} on {sites} house(s)"):
        run_in_loop(play_it())
    if json_:
        document(told)
    else:
        people.print(yaml.safe_dump(told, sort_keys=False))
    if not told["ok"]:
        raise typer.Exit(1)


def confined_in_short(layers: Mapping[str, str]) -> str:
    """Which layers keep a process in on this machine, and which do not; what each is, and why not, is told by --json and the log."""
    holds = [name for name, text in layers.items() if not text.startswith("NOT")]
    lacks = [name for name in layers if name not in holds]
    return ", ".join(holds) + (f"; NOT {', '.join(lacks)}" if lacks else "")


def _options(text: str) -> dict[str, Any]:
    try:
        plain = yaml.safe_load(text)
    except yaml.YAMLError as fault:
        raise OperatorFault(f"{text!r} is no set of options", "write '{option: value}'") from fault
    if not isinstance(plain, dict):
        raise OperatorFault(f"{text!r} is no set of options", "write '{option: value}'")
    return plain


def _installed() -> list[dict[str, Any]]:
    from grid_functions.catalogue import AREA, SITE, plug_ins

    ours = [(name, "sites") for name in SITE] + [(name, "areas") for name in AREA]
    rows: list[dict[str, Any]] = [{"name": name, "of": of, "package": "osed-gateway"} for name, of in ours]
    return rows + [
        {"name": name, "of": "plug-in", "package": f"{one.package} {one.version}".strip()}
        for name, one in plug_ins().items()
    ]
