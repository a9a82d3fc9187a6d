"""Two hours of an evening rather than a day: a market for reductions, and the return of power after an outage, read minute by minute."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gateway.lab.area import Coordinator
from gateway.lab.cases import ONCE_S, Case, Laboratory
from gateway.lab.house import MINUTE_S
from gateway.lab.street import Play, Window
from grid_functions.area.cold_load_pickup import NAME as PICKUP
from grid_functions.area.cold_load_pickup import ColdLoadPickup, ColdLoadPickupOptions
from grid_functions.area.settlement import Awarded, Settled
from grid_functions.area.xor_market import NAME as MARKET
from grid_functions.area.xor_market import XorMarket, XorMarketOptions

MARKET_FROM_S, MARKET_S = 3.5 * 3600.0, 6.5 * 3600.0
_OPENS_S = 3900.0
OUTAGE_ENDS_S, FREE_S = 6.0 * 3600.0, 2.0 * 3600.0
RETURN_S, AFTER_S = 12.0 * 3600.0, 3600.0
"""The return as the coordinator lets them is played until so long after the last was let go, and no longer than that in all."""

COLD_K = 2.0
"""What rooms lost in the outage; tanks four times as much."""

SHARE_KW, HOLD_S = 9.0, 2700.0
_LIMIT = 0.6


@dataclass(frozen=True, slots=True)
class Lot:
    """What one home won: ``kw`` less than ``base_kw`` by interval of ``step_s`` from ``start_utc_s`` on.

    ``delivered_kwh`` and ``due``: as the settlement ledger has them.
    """

    home: str
    start_utc_s: float
    step_s: float
    kw: tuple[float, ...]
    base_kw: float
    delivered_kwh: float
    due: float


@dataclass(frozen=True, slots=True)
class Market:
    """``gap`` of the clearing, proven; energy ``wanted``, ``awarded`` and ``delivered``, kWh; ``flagged``: who did not deliver, and why.

    ``lots``: all that delivery can be reckoned from again, with the series.
    """

    gap: float
    wanted_kwh: float
    awarded_kwh: float
    delivered_kwh: float
    paid: float
    winners: int
    flagged: dict[str, str]
    lots: tuple[Lot, ...] = ()


@dataclass(frozen=True, slots=True)
class Return:
    """``limit_kw`` that was to be kept; the highest minute when nobody is held; the highest while homes were held, and after that.

    ``held_min``: how long shares held; None = to the end.
    """

    limit_kw: float
    free_peak_kw: float
    held_peak_kw: float
    after_peak_kw: float | None
    held_min: float | None


def market(lab: Laboratory) -> tuple[Case, Market]:
    """Homes plan for themselves at one price; at 16:35 reductions from 17:10 on are asked for."""
    wanted_kw = 0.4 * len(lab.crew.specs)
    options = XorMarketOptions(wanted_kw=wanted_kw, price=0.25, lead_s=1800.0)
    area = Coordinator(lab.crew, {MARKET: XorMarket(options)})
    began_s = lab.crew.noon_utc_s + MARKET_FROM_S
    lab.crew.begin(Play(options=lab.options(ONCE_S), poll_s=MINUTE_S), began_s)

    def order(window: Window) -> None:
        opens = window.utc_s - began_s == _OPENS_S
        area.step(lab.bent(window), [(MARKET, "open", {})] if opens else ())

    case = _minutes(lab, "xor", began_s, MARKET_S, lambda until_s: area.pass_to(until_s, meters=True), order)
    durable = area.of(MARKET).durable
    awarded = durable.awarded
    rows = durable.ledger
    found = Market(
        0.0 if awarded is None else awarded.gap,
        wanted_kw * options.steps * options.step_s / 3600.0,
        sum(row.awarded_wh for row in rows) / 1000.0,
        sum(row.delivered_wh for row in rows) / 1000.0,
        sum(row.due for row in rows),
        0 if awarded is None else len(awarded.winners),
        {row.member: row.why for row in rows if row.why},
        () if awarded is None else tuple(_lot(awarded, row) for row in rows),
    )
    return case, found


def pickup(lab: Laboratory) -> tuple[Case, Case, Return]:
    """Power returns at 18:00 to cold homes: first to all at once, then as the area's coordinator lets them."""
    began_s = lab.crew.noon_utc_s + OUTAGE_ENDS_S
    lab.crew.begin(Play(gateways=False, cold_k=COLD_K), began_s)
    free = _minutes(
        lab,
        "pickup_free",
        began_s,
        FREE_S,
        lambda until_s: lab.crew.advance(until_s, meters=True),
        lambda window: None,
    )
    limit_kw = max(SHARE_KW, round(_LIMIT * free.peak_kw, 1))
    options = ColdLoadPickupOptions(limit_kw=limit_kw, share_kw=SHARE_KW, hold_s=HOLD_S)
    area = Coordinator(lab.crew, {PICKUP: ColdLoadPickup(options)}, ttl_s=600.0)
    lab.crew.begin(Play(options=lab.options(ONCE_S), poll_s=MINUTE_S / 2.0, cold_k=COLD_K, held=True), began_s)
    area.step(Window(began_s, {}, (), {}), [(PICKUP, "begin", {})])

    def over(utc_s: float) -> bool:
        durable = area.of(PICKUP).durable
        return durable.pickup is None and utc_s >= durable.ended_utc_s + AFTER_S

    staged = _minutes(
        lab, "pickup", began_s, RETURN_S, lambda until_s: area.pass_to(until_s, meters=True), area.step, over
    )
    durable = area.of(PICKUP).durable
    held_min = (durable.ended_utc_s - began_s) / 60.0 if durable.pickup is None else None
    load = staged.feeder_kw
    last = len(load) if held_min is None else round(held_min)
    after_kw = float(load[last:].max()) if last < len(load) else None
    return free, staged, Return(limit_kw, free.peak_kw, float(load[:last].max()), after_kw, held_min)


def _lot(awarded: Awarded, row: Settled) -> Lot:
    won = awarded.winners[row.member]
    return Lot(
        row.member,
        awarded.start_utc_s,
        awarded.step_s,
        won.kw,
        won.base_w / 1000.0,
        row.delivered_wh / 1000.0,
        row.due,
    )


def _minutes(
    lab: Laboratory,
    name: str,
    began_s: float,
    length_s: float,
    pass_to: Callable[[float], Window],
    after: Callable[[Window], Any],
    over: Callable[[float], bool] = lambda utc_s: False,
) -> Case:
    window = pass_to(began_s)
    after(window)
    before = window.counters_wh
    kw: dict[str, list[float]] = {one: [] for one in before}
    steps = round(length_s / MINUTE_S)
    for k in range(steps):
        window = pass_to(began_s + (k + 1) * MINUTE_S)
        after(window)
        for one, wh in window.counters_wh.items():
            kw[one].append((wh - before[one]) / 1000.0 * 3600.0 / MINUTE_S)
        before = window.counters_wh
        if over(window.utc_s):
            break
        lab.progress(name, (k + 1) / steps)
    lab.progress(name, 1.0)
    series = {one: np.array(values) for one, values in sorted(kw.items())}
    return Case(name, True, series, began_s - lab.crew.noon_utc_s, MINUTE_S, lab.crew.end())
