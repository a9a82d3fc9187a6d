"""Commands that ask the running gateway over its local socket."""

import asyncio
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from gateway.cli.output import Json, document, people, table
from gateway.cli.phrases import ago, control, learning, left, limits
from gateway.config.data import data_folder
from gateway.lines import harmless

Config = Annotated[Path, typer.Option("--config", "-c", help="The configuration the gateway runs with.")]


def status(config: Config = Path("osed.yaml"), json_: Json = False) -> None:
    """Show upstreams, what is in force, and every device of every site.

    Example: osed status --config osed.yaml
    """
    answer = _ask(config, "/status")
    if json_:
        document(answer)
        return
    for alarm in answer["alarms"]:
        people.print(f"alarm: {harmless(alarm)}")
    _upstreams(answer["upstreams"])
    for site in answer["sites"]:
        power = "no meter" if site["power_w"] is None else f"{site['power_w']:.0f} W at the meter"
        people.print(f"\nsite {site['site']} ({site['mode']}): {power}")
        _events(site["in_force"])
        _devices(site["devices"])
        for word in site["words"]:
            people.print(f"by hand: {word['name']} {control(word['control'])}, ends in: {left(word['ends_in_s'])}")
        if home := site["told"].get("home"):
            people.print(f"home: {learning(home['learning'])}")
        for alarm in site["alarms"]:
            people.print(f"alarm: {harmless(alarm)}")


def devices(
    name: Annotated[
        str | None, typer.Argument(help="One device: with its inputs and ports of direct current, asked of it now.")
    ] = None,
    config: Config = Path("osed.yaml"),
    families: Annotated[
        bool, typer.Option("--families", help="List what can be named as a device's family instead; needs no gateway.")
    ] = False,
    json_: Json = False,
) -> None:
    """List every device: what it should hold, what it holds, what it measures.

    Example: osed devices pv --json
    """
    if families:
        _families(json_)
        return
    answer = _ask(config, "/devices" if name is None else f"/devices/{quote(name, safe='')}")
    if json_:
        document(answer)
        return
    _devices(answer)
    for one in answer if name is not None else ():
        _ports(one["ports"])


def _families(json_: bool) -> None:
    from adapters.catalogue import CALLING, FAMILIES, HEATERS

    profiled = {name: one.about() for name, one in FAMILIES.items()} | {
        name: one.about() for name, one in HEATERS.items()
    }
    told = sorted((CALLING | profiled).items())
    if json_:
        document(
            [
                {
                    "name": name,
                    "kind": about.kind,
                    "maker": about.maker,
                    "model": about.model,
                    "transport": ", ".join(about.transport),
                    "verified": not about.unverified,
                    "unverified": list(about.unverified),
                    "source": about.source,
                    "controls": list(about.controls),
                    "simulated": about.simulated,
                    "unit": about.unit,
                    "notes": about.notes,
                }
                for name, about in told
            ]
        )
        return
    columns = ("family", "kind", "maker", "model", "transport", "verified", "controls")
    rows = [
        (
            name,
            about.kind,
            about.maker,
            about.model,
            ", ".join(about.transport),
            "no" if about.unverified else "yes",
            ", ".join(about.controls),
        )
        for name, about in told
    ]
    table("", columns, rows)
    people.print("\nverified: no = some of it is known from recollection only; --json tells what.")


def upstreams(config: Config = Path("osed.yaml"), json_: Json = False) -> None:
    """List every upstream session and how it is.

    Example: osed upstreams
    """
    answer = _ask(config, "/upstreams")
    document(answer) if json_ else _upstreams(answer)


def events(config: Config = Path("osed.yaml"), json_: Json = False) -> None:
    """List every control in force with its source, rank, age and end.

    Example: osed events
    """
    answer = _ask(config, "/events")
    document(answer) if json_ else _events(answer)


def prices(config: Config = Path("osed.yaml"), json_: Json = False) -> None:
    """List what energy costs from now on, as upstreams told it.

    Example: osed prices --json
    """
    answer = _ask(config, "/prices")
    if json_:
        document(answer)
        return
    columns = ("site", "of", "starts in", "ends in", "value", "currency", "source", "event")
    lines = [
        [r["site"], r["of"], left(max(0.0, r["starts_in_s"])), left(r["ends_in_s"]), f"{r['value']:g}", r["currency"],
         r["source"], r["event"]]
        for r in answer
    ]  # fmt: skip
    table("", columns, lines, "no upstream tells a price")


def why(
    name: Annotated[str, typer.Argument(help="A device's name or an event's id.")],
    config: Config = Path("osed.yaml"),
    json_: Json = False,
) -> None:
    """Show what holds and why: who asked, rank, since, until, who lost, applied or not.

    Example: osed why pv
    """
    answer = _ask(config, f"/why/{quote(name, safe='')}")
    if json_:
        document(answer)
        return
    if "device" in answer:
        _devices([answer["device"]])
        _claims("holds", answer["holds"])
    else:
        _events(answer["in_force"])
        _claims("won", answer["won"])
    _claims("lost", answer["lost"])
    for record in answer.get("history", ()):
        rest = {key: value for key, value in record.items() if key not in ("utc_s", "kind")}
        people.print(f"{record['utc_s']:.1f} {record['kind']}: {rest}")


def reload(config: Config = Path("osed.yaml"), json_: Json = False) -> None:
    """Have the running gateway read its configuration again and apply what differs; all else goes on untouched.

    Example: osed reload
    """
    answer = call(config, "POST", "/reload")
    if json_:
        document(answer)
        return
    for what in ("added", "changed", "removed"):
        for part in answer[what]:
            people.print(f"{what} {part}")
    people.print(f"{len(answer['kept'])} part(s) untouched")


def stop(
    config: Config = Path("osed.yaml"),
    release: Annotated[bool, typer.Option("--release", help="Give every device back to its baseline first.")] = False,
    json_: Json = False,
) -> None:
    """Stop the gateway. What the devices hold stays, unless --release is given.

    Example: osed stop
    """
    answer = call(config, "POST", "/stop", {"release": release})
    document(answer) if json_ else people.print("stopping")


def _ask(config: Path, route: str) -> Any:
    return call(config, "GET", route)


def call(config: Path, method: str, route: str, body: dict[str, Any] | None = None) -> Any:
    """What the running gateway answers. Raises Unreachable, OperatorFault with what it said."""
    folder = data_folder(config)
    # An HTTP client takes longer to load than all else here: not for --help.
    from gateway.api.socket import call, socket_path

    return asyncio.run(call(socket_path(folder), method, route, body))


def _upstreams(rows: list[dict[str, Any]]) -> None:
    columns = ("upstream", "state", "last read", "clock", "owed", "alarms")
    lines = [
        [r["name"], _state(r), ago(r["last_read_age_s"], "never"), f"{r['clock']['quality']} {r['clock']['ahead_s']:+.1f} s", r["owed"],
         _list(list(r["alarms"].values()))]
        for r in rows
    ]  # fmt: skip
    table("", columns, lines, "no upstreams")


def _state(upstream: dict[str, Any]) -> str:
    if upstream["refused"]:
        return f"refused: {upstream['refused']}"
    if not upstream["reachable"]:
        return "unreachable"
    return "current" if upstream["registered"] else "not registered"


def _events(rows: list[dict[str, Any]]) -> None:
    columns = ("control", "source", "basis", "program", "rank", "since", "ends in", "event")
    lines = [
        [
            control(r["control"]),
            r["source"],
            r["basis"],
            r["program"],
            r["rank"],
            ago(r["since_s"], "always"),
            left(r["ends_in_s"]),
            r["event"],
        ]
        for r in rows
    ]
    table("", columns, lines, "nothing in force")


def _devices(rows: list[dict[str, Any]]) -> None:
    columns = ("device", "role", "online", "power W", "wanted", "holds", "troubles")
    lines = [
        [
            r["name"],
            r.get("role"),
            r["online"],
            r.get("power_w"),
            limits(r["wanted"]),
            limits(r.get("holds")),
            _list(r.get("troubles")),
        ]
        for r in rows
    ]
    table("", columns, lines, "no devices")


def _ports(rows: list[dict[str, Any]]) -> None:
    columns = ("port", "kind", "power W", "current A", "voltage V", "given Wh", "temperature C", "state", "alarms")
    keys = ("name", "kind", "power_w", "current_a", "voltage_v", "given_wh", "temperature_c", "state")
    lines = [[*(row[key] for key in keys), _list(row["alarms"])] for row in rows]
    table("", columns, lines, "tells of no ports of direct current")


def _claims(title: str, rows: list[dict[str, Any]]) -> None:
    columns = ("scope", "quantity", "want", "source", "basis", "rank", "since", "ends in", "event", "lost to", "why")
    lines = [
        [r["scope"], r["quantity"], r["want"], r["source"], r["basis"], r["rank"], ago(r["since_s"], "always"), left(r["ends_in_s"]),
         r["event"], r.get("to"), r.get("why")]
        for r in rows
    ]  # fmt: skip
    table(title, columns, lines)


def _list(values: list[str] | None) -> str:
    return ", ".join(values or ())
