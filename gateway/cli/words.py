"""Commands by which operator and occupant speak: opt, override, release."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from gateway.cli.ask import Config, call
from gateway.cli.output import Json, document, people

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}

Site = Annotated[str | None, typer.Option("--site", help="The site; not needed where there is only one.")]


def opt(
    event: Annotated[str, typer.Argument(help="The event's id, as 'osed events' shows it.")],
    way: Annotated[Literal["in", "out"], typer.Argument(help="in or out")],
    upstream: Annotated[str | None, typer.Option("--upstream", help="Where two upstreams know such an id.")] = None,
    config: Config = Path("osed.yaml"),
    json_: Json = False,
) -> None:
    """Opt out of an event, or in again. It holds over a restart, and the upstream is told.

    Example: osed opt evt-42 out
    """
    answer = call(config, "POST", "/opt", {"event": event, "out": way == "out", "upstream": upstream})
    if json_:
        document(answer)
        return
    for one in answer:
        effect = {"all": "nothing of it holds", "targets": "its targets are dropped, its limits hold"}[one["drops"]]
        said = f"out: {effect}" if one["out"] else "in"
        people.print(f"{one['event']} of {one['upstream']} at {one['site']}: opted {said}")


def override(
    kind: Annotated[
        str,
        typer.Argument(
            help="export_limit, import_limit, generation_limit, load_limit, max_power, target_power, "
            "storage_power, temperature, temperature_offset, off, disconnect or lock."
        ),
    ],
    value: Annotated[
        float | None,
        typer.Argument(help="W, positive = consume in targets; percent for max_power; C and K for temperatures."),
    ] = None,
    site: Site = None,
    device: Annotated[list[str] | None, typer.Option("--device", help="Only this device; may be given again.")] = None,
    by: Annotated[Literal["operator", "occupant"], typer.Option("--by", help="Whose word it is.")] = "operator",
    for_: Annotated[
        str | None, typer.Option("--for", help="How long: 90s, 15m, 2h, 1d; without it until released.")
    ] = None,
    config: Config = Path("osed.yaml"),
    json_: Json = False,
) -> None:
    """Hold a limit, a target, a temperature, an off or a lock by hand. Limits only tighten what others want; it holds over a restart.

    Example: osed override export_limit 2000 --for 2h
    """
    body: dict[str, Any] = {"kind": kind, "value": value, "site": site, "devices": device or [], "by": by}
    answer = call(config, "POST", "/override", body | {"for_s": None if for_ is None else _seconds(for_)})
    if json_:
        document(answer)
        return
    for name in answer["held"]:
        people.print(f"{answer['site']} holds {name}; 'osed release {name}' takes it back")


def release(
    name: Annotated[str | None, typer.Argument(help="What is held, as 'osed status' names it.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Everything that is held.")] = False,
    site: Site = None,
    config: Config = Path("osed.yaml"),
    json_: Json = False,
) -> None:
    """Take an override or lock back.

    Example: osed release operator/export_limit
    """
    if (name is None) is not all_:
        raise typer.BadParameter("name one that is held, or give --all")
    answer = call(config, "POST", "/release", {"name": name, "all": all_, "site": site})
    if json_:
        document(answer)
        return
    for one in answer:
        people.print(f"{one['site']} released {one['released']}")
    if not answer:
        people.print("nothing was held")


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r} is no time: write 90s, 15m, 2h or 1d", param_hint="--for")
    return float(found[1]) * _UNITS[found[2]]
