"""osed test: how a device obeys, measured."""

import asyncio
import fcntl
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.output import Json, aside, document, people, progress, table
from grid_functions.model.errors import OperatorFault

_DISOBEYS = (
    "NO: what is written reads back, and its power does not follow. Is remote control by Modbus enabled in the "
    "installer's menu, and does nothing rank above it (a ripple control, the maker's cloud)?"
)


def commission(
    name: Annotated[str, typer.Argument(metavar="DEVICE", help="The device's name, or SITE/NAME.")],
    config: Annotated[Path, typer.Option("--config", "-c", help="The configuration that names it.")] = Path(
        "osed.yaml"
    ),
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before its power is moved.")] = False,
    json_: Json = False,
) -> None:
    """Commission a device: step its limit down and back, or a resting battery's power, measure how it obeys, and give everything
    back. Takes some minutes.

    Example: osed test pv --yes
    """
    from adapters import catalogue
    from adapters.charger_trial import ChargerFindings, ChargerTrial
    from adapters.commission import Commission, Findings
    from adapters.registers.family import Mapped
    from adapters.registers.map import Sort
    from gateway.clock import SystemClock, SystemDice
    from gateway.config.load import load
    from gateway.specification import DeviceSpec, LinkSpec, device_specs
    from gateway.wiring import FAMILIES, link_to

    loaded = load(config, FAMILIES)
    spec = _chosen(name, device_specs(loaded))
    _alone(loaded.folder / loaded.configuration.gateway.data)
    if not yes and not typer.confirm(
        f"This moves the power of {spec.settings.name} for some minutes. Go on?", err=True
    ):
        raise typer.Exit(1)

    async def run(of: DeviceSpec) -> Findings | ChargerFindings:
        if not isinstance(of.link, LinkSpec) or of.settings.family in catalogue.HEATERS:
            raise OperatorFault(
                f"{of.settings.name} is not moved to try it: it shows by itself what it was told and holds",
                "look at it with 'osed devices' while the gateway runs",
            )
        link = link_to(of.link, SystemDice())
        family = catalogue.FAMILIES[of.settings.family].family(**of.settings.options)
        try:
            if isinstance(family, Mapped) and family.profile.kind is Sort.CHARGER:
                trial = ChargerTrial(family, link, of.settings.unit, SystemClock(), _tell, family.watched)
                return await trial.run()
            return await Commission(family, link, of.settings.unit, SystemClock(), _tell).run()
        finally:
            with suppress(OSError):
                await link.close()

    with progress("commissioning"):
        found = asyncio.run(run(spec))
    charger = isinstance(found, ChargerFindings)
    lines = _charger_lines(found) if charger else _lines(found)
    if json_:
        document({**asdict(found), "lines": lines})
    elif charger:
        _show_charger(found, lines)
    else:
        _show(found, lines)
    if not found.obeys or not found.restored:
        raise typer.Exit(1)


def _tell(text: str) -> None:
    if aside.is_terminal:
        aside.print(f"  {text}")


def _chosen(name: str, devices: dict[str, Any]) -> Any:
    found = {key: spec for key, spec in devices.items() if name in (key, spec.settings.name)}
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        raise OperatorFault(f"{name!r} stands in several sites", f"name one of {', '.join(sorted(found))}")
    raise OperatorFault(f"no device is named {name!r}", f"devices: {', '.join(sorted(devices))}")


def _alone(data: Path) -> None:
    """Two masters on one device would measure each other."""
    lock = data / "lock"
    if not lock.exists():
        return
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as fault:
            raise OperatorFault(f"a gateway runs on {data}", "stop it first: 'osed stop'") from fault


def _lines(found: Any) -> list[str]:
    """What the configuration should say of this device, to paste into its line."""
    plate = found.nameplate
    lines = [f'{what}: "{text}"' for what in ("maker", "model", "serial") if (text := getattr(plate, what))]
    if found.settle_s is not None:
        lines.append(f"settle_s: {max(1.0, round(found.settle_s + 0.5, 1)):g}")
    options = {}
    if found.enable_edge:
        options["enable_edge"] = "true"
    rated_w = plate.max_w or plate.rated_w
    if found.resolution_w is not None and rated_w and (step := 100 * found.resolution_w / rated_w) >= 0.2:
        options["limit_step_pct"] = f"{step:.3g}"
    if options:
        lines.append("options: {" + ", ".join(f"{key}: {value}" for key, value in options.items()) + "}")
    return lines


def _charger_lines(found: Any) -> list[str]:
    """What the configuration should say of this charger."""
    lines = [f'serial: "{found.nameplate.serial}"'] if found.nameplate.serial else []
    if found.settle_s is not None:
        lines.append(f"settle_s: {max(1.0, round(found.settle_s + 0.5, 1)):g}")
    return [*lines, "options: {fallback_seen: true}"] if found.fallback_seen else lines


def _show_charger(found: Any, lines: list[str]) -> None:
    plate = found.nameplate
    people.print(f"{plate.maker} {plate.model}, {plate.rated_a:g} A, its vehicle drew {found.start_a:.1f} A")
    rows = [
        (t.what, f"{t.limit_a:g}", f"{t.current_a:.1f}", "never" if t.after_s is None else f"{t.after_s:.1f}")
        for t in found.trials
    ]
    table("", ("told", "limit A", "current A", "after s"), rows)
    words = {
        "obeys a limit, a pause, and goes on": "yes"
        if found.obeys
        else "NO: what is written reads back, and its current does not follow",
        "settles in": "never" if found.settle_s is None else f"{found.settle_s:.1f} s",
        "when silent": found.fallback,
        "as before": "yes" if found.restored else "NO: it does not read as it did; look at it",
    }
    for what, said in (*words.items(), *found.learnt.items()):
        people.print(f"{what}: {said}")
    people.print("\nto paste into its line:\n  " + "\n  ".join(lines or ["nothing"]))


def _after(trial: Any) -> str:
    if trial.after_s is not None:
        return f"{trial.after_s:.1f}"
    return "never" if trial.timed else ""


def _show(found: Any, lines: list[str]) -> None:
    plate = found.nameplate
    rated_w = plate.max_w or plate.rated_w
    people.print(
        f"{plate.maker} {plate.model}, serial {plate.serial}, {rated_w:g} W, produced {round(found.start_w)} W"
    )
    rows = [
        (t.what, "" if t.limit_w is None else str(round(t.limit_w)), str(round(t.power_w)), _after(t))
        for t in found.trials
    ]
    table("", ("told", "told W", "power W", "after s"), rows)
    words = {
        f"obeys a {found.by}": "yes" if found.obeys else _DISOBEYS,
        "settles in": "not known" if found.settle_s is None else f"{found.settle_s:.1f} s",
        "least step seen": "none" if found.resolution_w is None else f"{found.resolution_w:.3g} W",
        "needs its enable to rise": {None: "not tried", True: "yes", False: "no"}[found.enable_edge],
        "when silent": found.revert,
        "as before": "yes" if found.restored else "NO: it does not read as it did; look at it",
    }
    for what, said in (*words.items(), *found.learnt.items()):
        people.print(f"{what}: {said}")
    for doubt in found.doubts:
        people.print(f"doubt: {doubt}")
    if not found.obeys:  # what was measured on it says nothing of how it will obey
        return
    people.print("\nto paste into its line:\n  " + "\n  ".join(lines))
