"""What a steward foresees of its horizon: weather, the load that nobody plans, and prices."""

from collections.abc import Iterable

import numpy as np

from grid_functions.building.diary import Diary
from grid_functions.building.dwelling import Outlook
from grid_functions.building.forecast import forecast
from grid_functions.building.home import Tariff
from grid_functions.building.options import HomeOptions
from grid_functions.building.part import Horizon
from grid_functions.building.program import Vector
from grid_functions.letters import Weather
from grid_functions.model.claim import InForce
from grid_functions.model.tariff import Price, Priced, PriceKind

_KNOWN_S = 2 * 86_400.0
"""Of measured base load, for it to be foreseen from that."""

_SUN_DOUBT = 0.2


def outlook(options: HomeOptions, weather: Weather | None, diary: Diary, usual_w: float, horizon: Horizon) -> Outlook:
    """By step. ``usual_w``: what the connection is wont to take, where neither the diary nor configuration says more."""
    times = horizon.start_utc_s + (np.arange(horizon.steps) + 0.5) * horizon.step_s
    base_w = _base_w(options, diary, horizon, times.tolist(), usual_w)
    if weather is None or not weather.outdoor_c or len(weather.outdoor_c) != len(weather.sun_w_m2):
        return Outlook(np.full(horizon.steps, options.outdoor_c), np.zeros(horizon.steps), base_w)
    known = weather.start_utc_s + (np.arange(len(weather.outdoor_c)) + 0.5) * weather.step_s
    sun = np.interp(times, known, np.array(weather.sun_w_m2), left=0.0, right=0.0)
    return Outlook(np.interp(times, known, np.array(weather.outdoor_c)), np.maximum(sun, 0.0), base_w)


def doubt_w(options: HomeOptions, seen: Outlook, doubt: float) -> Vector:
    """By how much the home may take more than is foreseen, by step: of its household the share ``doubt``, of its sun a fifth."""
    offered = [sun.array.offered_w(seen.sun_w_m2, seen.outdoor_c) for sun in options.dwelling.suns]
    doubted: Vector = doubt * seen.base_w + _SUN_DOUBT * sum(offered, np.zeros(len(seen.base_w)))
    return doubted


def tariff(options: HomeOptions, horizon: Horizon, held: Iterable[InForce]) -> Tariff:
    """Prices by step: what is in force or known ahead, else configuration's; export never above import."""
    imported = np.full(horizon.steps, options.import_price)
    exported = np.full(horizon.steps, options.export_price)
    for one in held:
        match one.control:
            case Price(of=Priced.IMPORT, kind=PriceKind.ABSOLUTE, value=value):
                _put(imported, horizon, one, value)
            case Price(of=Priced.EXPORT, kind=PriceKind.ABSOLUTE, value=value):
                _put(exported, horizon, one, value)
    return Tariff(imported, np.minimum(exported, imported - 1e-3))


def _base_w(options: HomeOptions, diary: Diary, horizon: Horizon, times: list[float], usual_w: float) -> Vector:
    known = diary.base()
    if len(known) * diary.step_s >= _KNOWN_S:
        foreseen = forecast(known, horizon.start_utc_s, horizon.step_s, horizon.steps, options.civil.at)
        if foreseen is not None:
            return foreseen
    if not options.base_by_hour_w:
        return np.full(len(times), max(0.0, usual_w))
    hours = [(options.civil.at(utc_s)[1] / 3600.0 - 0.5) % 24.0 for utc_s in times]
    told: Vector = np.interp(hours, np.arange(24), np.array(options.base_by_hour_w), period=24.0)
    return told


def _put(into: Vector, horizon: Horizon, held: InForce, value: float) -> None:
    """A price into the steps it holds at the beginning of; on an upstream's clock, which is near enough for prices."""
    starts = horizon.start_utc_s + np.arange(horizon.steps) * horizon.step_s
    until = np.inf if held.until is None else held.until.at_s
    if np.isfinite(value):
        into[(starts >= held.since.at_s - horizon.step_s) & (starts < until)] = value
