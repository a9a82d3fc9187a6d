"""What is shown while it plays: a live table on a terminal, plain lines elsewhere; every line begins with its step."""

from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from gateway.cli.phrases import control
from gateway.demo.measured import Told
from gateway.demo.registers import Register
from gateway.demo.step import Result

_STATUS = {
    1: "received",
    2: "started",
    3: "completed",
    6: "cancelled",
    7: "superseded",
    13: "displaced",
    14: "aborted: other program",
    252: "not applicable",
    253: "invalid",
    254: "expired",
}


class Show:
    """One performance at all its sites. Use as a context manager."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=2, transient=True) if console.is_terminal else None
        self._parts: dict[str, Part] = {}

    def __enter__(self) -> "Show":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def part(self, site: str) -> "Part":
        """What is shown of one site."""
        part = self._parts[site] = Part(self, site)
        return part

    def say(self, *text: str | Text) -> None:
        """One line."""
        self._console.print(Text.assemble(*text), highlight=False, soft_wrap=True)

    def draw(self) -> bool:
        """Draw the tables; whether there is a terminal to draw them on."""
        if self._live is None:
            return False
        self._live.update(Group(*(part.table for part in self._parts.values() if part.table is not None)))
        return True


class Part:
    """One site's share of the performance."""

    def __init__(self, show: Show, site: str) -> None:
        self._show = show
        self._site = site
        self._step = site
        self._last = ""
        self._told = 0
        self.table: Table | None = None

    def say(self, *text: str | Text) -> None:
        """One line of the step that plays."""
        self._show.say(f"{self._step:<17}", *text)

    def begin(self, step: str, title: str) -> None:
        """A step begins, by its id."""
        self._step = step
        self.say(Text(title, style="bold"))

    def far(self, what: str, done: float) -> None:
        """How far something is that takes its time, as a share of 1; shown on a terminal alone."""
        self.table = _table({self._site: self._step, what: f"{100.0 * done:.0f} %"})
        self._show.draw()

    def end(self, result: Result) -> None:
        """A step's verdict and figures."""
        verdict = Text("ok" if result.ok else "NOT OK", style="green" if result.ok else "bold red")
        self.say(verdict, "  ", told(result))

    def refresh(
        self, status: dict[str, Any] | None, meter_w: float | None, registers: list[Register], responses: list[Told]
    ) -> None:
        """The picture of now."""
        bound = _bound(status)
        limits = _limits(registers)
        alarms = _alarms(status)
        for told in responses[self._told :]:
            self.say(f"  Response {told.status} {_STATUS.get(told.status, '')} for {told.subject[:8]}...")
        self._told = len(responses)
        export = "?" if meter_w is None else f"{-meter_w:6.0f} W"
        last = [f"{r.status} {_STATUS.get(r.status, '')} ({r.subject[:8]})" for r in responses[-4:]]
        self.table = _table(
            {
                self._site: self._step,
                "event": _events(status),
                "bound": bound,
                "registers, read back by pysunspec2": limits,
                "export at the meter": export,
                "Responses at the server": ", ".join(last) or "-",
                "alarms of the gateway": alarms or "-",
            }
        )
        if self._show.draw():
            return
        line = f"  bound {bound}; registers {limits}" + (f"; alarm {alarms}" if alarms else "")
        if line != self._last:
            self.say(f"{line}; export {export}")
            self._last = line


def told(result: Result) -> str:
    """A step's figures and what it says of them, on one line."""
    figures = ", ".join(f"{k} {v}" for k, v in result.figures.items() if k not in ("from_s", "to_s"))
    return figures + (f"  {result.why}" if result.why else "")


def _bound(status: dict[str, Any] | None) -> str:
    if status is None:
        return "(gateway away)"
    held = [e for site in status["sites"] for e in site["in_force"] if e["control"]["mode"] == "export_limit"]
    others = [e for site in status["sites"] for e in site["in_force"] if e not in held and e["event"]]
    return ", ".join(f"{control(e['control'])} ({e['basis']})" for e in [*held, *others]) or "none"


def _alarms(status: dict[str, Any] | None) -> str:
    sites = (status or {"sites": []})["sites"]
    troubles = [f"{d['name']} {t}" for site in sites for d in site["devices"] for t in d.get("troubles", ())]
    alarms = [alarm for site in sites for alarm in site["alarms"]]
    return "; ".join([*alarms, *(trouble for trouble in troubles if not trouble.endswith(" no_watchdog"))])


def _limits(registers: list[Register]) -> str:
    latest = {(r.device, r.point): r.value for r in registers if r.point == "WMaxLimPct"}
    told = [f"{device} {value:.1f} %" for (device, _), value in sorted(latest.items())]
    amps = {r.device: r.value for r in registers if r.point == "limit_a"}
    return ", ".join([*told, *(f"{device} {value:g} A" for device, value in sorted(amps.items()))]) or "-"


def _table(rows: dict[str, str]) -> Table:
    table = Table(show_header=False, expand=False)
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _events(status: dict[str, Any] | None) -> str:
    if status is None:
        return "(gateway away)"
    events = [e for site in status["sites"] for e in site["in_force"] if e["event"]]
    return ", ".join(f"{e['event'][:8]} rank {e['rank']:g} ends in {e['ends_in_s']} s" for e in events) or "none"
