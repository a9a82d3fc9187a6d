"""All cases of a small feeder: every figure of the document is arithmetic over what the meters showed, by the csv module alone."""

import csv
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.app import main

pytestmark = pytest.mark.long

HOMES = ("home-0000", "home-0001")
DAY = ("no_control", "flat", "tou", "day_ahead", "best_response", "free_price")
"""Cases of 24 hours in steps of ten minutes; the others are minutes of an evening, and a plan."""

SHARE_KW = 9.0
"""The least that the return of power is held to."""

ROUNDED_KW = 0.0005 * len(HOMES) + 0.0005
"""Each row is told in whole watts, and so is each figure."""

Rows = Mapping[str, Mapping[float, Mapping[str, float]]]
"""By case and UTC, kW of each home."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """No case named: all are played."""
    found = tmp_path_factory.mktemp("lab")
    files = ("--json", str(found / "lab.json"), "--series", str(found / "lab.csv"))
    with pytest.raises(SystemExit) as end:
        main(["lab", "area", "--homes", str(len(HOMES)), "--seed", "1", "--processes", "1", *files])
    assert end.value.code in (0, None)
    return found


@pytest.fixture(scope="module")
def document(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "lab.json").read_text())
    return found


@pytest.fixture(scope="module")
def cases(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in document["cases"]}


@pytest.fixture(scope="module")
def rows(folder: Path) -> Rows:
    found: dict[str, dict[float, dict[str, float]]] = {}
    with (folder / "lab.csv").open() as file:
        for line in csv.DictReader(file):
            at = found.setdefault(line["case"], {}).setdefault(datetime.fromisoformat(line["t"]).timestamp(), {})
            assert line["home"] not in at
            at[line["home"]] = float(line["kw"])
    return found


def feeder(steps: Mapping[float, Mapping[str, float]]) -> list[float]:
    """kW by step."""
    return [sum(steps[at].values()) for at in sorted(steps)]


def test_every_case_is_played_and_all_but_the_plan_at_meters(cases: dict[str, dict[str, Any]], rows: Rows) -> None:
    assert list(cases) == [*DAY[:4], "central", *DAY[4:], "xor", "pickup_free", "pickup"]
    assert {name for name, one in cases.items() if not one["measured"]} == {"central"}
    assert set(rows) == set(cases) - {"central"}


def test_every_step_of_every_home_is_a_row(
    cases: dict[str, dict[str, Any]], rows: Rows, document: dict[str, Any]
) -> None:
    """A day is 144 steps from noon on; the market three hours, and the return two, of minutes, from 15:30 and 18:00 on."""
    noon_s = datetime.fromisoformat(f"{document['weather']['day']}T12:00:00").replace(tzinfo=UTC).timestamp()
    spans = dict.fromkeys(DAY, (0.0, 600.0, 144)) | {
        "xor": (12_600.0, 60.0, 180),
        "pickup_free": (21_600.0, 60.0, 120),
        "pickup": (21_600.0, 60.0, 120),
    }
    for name, (after_s, step_s, steps) in spans.items():
        assert (cases[name]["begins_after_noon_s"], cases[name]["step_s"], cases[name]["steps"]) == spans[name], name
        assert sorted(rows[name]) == [noon_s + after_s + number * step_s for number in range(steps)], name
        assert {frozenset(at) for at in rows[name].values()} == {frozenset(HOMES)}, name


def test_peaks_energies_and_costs_are_those_of_the_series(
    cases: dict[str, dict[str, Any]], rows: Rows, document: dict[str, Any]
) -> None:
    """Each home buys at one price and sells at the other; the feeder's peak is charged once."""
    buys, sells = document["prices"]["import"], document["prices"]["export"]
    for name, steps in rows.items():
        hours = cases[name]["step_s"] / 3600.0
        load, each = feeder(steps), [kw for at in steps.values() for kw in at.values()]
        assert cases[name]["peak_kw"] == pytest.approx(max(load), abs=ROUNDED_KW), name
        assert cases[name]["energy_kwh"] == pytest.approx(sum(load) * hours, abs=ROUNDED_KW * len(load) * hours), name
        cost = sum(kw * (buys if kw > 0.0 else sells) for kw in each) * hours + document["demand_charge"] * max(load)
        assert cases[name]["cost"] == pytest.approx(cost, abs=0.01), name


def test_days_are_set_against_the_day_without_control_and_hours_against_nothing(
    cases: dict[str, dict[str, Any]], rows: Rows, document: dict[str, Any]
) -> None:
    none_kw = max(feeder(rows["no_control"]))
    for name in DAY:
        relative = max(feeder(rows[name])) / none_kw - 1.0
        assert cases[name]["peak_against_no_control"] == pytest.approx(relative, abs=5e-4), name
    assert [cases[name]["peak_against_no_control"] for name in ("xor", "pickup_free", "pickup")] == [None] * 3
    own = [max(at[home] for at in rows["no_control"].values()) for home in HOMES]
    assert document["diversity_factor"] == pytest.approx(sum(own) / none_kw, abs=1e-3)


def test_the_talks_stand_between_their_bound_and_the_plan_of_everything(
    cases: dict[str, dict[str, Any]], document: dict[str, Any]
) -> None:
    talks = document["day_ahead"]
    assert talks["gap"] == pytest.approx((talks["upper"] - talks["lower"]) / talks["upper"], abs=1e-4)
    assert talks["central_gap"] == pytest.approx(talks["upper"] / talks["central_cost"] - 1.0, abs=1e-3)
    assert talks["plan_peak_over_central"] == pytest.approx(talks["plan_peak_kw"] / talks["central_peak_kw"], abs=1e-3)
    assert talks["central_peak_kw"] == cases["central"]["peak_kw"]


def test_what_the_market_paid_for_was_delivered_by_the_meters(rows: Rows, document: dict[str, Any]) -> None:
    """Of each interval, what a home took less than its base, but no more than it won."""
    market = document["market"]
    lots = market["lots"]
    assert market["winners"] == len(lots) > 0
    for lot in lots:
        delivered_kwh = 0.0
        for number, won_kw in enumerate(lot["kw"]):
            begin_s = lot["start_utc_s"] + number * lot["step_s"]
            took = [at[lot["home"]] for t, at in rows["xor"].items() if begin_s <= t < begin_s + lot["step_s"]]
            assert len(took) == lot["step_s"] / 60.0
            delivered_kwh += min(won_kw, max(0.0, lot["base_kw"] - sum(took) / len(took))) * lot["step_s"] / 3600.0
        assert lot["delivered_kwh"] == pytest.approx(delivered_kwh, abs=0.01), lot["home"]
    won_kwh = sum(kw * lot["step_s"] / 3600.0 for lot in lots for kw in lot["kw"])
    assert market["awarded_kwh"] == pytest.approx(won_kwh, abs=1e-3)
    assert market["delivered_kwh"] == pytest.approx(sum(lot["delivered_kwh"] for lot in lots), abs=1e-3)
    assert market["paid"] == pytest.approx(sum(lot["due"] for lot in lots), abs=1e-3)


def test_the_return_was_held_to_its_limit_while_it_was_held(rows: Rows, document: dict[str, Any]) -> None:
    found = document["pickup"]
    free, held = feeder(rows["pickup_free"]), feeder(rows["pickup"])
    assert found["free_peak_kw"] == pytest.approx(max(free), abs=ROUNDED_KW)
    assert found["limit_kw"] == max(SHARE_KW, round(0.6 * max(free), 1))
    minutes = len(held) if found["held_min"] is None else round(found["held_min"])
    assert found["held_peak_kw"] == pytest.approx(max(held[:minutes]), abs=ROUNDED_KW)
    after = held[minutes:]
    assert found["after_peak_kw"] == (pytest.approx(max(after), abs=ROUNDED_KW) if after else None)
