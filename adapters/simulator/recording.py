"""What a run leaves behind: each second, each applied write; in memory and, if asked, as CSV files."""

import csv
from collections import deque
from pathlib import Path

from adapters.simulator.site import Row, Second

KEPT = 200_000
"""Rows kept in memory per kind; the files keep all."""


class Recorder:
    """Takes seconds and writes. With a folder, appends meter.csv, samples.csv and writes.csv there as they come."""

    def __init__(self, folder: Path | None = None) -> None:
        self.meter: deque[tuple[float, float]] = deque(maxlen=KEPT)
        self.samples: deque[Row] = deque(maxlen=KEPT)
        self.writes: deque[Row] = deque(maxlen=KEPT)
        self._folder = folder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            _begin(folder / "meter.csv", ("t_s", "w"))
            _begin(folder / "samples.csv", _COLUMNS)
            _begin(folder / "writes.csv", _COLUMNS)

    def passed(self, seconds: tuple[Second, ...]) -> None:
        """Whole seconds that have gone by."""
        meter = [(second.t_s, round(second.meter_w, 3)) for second in seconds]
        rows = [row for second in seconds for row in second.rows]
        self.meter.extend(meter)
        self.samples.extend(rows)
        if self._folder is not None and seconds:
            _append(self._folder / "meter.csv", meter)
            _append(self._folder / "samples.csv", [_plain(row) for row in rows])

    def applied(self, rows: tuple[Row, ...]) -> None:
        """What one accepted write set."""
        self.writes.extend(rows)
        if self._folder is not None:
            _append(self._folder / "writes.csv", [_plain(row) for row in rows])

    def dump(self, since_s: float) -> dict[str, list[list[object]]]:
        """All rows later than `since_s`, as lists in the CSVs' column order."""
        return {
            "meter": [[t, w] for t, w in self.meter if t > since_s],
            "samples": [list(_plain(row)) for row in self.samples if row.t_s > since_s],
            "writes": [list(_plain(row)) for row in self.writes if row.t_s > since_s],
        }


_COLUMNS = ("t_s", "device", "model", "point", "value")


def _plain(row: Row) -> tuple[object, ...]:
    return (row.t_s, row.device, row.model, row.point, row.value)


def _begin(path: Path, columns: tuple[str, ...]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerow(columns)


def _append(path: Path, rows: list[tuple[object, ...]] | list[tuple[float, float]]) -> None:
    with path.open("a", newline="") as file:
        csv.writer(file).writerows(rows)
