"""Commands on areas: edge coordinators made, changed, listed, told and unmade while the gateway runs."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.table import Table

from gateway.cli.ask import Config, call
from gateway.cli.output import Json, document, people
from grid_functions.model.errors import OperatorFault

app = typer.Typer(
    no_args_is_help=True, help="Edge coordinators: an area, its member sites, and the functions wanted there."
)

Site = Annotated[list[str], typer.Option("--site", help="A member site; may be given again.")]
Run = Annotated[
    list[str] | None,
    typer.Option(
        "--function",
        help="A function and its options, e.g. 'day_ahead' or 'day_ahead: {charge: 0.5}'; may be given again.",
    ),
]
At = Annotated[
    str | None,
    typer.Option("--connection", help="The site whose meter is the area's and whose upstreams speak for it."),
]
Name = Annotated[str, typer.Argument(help="The area's name.")]


@app.command()
def create(
    name: Name,
    site: Site,
    function: Run = None,
    connection: At = None,
    config: Config = Path("osed.yaml"),
    json_: Json = False,
) -> None:
    """Make an area and run the functions named. It is kept over a restart.

    Example: osed area create feeder-12 --site house-1 --site house-2 --function 'tariff: {kind: time_of_use}'
    """
    _told(call(config, "POST", "/areas/create", _area(name, site, function, connection)), json_)


@app.command()
def change(
    name: Name,
    site: Site,
    function: Run = None,
    connection: At = None,
    config: Config = Path("osed.yaml"),
    json_: Json = False,
) -> None:
    """Give an area other members or functions, all of them anew.

    Example: osed area change feeder-12 --site house-1 --function day_ahead
    """
    _told(call(config, "POST", "/areas/change", _area(name, site, function, connection)), json_)


@app.command()
def destroy(name: Name, config: Config = Path("osed.yaml"), json_: Json = False) -> None:
    """Unmake an area: everything it leased is taken back, nothing of it stays.

    Example: osed area destroy feeder-12
    """
    answer = call(config, "POST", "/areas/destroy", {"name": name})
    if json_:
        document(answer)
    else:
        people.print(f"{name} is destroyed")


@app.command(name="list")
def list_(config: Config = Path("osed.yaml"), json_: Json = False) -> None:
    """All areas, their members, and what is granted to them.

    Example: osed area list --json
    """
    answer = call(config, "GET", "/areas")
    if json_:
        document(answer)
        return
    table = Table("area", "members", "functions", "granted", "alarms", box=None)
    for one in answer:
        made = one["name"] + (" (osed.yaml)" if one["file"] else "")
        columns = (", ".join(one["members"]), ", ".join(one["functions"]), "\n".join(one["grants"]))
        table.add_row(made, *columns, "\n".join(one["alarms"].values()))
    people.print(table if answer else "no area; 'osed area create' makes one")


@app.command()
def show(name: Name, config: Config = Path("osed.yaml"), json_: Json = False) -> None:
    """What the functions of an area have to tell: answers, awards, settlements, consumption.

    Example: osed area show feeder-12 --json
    """
    found = next((one for one in call(config, "GET", "/areas") if one["name"] == name), None)
    if found is None:
        raise OperatorFault(f"no area is named {name!r}", "'osed area list' shows all")
    if json_:
        document(found)
    else:
        people.print(yaml.safe_dump(found["told"], sort_keys=False) if found["told"] else "nothing to tell yet")


@app.command()
def order(
    name: Name,
    function: Annotated[str, typer.Argument(help="The function, e.g. day_ahead.")],
    what: Annotated[str, typer.Argument(help="What it is to do, e.g. begin.")],
    options: Annotated[str, typer.Argument(help="How, e.g. '{value_c: 18, duration_s: 3600}'.")] = "{}",
    config: Config = Path("osed.yaml"),
    json_: Json = False,
) -> None:
    """Tell a function of an area to act now.

    Example: osed area order feeder-12 direct_load_control thermostat '{value_c: 18, duration_s: 3600}'
    """
    body = {"area": name, "function": function, "order": what, "options": _options(options)}
    answer = call(config, "POST", "/areas/order", body)
    if json_:
        document(answer)
    else:
        people.print(f"{function} of {name} was told to {what}", *answer["alarms"], sep="\n")


def _area(name: str, sites: list[str], functions: list[str] | None, connection: str | None) -> dict[str, Any]:
    from gateway.config.areas import AreaFunctions

    chosen: dict[str, Any] = {}
    for text in functions or ():
        try:
            plain = yaml.safe_load(text)
        except yaml.YAMLError as fault:
            raise OperatorFault(f"{text!r} names no function", "write 'name' or 'name: {option: value}'") from fault
        if isinstance(plain, str):
            chosen[plain] = {}
        elif isinstance(plain, dict):
            chosen |= {key: value or {} for key, value in plain.items()}
        else:
            raise OperatorFault(f"{text!r} names no function", "write 'name' or 'name: {option: value}'")
    ours = {key: chosen[key] for key in chosen if key in AreaFunctions.model_fields}
    plug_ins = {key: chosen[key] for key in chosen if key not in ours}
    return {"name": name, "sites": sites, "functions": ours, "plug_ins": plug_ins, "connection": connection}


def _options(text: str) -> dict[str, Any]:
    try:
        plain = json.loads(json.dumps(yaml.safe_load(text)))
    except (yaml.YAMLError, TypeError) as fault:
        raise OperatorFault(f"{text!r} is no set of options", "write '{option: value}'") from fault
    if not isinstance(plain, dict):
        raise OperatorFault(f"{text!r} is no set of options", "write '{option: value}'")
    return plain


def _told(answer: dict[str, Any], json_: bool) -> None:
    if json_:
        document(answer)
    else:
        functions = ", ".join(answer["functions"]) or "no function yet"
        people.print(f"{answer['name']}: {', '.join(answer['members'])}; runs {functions}")
