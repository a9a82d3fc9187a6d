"""The days are those of the files that pvlib ships, the load is BDEW's; without the extra people are told how to get it."""

import csv
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pvlib
import pytest

from gateway.lab.weather import drawn, noon_to_noon
from tests.gateway.command import osed


def test_the_air_is_as_in_the_file() -> None:
    """A step's middle lies between two hours of the file, read here without any library of weather."""
    path = Path(pvlib.__file__).parent / "data" / "723170TYA.CSV"
    rows = list(csv.DictReader(path.read_text().splitlines()[1:]))
    by_time = {(row["Date (MM/DD/YYYY)"][:5], row["Time (HH:MM)"]): float(row["Dry-bulb (C)"]) for row in rows}
    at_12, at_13 = by_time["01/16", "12:00"], by_time["01/16", "13:00"]
    day = noon_to_noon("Greensboro NC", date(2026, 1, 16))
    assert day.outdoor_c[0] == pytest.approx(at_12 + (at_13 - at_12) * 5.0 / 60.0, abs=1e-6)
    assert day.sun_w_m2[72] == 0.0  # midnight
    assert 0.0 < day.sun_w_m2.max() < 1200.0


def test_the_household_is_a_winter_day_of_one_kilowatt_hour_a_year() -> None:
    """A year's mean is 1000 / 8760 = 0.114 W; a January day lies a little above it, and its evening above its night."""
    day = noon_to_noon("Sand Point AK", date(2026, 1, 14))
    assert 0.114 < float(day.household.mean()) < 0.16
    assert day.household[39] > 2.0 * day.household[84]  # 18:30 and 2:00
    assert day.household.min() > 0.0


def test_a_seed_draws_always_the_same_day() -> None:
    first, again = drawn(5), drawn(5)
    assert (first.station, first.day) == (again.station, again.day)
    assert np.array_equal(first.outdoor_c, again.outdoor_c)
    assert len({(drawn(seed).station, drawn(seed).day) for seed in range(6)}) > 3


def test_without_the_extra_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pvlib", None)
    code, out, err = osed(capsys, "lab", "area", "--homes", 2)
    assert (code, out) == (1, "")
    assert "pip install 'osed-gateway[lab]'" in err
    assert err.count("\n") == 1
