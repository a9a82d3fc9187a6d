"""A small feeder from the command line: what it writes hangs together, and says what was measured and what was not."""

import csv
import json
from pathlib import Path

import pytest

from gateway.cli.app import main
from gateway.lab.figures import peaks
from gateway.lab.fleet import Spec, fleet
from gateway.lab.weather import drawn
from tests.gateway.command import osed

WHOLE = ("no_control", "day_ahead", "central")
LEAST_KWH = 0.230 * 6.0 / 6.0
"""What a charger gives in a step of ten minutes at the least it can keep, 6 A at 230 V (IEC 61851-1)."""


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two homes, in one process of their own."""
    return _played(tmp_path_factory.mktemp("lab"), WHOLE, processes=1)


def _played(folder: Path, cases: tuple[str, ...], processes: int) -> Path:
    files = {"--json": "lab.json", "--series": "lab.csv", "--report": "lab.html"}
    given = ["lab", "area", "--homes", "2", "--seed", "1", "--processes", str(processes)]
    given += [word for name in cases for word in ("--case", name)]
    given += [word for option, name in files.items() for word in (option, str(folder / name))]
    with pytest.raises(SystemExit) as end:
        main(given)
    assert end.value.code in (0, None)
    return folder


def test_every_case_is_told_and_the_plan_is_no_measurement(played: Path) -> None:
    found = json.loads((played / "lab.json").read_text())
    assert (found["homes"], found["seed"]) == (2, 1)
    assert {one["name"]: one["measured"] for one in found["cases"]} == {
        "no_control": True,
        "day_ahead": True,
        "central": False,
    }
    assert found["paths"].keys() == {"grid-meter", "evse", "battery", "pv", "living", "bedrooms", "tank"}
    assert all(path.startswith("Modbus/TCP") for path in found["paths"].values())


def test_peaks_can_be_reckoned_from_the_series(played: Path) -> None:
    """Sums of 144 steps of two homes, by the csv module alone; the plan has no rows."""
    found = json.loads((played / "lab.json").read_text())
    with (played / "lab.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 2 * 144 * 2
    again = peaks(lines)
    told = {one["name"]: one["peak_kw"] for one in found["cases"] if one["measured"]}
    assert again == pytest.approx(told, abs=0.002)
    sums: dict[str, float] = {}
    for line in lines:
        if line["case"] == "no_control":
            sums[line["t"]] = sums.get(line["t"], 0.0) + float(line["kw"])
    assert max(sums.values()) == pytest.approx(told["no_control"], abs=0.002)


def test_the_certificate_encloses_the_central_optimum(played: Path) -> None:
    """No plan is cheaper than the optimum, no bound above it, by more than the solver's own tolerance."""
    talks = json.loads((played / "lab.json").read_text())["day_ahead"]
    assert talks["lower"] <= talks["central_cost"] * 1.0001
    assert talks["upper"] >= talks["central_cost"] * 0.999
    assert talks["gap"] == pytest.approx((talks["upper"] - talks["lower"]) / talks["upper"], abs=1e-4)
    assert talks["missing"] == []
    assert talks["refused"] == {}


def test_what_was_agreed_is_done_and_nobody_pays_for_it(played: Path) -> None:
    """Less at the peak; as much in tank and car; no less comfort. A car lacks only what it came emptier than its gateway counts on, for
    no charger tells that, and less than a step of charging.
    """
    cases = {one["name"]: one for one in json.loads((played / "lab.json").read_text())["cases"]}
    none, agreed = cases["no_control"], cases["day_ahead"]
    assert agreed["peak_kw"] < 0.9 * none["peak_kw"]
    assert agreed["alarms"] == []
    assert agreed["comfort_kh"] <= none["comfort_kh"] + 0.1
    unforeseen = [_unforeseen_kwh(spec) for spec in fleet(2, 1, drawn(1))]
    lacking = none["ev_charged_kwh"] - agreed["ev_charged_kwh"]
    assert -1e-3 <= lacking <= sum(unforeseen) + len(unforeseen) * LEAST_KWH
    assert agreed["end_state_kwh"] == pytest.approx(none["end_state_kwh"], rel=0.02)


def _unforeseen_kwh(spec: Spec) -> float:
    """By how much more the car needs than its gateway counts on; 0 where it needs less."""
    assert spec.car is not None
    counted = spec.dwelling.cars[0]
    counted_wh = (counted.wanted_pct - counted.arrives_pct) / 100.0 * counted.store.capacity_wh
    return max(0.0, spec.car.wanted_wh - spec.car.arrives_wh - counted_wh) / 1000.0


def test_a_seed_gives_the_same_day_each_time(played: Path, tmp_path: Path) -> None:
    """To the byte, however many processes play it."""
    again = _played(tmp_path, WHOLE, processes=2)
    assert (again / "lab.csv").read_bytes() == (played / "lab.csv").read_bytes()
    cases = [json.loads((folder / "lab.json").read_text()) for folder in (again, played)]
    assert cases[0] == cases[1]


def test_the_page_stands_by_itself(played: Path) -> None:
    page = (played / "lab.html").read_text()
    assert "<td>central</td><td>plan only</td>" in page
    assert 'src="http' not in page


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--case", "magic"), "no case 'magic'"),
        (("--homes", "0"), "0 homes"),
        (("--homes", "1001"), "1001 homes"),
        (("--seed", "-1"), "seed -1"),
        (("--charge", "0"), "demand charge"),
        (("--late", "1"), "share from 0 up to 1"),
    ],
)
def test_what_cannot_be_played_is_said_in_a_line(
    given: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = osed(capsys, "lab", "area", *given)
    assert (code, out) == (1, "")
    assert said in err
    assert err.count("\n") == 1
