"""What a laboratory day says in figures: one JSON document and one CSV, from which every peak can be reckoned again."""

import csv
import dataclasses
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.lab.cases import EXPORT_PRICE, IMPORT_PRICE, Case, Talked, gap_to
from gateway.lab.events import Market, Return
from gateway.lab.home import PATHS
from gateway.lab.weather import Day


@dataclass(slots=True)
class Found:
    """All that was played. ``central``: cost and peak of the central plan."""

    homes: int
    seed: int
    day: Day
    noon_utc_s: float
    charge: float
    late: float = 0.0
    cases: dict[str, Case] = field(default_factory=dict)
    talked: Talked | None = None
    central: tuple[float, float] | None = None
    market: Market | None = None
    pickup: Return | None = None

    @property
    def against_no_control(self) -> dict[str, float]:
        """The change of the peak by case, relative, of the cases that play the whole day."""
        none = self.cases.get("no_control")
        if none is None:
            return {}
        whole = {name: case for name, case in self.cases.items() if case.step_s == none.step_s}
        return {name: case.peak_kw / none.peak_kw - 1.0 for name, case in whole.items()}

    @property
    def diversity(self) -> float | None:
        """The sum of the homes' own peaks over the feeder's, without control."""
        none = self.cases.get("no_control")
        return None if none is None else sum(float(kw.max()) for kw in none.kw.values()) / none.peak_kw

    def plain(self) -> dict[str, Any]:
        """The document."""
        return {
            "homes": self.homes,
            "seed": self.seed,
            "demand_charge": self.charge,
            "prices": {"import": IMPORT_PRICE, "export": EXPORT_PRICE},
            "weather": {
                "source": "TMY3 in pvlib",
                "station": self.day.station,
                "day": str(self.day.day),
                "mean_c": _round(float(self.day.outdoor_c.mean())),
                "least_c": _round(float(self.day.outdoor_c.min())),
            },
            "loads": "BDEW H25 by demandlib, scaled and scattered by seed",
            "paths": dict(PATHS),
            "diversity_factor": _round(self.diversity),
            "cases": [_case(case, self.charge, self.against_no_control) for case in self.cases.values()],
            "day_ahead": self._talks(),
            "market": None if self.market is None else _rounded(dataclasses.asdict(self.market)),
            "pickup": None if self.pickup is None else _rounded(dataclasses.asdict(self.pickup)),
        }

    def _talks(self) -> dict[str, Any] | None:
        if self.talked is None:
            return None
        told = self.talked.certificate
        cost, peak_kw = self.central if self.central is not None else (None, None)
        return {
            "rounds": told.rounds,
            "gap": _round(told.gap, 6),
            "rounds_to_1_pct": self.talked.rounds_to(0.01),
            "central_gap": None if cost is None else _round(gap_to(told.upper, cost), 6),
            "lower": _round(told.lower),
            "upper": _round(told.upper),
            "missing": list(told.missing),
            "refused": dict(told.refused),
            "late_share": self.late,
            "plan_peak_kw": _round(told.peak_kw),
            "central_cost": _round(cost),
            "central_peak_kw": _round(peak_kw),
            "plan_peak_over_central": None if peak_kw is None else _round(told.peak_kw / peak_kw, 4),
            "letters_bytes": self.talked.letters_bytes,
        }


def _case(case: Case, charge: float, against: Mapping[str, float]) -> dict[str, Any]:
    ended = case.ended
    told: dict[str, Any] = {
        "name": case.name,
        "measured": case.measured,
        "begins_after_noon_s": case.began_s,
        "step_s": case.step_s,
        "steps": len(case.feeder_kw),
        "peak_kw": _round(case.peak_kw),
        "peak_against_no_control": _round(against.get(case.name), 4),
        "cost": _round(case.money(charge)),
        "energy_kwh": _round(case.energy_kwh),
    }
    sums = {
        "comfort_kh": sum(one.comfort_kh for one in ended),
        "ev_short_kwh": sum(one.ev_short_kwh for one in ended),
        "ev_charged_kwh": sum(one.ev_charged_kwh for one in ended),
        "tank_short_kwh": sum(one.tank_short_kwh for one in ended),
        "end_state_kwh": sum(one.stored_kwh for one in ended),
    }
    told |= {name: _round(value) if ended else None for name, value in sums.items()}
    return told | {"alarms": sorted({alarm for one in ended for alarm in one.alarms})}


def series(found: Found, path: Path) -> None:
    """``case, t, home, kw``: mean power from ``t`` (UTC) on for the case's step, 3 decimals; only what was read at meters."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["case", "t", "home", "kw"])
    for case in found.cases.values():
        if not case.measured:
            continue
        times = [_at(found.noon_utc_s + case.began_s + k * case.step_s) for k in range(len(case.feeder_kw))]
        for home, kw in case.kw.items():
            rows.writerows([case.name, t, home, f"{value:.3f}"] for t, value in zip(times, kw.tolist(), strict=True))
    path.write_text(text.getvalue())


def peaks(lines: Sequence[Mapping[str, str]]) -> dict[str, float]:
    """The feeder's peak of each case, kW, from the rows of such a file alone."""
    sums: dict[str, dict[str, float]] = {}
    for line in lines:
        at = sums.setdefault(line["case"], {})
        at[line["t"]] = at.get(line["t"], 0.0) + float(line["kw"])
    return {case: max(at.values()) for case, at in sums.items()}


def _at(utc_s: float) -> str:
    return datetime.fromtimestamp(utc_s, UTC).isoformat().replace("+00:00", "Z")


def _round(value: float | None, digits: int = 3) -> float | None:
    return None if value is None else round(float(value), digits)


def _rounded(plain: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in plain.items()}
