"""osed lab: experiments on simulated homes with gateways of their own."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from gateway.cli.output import aside, people, table

app = typer.Typer(no_args_is_help=True, help="Experiments on simulated homes with gateways of their own.")


@app.callback()
def lab() -> None:
    """Experiments on simulated homes with gateways of their own."""


@app.command()
def area(
    homes: Annotated[int, typer.Option(help="How many, 1 to 1000.")] = 50,
    seed: Annotated[int, typer.Option(help="Draws weather, homes and people.")] = 1,
    json_: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all figures as one JSON document.")
    ] = None,
    series: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write what the homes' meters showed as CSV: case, t, home, kw.")
    ] = None,
    report: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page with plots (HTML).")] = None,
    case: Annotated[list[str] | None, typer.Option(help="Play only this case. Repeatable.")] = None,
    charge: Annotated[float, typer.Option(help="Demand charge per kW of the feeder's peak of the day.")] = 0.5,
    late: Annotated[float, typer.Option(help="Share of the homes that answer a round of the talks too late.")] = 0.0,
    processes: Annotated[int, typer.Option(help="Processes the homes are dealt to.")] = 2,
) -> None:
    """Play one winter day of a feeder again and again, each time coordinated in another way, and compare what the meters show.

    Example: osed lab area --homes 50 --seed 7 --json lab.json --series lab.csv --report lab.html
    """
    from gateway.lab import figures
    from gateway.lab.cases import Case
    from gateway.lab.play import play
    from gateway.lab.report import page

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=aside, disable=not aside.is_terminal, transient=True) as bars:
        bar = bars.add_task("", total=1.0)

        def progress(name: str, done: float) -> None:
            bars.update(bar, description=name, completed=done)

        def told(one: Case) -> None:
            bars.console.print(f"{one.name}: peak {one.peak_kw:.1f} kW{'' if one.measured else ' (plan only)'}")

        found = play(
            homes,
            seed,
            charge=charge,
            only=tuple(case or ()),
            late=late,
            processes=processes,
            progress=progress,
            told=told,
        )
    plain = found.plain()
    if json_ is not None:
        _room(json_).write_text(json.dumps(plain, indent=2) + "\n")
    if series is not None:
        figures.series(found, _room(series))
    if report is not None:
        page(found, _room(report))
    names = ("peak_kw", "peak_against_no_control", "cost", "energy_kwh", "comfort_kh", "ev_short_kwh", "tank_short_kwh")
    rows = [(one["name"], "yes" if one["measured"] else "no", *(one[name] for name in names)) for one in plain["cases"]]
    title = f"{homes} homes, seed {seed}: {found.day.station}, {found.day.day}"
    table(title, ("case", "measured", *names), rows)
    if plain["diversity_factor"] is not None:
        people.print(f"diversity factor without control {plain['diversity_factor']}")
    if (talks := plain["day_ahead"]) is not None:
        people.print(f"day-ahead talks: {talks['rounds']} rounds, certified gap {100 * talks['gap']:.2f} %")


def _room(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
