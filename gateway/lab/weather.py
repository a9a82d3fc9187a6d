"""January days of the typical years that come with pvlib, and the household load of BDEW's standard profile, by demandlib.

Both are the extra ``lab``. The days are real measurements chosen as typical (TMY3: Greensboro, North Carolina, 723170TYA; Sand Point,
Alaska, 703165TY); the load is the profile H25 of 2025, which is a mean over many households: what one household does around it is drawn
(:mod:`gateway.lab.fleet`).
"""

import warnings
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from grid_functions.building.program import Vector
from grid_functions.model.errors import OperatorFault

STEP_S, STEPS = 600.0, 144
"""The grid of everything in the laboratory: a day from noon to noon."""

STATIONS = {"Greensboro NC": "723170TYA.CSV", "Sand Point AK": "703165TY.csv"}
_YEAR = 2026
_DAYS = 28
_TILT, _SOUTH = 45.0, 180.0


@dataclass(frozen=True, slots=True, eq=False)
class Day:
    """From noon of ``day`` local time, by step: air in degrees Celsius, irradiance on a roof that faces south (W/m2), and the power of a
    household that takes 1 kWh a year (W)."""

    station: str
    day: date
    outdoor_c: Vector
    sun_w_m2: Vector
    household: Vector

    @property
    def weekday(self) -> int:
        """Of the noon it begins at, 0 = Monday."""
        return self.day.weekday()


def drawn(seed: int) -> Day:
    """The day of a seed: station and date at random, the same for all homes of a feeder. Raises OperatorFault without the extra."""
    draw = np.random.default_rng([seed, 0])
    station = list(STATIONS)[int(draw.integers(len(STATIONS)))]
    return noon_to_noon(station, date(_YEAR, 1, 2) + timedelta(days=int(draw.integers(_DAYS))))


def noon_to_noon(station: str, day: date) -> Day:
    """Weather of a station and BDEW's load from that noon on."""
    # How other packages use a third one is not ours to warn of.
    with warnings.catch_warnings():
        try:
            import pandas
            import pvlib
            from demandlib.bdew import H25
        except ImportError as missing:
            raise OperatorFault(
                f"the laboratory needs {missing.name or 'pvlib and demandlib'}, which is not installed",
                "pip install 'osed-gateway[lab]'",
            ) from missing
        warnings.simplefilter("ignore")
        path = Path(pvlib.__file__).parent / "data" / STATIONS[station]
        year, site = pvlib.iotools.read_tmy3(path, coerce_year=_YEAR, map_variables=True)
        sun = pvlib.solarposition.get_solarposition(year.index, site["latitude"], site["longitude"])
        plane = pvlib.irradiance.get_total_irradiance(
            _TILT, _SOUTH, sun["apparent_zenith"], sun["azimuth"], year["dni"], year["ghi"], year["dhi"]
        )
        span = pandas.date_range(f"{day} 12:00", periods=96, freq="15min")
        profile = H25(span).to_numpy(dtype=np.float64)
    hours = year.index.tz_localize(None)
    known = (hours - hours[0]).total_seconds().to_numpy() + 3600.0
    noon_s = (day - date(_YEAR, 1, 1)).days * 86_400.0 + 43_200.0
    middles = noon_s + (np.arange(STEPS) + 0.5) * STEP_S
    outdoor = np.interp(middles, known, year["temp_air"].to_numpy(dtype=np.float64))
    # An hour's irradiance is the mean of the hour before its stamp.
    irradiance = np.interp(middles, known - 1800.0, np.nan_to_num(plane["poa_global"].to_numpy(dtype=np.float64)))
    # The profile is in kW of 1 GWh a year, by quarters of an hour.
    quarters = (np.arange(len(profile)) + 0.5) * 900.0
    household = np.interp((np.arange(STEPS) + 0.5) * STEP_S, quarters, profile / 1000.0)
    return Day(station, day, outdoor, np.maximum(irradiance, 0.0), household)
