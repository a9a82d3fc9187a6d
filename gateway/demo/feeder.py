"""The steps at the feeder: ten homes of the laboratory, one winter day, again and again. Each judges by the series of their meters.

Homes are simulated and time is injected; their gateways, ledgers and drivers are real, over Modbus/TCP. What no meter shows (how warm rooms
were, how full cars left) is the simulation's own tally, and only ever compared with the day that nobody controlled.
"""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from gateway.demo.reckoned import Metered, metered, off_plan, reduced_kwh
from gateway.demo.sabotage import Sabotage
from gateway.demo.step import Result
from gateway.lab import figures
from gateway.lab.cases import Case, Laboratory
from gateway.lab.figures import Found
from gateway.lab.play import one, opened
from gateway.lab.street import Ended, Window
from grid_functions import letters
from grid_functions.letters import Profile, Way
from grid_functions.model.lease import Message

NAME: Final = "feeder"
HOMES, SEED = 10, 1
BROKEN: Final = "home-0006"
"""The home that a sabotage strikes."""

LEAST_CUT: Final = 0.15
"""Of the peak without control."""

MOST_GAP, MOST_ROUNDS = 0.01, 60
MOST_OFF: Final = 0.2
"""How far a home may be from its plan; homes that follow theirs were measured at 0.02 to 0.2, one that does not at 0.6 and more."""

SAME: Final = 0.02
"""Cars leave as full, and what is stored at the end is as much, as without control."""

_NEAR_KWH = 0.1


class Feeder:
    """The stage: the cases as they are played, and what their meters showed, from ``series.csv`` in ``folder``."""

    def __init__(self, lab: Laboratory, found: Found, folder: Path) -> None:
        self.found = found
        self.series = folder / "series.csv"
        self._lab = lab

    def case(self, name: str, measured: str = "") -> tuple[Case, Metered]:
        """Play a case if it has not been played, and read its meters from the file. ``measured``: the case as it is called there."""
        name_there = measured or name
        if name_there not in self.found.cases:
            one(name, self._lab, self.found)
            figures.series(self.found, self.series)
        with self.series.open(newline="") as file:
            return self.found.cases[name_there], metered(list(csv.DictReader(file)), name_there)


@contextmanager
def staged(folder: Path, sabotage: Sabotage | None, far: Callable[[str, float], None]) -> Iterator[Feeder]:
    """Ten homes in two processes. ``far``: told the case that plays, and how far it is."""
    with opened(HOMES, SEED, progress=far) as (lab, found):
        if sabotage is Sabotage.HOME_LIES:
            lab.bent = _lying
        elif sabotage is Sabotage.HOME_IGNORES:
            lab.deaf = frozenset({BROKEN})
        yield Feeder(lab, found, folder)


@dataclass(frozen=True, slots=True)
class FeederStep:
    """A step: ``play`` acts and judges; it takes its time."""

    id: str
    title: str
    play: Callable[[Feeder], Result]


def no_control(feeder: Feeder) -> Result:
    """Thermostats, tanks and chargers as people leave them: what all else is compared with."""
    case, shown = feeder.case("no_control")
    told = {
        "peak_kw": round(shown.peak_kw(), 2),
        "energy_kwh": round(shown.energy_kwh, 1),
        "diversity_factor": round(shown.diversity, 2),
        "comfort_kh": _sum(case, lambda home: home.comfort_kh),
    }
    return _result(NO_CONTROL, _read_whole(shown) and shown.peak_kw() > 0.0, told)


def day_ahead(feeder: Feeder) -> Result:
    """The peak falls, everybody follows what was agreed, and nobody is colder or leaves emptier for it."""
    free, before = feeder.case("no_control")
    case, shown = feeder.case("day_ahead")
    talked = feeder.found.talked
    if talked is None or not _read_whole(shown):
        return _result(DAY_AHEAD, False, {}, "no plan was agreed, or not all meters were read")
    peak, free_peak = shown.peak_kw(), before.peak_kw()
    off = {home: round(off_plan(powers, talked.plan[home].tolist()), 3) for home, powers in shown.homes.items()}
    astray = {home: share for home, share in off.items() if share > MOST_OFF}
    certificate = talked.certificate
    told = {
        "peak_kw": round(peak, 2),
        "against_no_control_pct": round(100.0 * (peak / free_peak - 1.0), 1),
        "plan_peak_kw": round(certificate.peak_kw, 2),
        "gap_pct": round(100.0 * certificate.gap, 2),
        "rounds": certificate.rounds,
        "comfort_kh": _sum(case, lambda home: home.comfort_kh),
        "comfort_no_control_kh": _sum(free, lambda home: home.comfort_kh),
        "ev_charged_kwh": _sum(case, lambda home: home.ev_charged_kwh),
        "most_off_plan": max(off.values()),
    }
    kept = {
        f"off their plan: {astray}": not astray,
        f"the peak is less than {LEAST_CUT:.0%} under no control": peak <= (1.0 - LEAST_CUT) * free_peak,
        "the certificate": certificate.gap <= MOST_GAP and certificate.rounds <= MOST_ROUNDS,
        f"missing {certificate.missing}, refused {certificate.refused}": not certificate.missing
        and not certificate.refused,
        "colder": told["comfort_kh"] <= told["comfort_no_control_kh"] + _NEAR_KWH,
        "cars": _alike(case, free, lambda home: home.ev_charged_kwh),
        "what is stored at the end": _alike(case, free, lambda home: home.stored_kwh),
    }
    return _result(DAY_AHEAD, all(kept.values()), told, "; ".join(what for what, good in kept.items() if not good))


def market(feeder: Feeder) -> Result:
    """The ledger of the market says what the meters show: who delivered is paid, who did not is flagged and is not."""
    _, shown = feeder.case("xor")
    found = feeder.found.market
    if found is None or not found.lots or not _read_whole(shown):
        return _result(MARKET, False, {}, "nobody won anything, or not all meters were read")
    wrong = []
    delivered_kwh = 0.0
    for lot in found.lots:
        reckoned_kwh = reduced_kwh(shown, lot.home, lot.base_kw, lot.kw, lot.start_utc_s, lot.step_s)
        delivered_kwh += reckoned_kwh
        awarded_kwh = sum(lot.kw) * lot.step_s / 3600.0
        near = max(_NEAR_KWH, 0.05 * awarded_kwh)
        enough = reckoned_kwh >= 0.9 * awarded_kwh
        sure = abs(reckoned_kwh - 0.9 * awarded_kwh) > near
        paid = lot.due > 0.0
        if abs(reckoned_kwh - lot.delivered_kwh) > near:
            wrong.append(f"{lot.home}: {lot.delivered_kwh:.2f} kWh in the ledger, {reckoned_kwh:.2f} at the meter")
        if (sure and paid is not enough) or paid is (lot.home in found.flagged):
            wrong.append(f"{lot.home}: due {lot.due}, {'' if lot.home in found.flagged else 'not '}flagged")
    if not found.paid:
        wrong.append("nobody who won delivered")
    told = {
        "peak_kw": round(shown.peak_kw(), 2),
        "gap_pct": round(100.0 * found.gap, 3),
        "wanted_kwh": found.wanted_kwh,
        "awarded_kwh": round(found.awarded_kwh, 2),
        "delivered_kwh": round(delivered_kwh, 2),
        "paid": round(found.paid, 2),
        "flagged": found.flagged,
    }
    return _result(MARKET, not wrong and found.awarded_kwh > 0.0, told, "; ".join(wrong))


def pickup(feeder: Feeder) -> Result:
    """Power returns to cold homes: the coordinator lets them back so that the feeder's limit holds, until an hour after the last was let
    go. All at once would break it.
    """
    _, free = feeder.case("pickup", "pickup_free")
    case, shown = feeder.case("pickup")
    found = feeder.found.pickup
    if found is None or not (_read_whole(shown) and _read_whole(free)):
        return _result(PICKUP, False, {}, "not all meters were read")
    began_s = feeder.found.noon_utc_s + case.began_s
    free_peak = free.peak_kw()
    held = shown.peak_kw() if found.held_min is None else shown.peak_kw(to_s=began_s + 60.0 * found.held_min)
    after = None if found.held_min is None else shown.peak_kw(from_s=began_s + 60.0 * found.held_min)
    told = {
        "peak_kw": round(held, 2),
        "limit_kw": found.limit_kw,
        "all_at_once_kw": round(free_peak, 2),
        "held_min": found.held_min,
        "afterwards_kw": None if after is None else round(after, 2),
    }
    ok = held <= found.limit_kw < free_peak and after is not None and after <= found.limit_kw
    return _result(PICKUP, ok, told)


NO_CONTROL: Final = ("no-control", "ten homes on a winter day, as people leave them")
DAY_AHEAD: Final = ("day-ahead", "homes and feeder agree on a plan by prices, and follow it")
MARKET: Final = ("market", "a market for less power: bids, award, delivery, ledger")
PICKUP: Final = ("pickup", "power returns after an outage, home by home")
STEPS: Final = (
    FeederStep(*NO_CONTROL, no_control),
    FeederStep(*DAY_AHEAD, day_ahead),
    FeederStep(*MARKET, market),
    FeederStep(*PICKUP, pickup),
)


def _result(step: tuple[str, str], ok: bool, told: dict[str, Any], why: str = "") -> Result:
    return Result(*step, ok, told, why, NAME)


def _read_whole(shown: Metered) -> bool:
    return shown.whole and len(shown.homes) == HOMES


def _sum(case: Case, of: Callable[[Ended], float]) -> float:
    return round(sum(of(home) for home in case.ended), 2)


def _alike(case: Case, free: Case, of: Callable[[Ended], float]) -> bool:
    """Whether two cases came to the same, but for little."""
    wanted = _sum(free, of)
    return abs(_sum(case, of) - wanted) <= SAME * abs(wanted)


def _lying(window: Window) -> Window:
    """Sabotage: one home says in each round that it takes a third of what it will, at no cost."""
    return replace(window, letters=tuple(_lied(message) for message in window.letters))


def _lied(message: Message) -> Message:
    letter = letters.read(message, Way.UP) if message.sender == BROKEN else None
    if not isinstance(letter, Profile):
        return message
    lie = replace(letter, cost=0.0, net_kw=tuple(kw / 3.0 for kw in letter.net_kw))
    return letters.write(lie, message.function, message.to, message.sender, message.id)
