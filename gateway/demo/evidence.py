"""Everything measured at a site, and how it is left for a stranger to recompute."""

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gateway.demo import feeder
from gateway.demo.measured import Sample, Told
from gateway.demo.registers import Register
from gateway.demo.setting import Setting
from gateway.demo.step import Result
from gateway.lab.figures import Found
from gateway.lab.report import page


@dataclass(frozen=True, slots=True)
class Evidence:
    """From the beginning, ``began_s`` in UTC seconds, to the end. ``rows``: what devices recorded of themselves each second: t_s, device,
    model (0: no SunSpec register), point, value.
    """

    site: Setting
    began_s: float
    meter: Sequence[Sample]
    registers: Sequence[Register]
    responses: Sequence[Told]
    results: Sequence[Result]
    rows: Sequence[Sequence[Any]] = ()


@dataclass(frozen=True, slots=True)
class FeederEvidence:
    """Of the feeder: ``found``, all that was played, and ``series``, what its meters showed, as CSV."""

    results: Sequence[Result]
    found: Found
    series: str


def limits(result: Result) -> list[tuple[float, float, float]]:
    """The limits of the connection point that a step was about: from, to (UTC seconds), W, positive = of export, negative = of import."""
    spans = result.figures.get("envelope", ())
    if not spans and isinstance(limit_w := result.figures.get("limit_w"), int | float):
        return [(result.figures["from_s"], result.figures["to_s"], limit_w)]
    return [
        (from_s, to_s, limit_w if direction == "export" else -limit_w) for from_s, to_s, direction, limit_w in spans
    ]


def leave(keep: Path, found: Sequence[Evidence], folder: Path) -> None:
    """The files of each site in a folder of its own: the meter, registers, Responses, the simulation's record, the logs."""
    for one in found:
        own = keep / one.site.folder
        own.mkdir(parents=True, exist_ok=True)
        _table(own / "meter.csv", ("t_s", "w"), ((f"{t_s:.3f}", f"{w:.1f}") for t_s, w in one.meter))
        rows = ((f"{r.t_s:.3f}", r.device, r.model, r.point, r.value) for r in one.registers)
        _table(own / "registers.csv", ("t_s", "device", "model", "point", "value"), rows)
        write(own / "responses.json", [asdict(r) for r in one.responses])
        raised = folder / one.site.name
        # writes.csv and samples.csv: what the devices recorded of themselves, also while nobody could ask them
        for path in (*(raised / "site").glob("[sw]*.csv"), *raised.glob("*.log")):
            (own / path.name).write_bytes(path.read_bytes())


def leave_feeder(keep: Path, fed: FeederEvidence) -> None:
    """The series that every verdict is reckoned from, and the laboratory's own figures and page."""
    own = keep / feeder.NAME
    own.mkdir(parents=True, exist_ok=True)
    (own / "series.csv").write_text(fed.series)
    write(own / "lab.json", fed.found.plain())
    page(fed.found, own / "lab.html")


def write(path: Path, plain: Any) -> None:
    """One JSON document."""
    path.write_text(json.dumps(plain, indent=2) + "\n")


def _table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
