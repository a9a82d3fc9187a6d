"""Names of functions: one meaning each."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from grid_functions._blueprint import QuietHours, QuietHoursOptions
from grid_functions.catalogue import AREA, GROUP, SITE, Maker, built_in, folders_of, load_plug_in, plug_ins
from grid_functions.model.errors import ConfigurationFault

OURS = {
    *("limit_power", "dispatch", "reactive", "curves", "connect"),
    *("shed", "load_dispatch", "load_control", "load_shape", "storage_charge", "capacity", "prices", "alerts"),
    *("charging", "storage_limits", "storage_mode", "power_limit", "ramp_limit"),
    *("home", "thermostat"),
}
PLUG_IN = Maker("quiet_hours", QuietHoursOptions, QuietHours)


def point(name: str, attribute: str) -> EntryPoint:
    """An entry point into this very module."""
    return EntryPoint(name, f"{__name__}:{attribute}", GROUP)


def test_our_own_are_there_without_any_plug_in() -> None:
    assert set(SITE) == OURS
    assert set(built_in()) == set(SITE)


def test_an_installed_function_is_listed_without_a_line_of_it_being_run() -> None:
    found = plug_ins([EntryPoint("gone", "no_such_package_at_all:x", GROUP), point("quiet_hours", "PLUG_IN")])
    assert {name: one.value for name, one in found.items()} == {
        "gone": "no_such_package_at_all:x",
        "quiet_hours": f"{__name__}:PLUG_IN",
    }


def test_where_a_package_lies_is_told_without_a_line_of_it_being_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "explosive"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('it was run')")
    monkeypatch.syspath_prepend(tmp_path)
    points = [EntryPoint("bang", "explosive.inner:MAKER", GROUP), EntryPoint("gone", "no_such_package_at_all:x", GROUP)]
    assert [folders_of(name, points) for name in ("bang", "gone", "unknown")] == [(str(package),), (), ()]


def test_every_name_that_is_taken_is_named_at_once() -> None:
    ours, area = point("limit_power", "PLUG_IN"), point("day_ahead", "PLUG_IN")
    twice = [point("mine", "PLUG_IN"), EntryPoint("mine", "another.package:x", GROUP)]
    with pytest.raises(ConfigurationFault) as caught:
        plug_ins([ours, area, *twice])
    assert len(caught.value.mistakes) == 3


def test_in_its_own_process_an_installed_function_is_loaded() -> None:
    assert load_plug_in("quiet_hours", [point("quiet_hours", "PLUG_IN")]) is PLUG_IN


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (point("other", "PLUG_IN"), "no Maker of that name"),
        (point("other", "__name__"), "no Maker of that name"),
        (EntryPoint("other", "no_such_package_at_all:x", GROUP), "cannot be loaded: ModuleNotFoundError"),
        (EntryPoint("another", "no_such_package_at_all:x", GROUP), "no installed package offers"),
    ],
)
def test_what_is_no_function_says_why(bad: EntryPoint, why: str) -> None:
    with pytest.raises(ConfigurationFault, match=why):
        load_plug_in("other", [bad])


def test_every_state_is_of_the_first_version() -> None:
    """Whoever changes what a function keeps says how the ledgers in the field are read then."""
    for name, maker in {**SITE, **AREA}.items():
        assert maker.build(maker.options()).empty().version == 1, name


def test_every_function_runs_with_its_default_options() -> None:
    for name, function in built_in().items():
        assert function.empty() == function.empty(), name
