"""What a market awarded, what of it was delivered, and what is due for it: nothing until delivery is verified."""

from collections.abc import Mapping
from dataclasses import dataclass

from grid_functions.area.delivery import LONGEST_GAP_S, Measured, Meter, Verdict, together, verdict
from grid_functions.model.control import DispatchKind, LoadDispatch
from grid_functions.model.event import Interval
from grid_functions.model.lease import MemberReport


@dataclass(frozen=True, slots=True)
class Won:
    """A winner's package, kW by interval, its price in total, and the baseline it is measured against, W."""

    bid: str
    kw: tuple[float, ...]
    price: float
    base_w: float


@dataclass(frozen=True, slots=True)
class Awarded:
    """The award record. ``gap``: proven, relative to cost and penalty together; ``refused`` and ``silent``: whose bids are not in it."""

    market: str
    start_utc_s: float
    step_s: float
    wanted_kw: tuple[float, ...]
    winners: Mapping[str, Won]
    cost: float
    short_kw: tuple[float, ...]
    gap: float
    refused: tuple[tuple[str, str], ...] = ()
    silent: tuple[str, ...] = ()

    @property
    def end_utc_s(self) -> float:
        """When the last interval is over."""
        return self.start_utc_s + self.step_s * len(self.wanted_kw)


@dataclass(frozen=True, slots=True)
class Settled:
    """One row of the settlement ledger: energy in Wh, ``due`` in currency, 0 unless delivery was verified; ``why`` it was not."""

    market: str
    member: str
    awarded_wh: float
    delivered_wh: float
    coverage: float
    due: float
    why: str = ""


def meters_of(awarded: Awarded) -> tuple[Meter, ...]:
    """One for each interval."""
    starts = [awarded.start_utc_s + k * awarded.step_s for k in range(len(awarded.wanted_kw))]
    return tuple(Meter(start_s, start_s + awarded.step_s) for start_s in starts)


def fed(meter: Meter, reports: Mapping[str, MemberReport], awarded: Awarded, utc_s: float) -> Meter:
    """A meter is read from shortly before its interval until shortly after, of winners alone."""
    if not meter.start_utc_s - LONGEST_GAP_S <= utc_s <= meter.end_utc_s + LONGEST_GAP_S:
        return meter
    return meter.fed({member: one for member, one in reports.items() if member in awarded.winners})


def series(won: Won, step_s: float) -> tuple[Interval, ...]:
    """The baseline less what was bid."""
    return tuple(
        Interval(k * step_s, step_s, (LoadDispatch(DispatchKind.SETPOINT_W, won.base_w - kw * 1000.0),))
        for k, kw in enumerate(won.kw)
        if kw > 0.0
    )


def settled(
    awarded: Awarded, member: str, meters: tuple[Meter, ...], tolerance: float, withdrawn: bool = False
) -> Settled:
    """The row of one winner. What was delivered too much in one interval makes up for nothing in another."""
    won = awarded.winners[member]
    hours = awarded.step_s / 3600.0
    parts = [
        verdict(member, kw * 1000.0 * hours, won.base_w, meter.sums.get(member, Measured()), awarded.step_s)
        for kw, meter in zip(won.kw, meters, strict=True)
        if kw > 0.0
    ]
    found = together(parts, tolerance)
    why = "it is enrolled no more" if withdrawn else _why(found, tolerance)
    return Settled(
        awarded.market,
        member,
        found.awarded_wh,
        found.delivered_wh,
        found.coverage,
        0.0 if why else won.price,
        why,
    )


def youngest(ledger: tuple[Settled, ...], kept: int) -> tuple[Settled, ...]:
    """The rows of the last ``kept`` markets."""
    markets = list(dict.fromkeys(row.market for row in ledger))[-kept:]
    return tuple(row for row in ledger if row.market in markets)


def _why(found: Verdict, tolerance: float) -> str:
    if found.delivered:
        return ""
    if found.coverage < 1.0 - tolerance:
        return f"only {found.coverage:.0%} of the time was measured"
    return f"{found.delivered_wh:.0f} Wh of {found.awarded_wh:.0f} Wh"
