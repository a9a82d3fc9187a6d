"""What is shown while it plays: a live table on a terminal, plain lines elsewhere."""

from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from gateway.demo.measured import Told
from gateway.demo.registers import Register
from gateway.demo.steps import Result

_STATUS = {
    1: "received",
    2: "started",
    3: "completed",
    6: "cancelled",
    7: "superseded",
    14: "aborted: other program",
    252: "not applicable",
    253: "invalid",
    254: "expired",
}


class Show:
    """One performance. Use as a context manager."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=2, transient=True) if console.is_terminal else None
        self._last = ""
        self._told = 0

    def __enter__(self) -> "Show":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, text: str) -> None:
        """One line."""
        self._console.print(text, highlight=False, soft_wrap=True)

    def begin(self, step: str, title: str) -> None:
        """A step begins."""
        self.say(f"\n== {step}: {title}")

    def end(self, result: Result) -> None:
        """A step's verdict and figures."""
        figures = ", ".join(f"{k} {v}" for k, v in result.figures.items() if k not in ("from_s", "to_s"))
        verdict = Text("ok" if result.ok else "NOT OK", style="green" if result.ok else "bold red")
        self._console.print(
            Text.assemble("   ", verdict, "  ", figures, f"  {result.why}" if result.why else ""), soft_wrap=True
        )

    def refresh(
        self, status: dict[str, Any] | None, meter_w: float | None, registers: list[Register], responses: list[Told]
    ) -> None:
        """The picture of now."""
        bound = _bound(status)
        limits = _limits(registers)
        for told in responses[self._told :]:
            self.say(f"   Response {told.status} {_STATUS.get(told.status, '')} for {told.subject[:8]}...")
        self._told = len(responses)
        export = "?" if meter_w is None else f"{-meter_w:6.0f} W"
        if self._live is None:
            line = f"   bound {bound}; registers {limits}; export {export}"
            if line.split("; export")[0] != self._last:
                self.say(line)
                self._last = line.split("; export")[0]
            return
        self._live.update(_table(status, bound, limits, export, responses))


def _bound(status: dict[str, Any] | None) -> str:
    if status is None:
        return "(gateway away)"
    held = [e for site in status["sites"] for e in site["in_force"] if "ExportLimit" in e["control"]]
    return ", ".join(f"{e['control']} ({e['basis']})" for e in held) or "none"


def _limits(registers: list[Register]) -> str:
    latest = {(r.device, r.point): r.value for r in registers if r.point == "WMaxLimPct"}
    return ", ".join(f"{device} {value:.1f} %" for (device, _), value in sorted(latest.items())) or "-"


def _table(status: dict[str, Any] | None, bound: str, limits: str, export: str, responses: list[Told]) -> Group:
    table = Table(show_header=False, expand=False)
    table.add_row("event", _events(status))
    table.add_row("bound", bound)
    table.add_row("registers, read back by pysunspec2", limits)
    table.add_row("export at the meter", export)
    last = [f"{r.status} {_STATUS.get(r.status, '')} ({r.subject[:8]})" for r in responses[-4:]]
    table.add_row("Responses at the server", ", ".join(last) or "-")
    return Group(table)


def _events(status: dict[str, Any] | None) -> str:
    if status is None:
        return "(gateway away)"
    events = [e for site in status["sites"] for e in site["in_force"] if e["event"]]
    return ", ".join(f"{e['event'][:8]} rank {e['rank']:g} ends in {e['ends_in_s']} s" for e in events) or "none"
