"""Profiles of heaters as files: a broken one is refused with every mistake named, and what is shipped is whole."""

from pathlib import Path

import pytest

from adapters.catalogue import CALLING, FAMILIES, HEATERS, distinct
from adapters.heaters.options import HeaterOptions
from adapters.heaters.profile import heater, read_heater
from adapters.registers.library import BLUEPRINT as NAME
from grid_functions.model.errors import ConfigurationFault, OurFault
from tests.adapters.heaters.stage import BLUEPRINT

ROOT = Path(__file__).parents[3]
BROKEN = [
    ("kind: heater", "kind: charger", "kind", "heater"),
    ("kind: heater", "kind: heater\ncolour: red", "colour", "Extra"),
    ("  temperature: {point: target,", "  temperature: {point: warmth,", "knobs.temperature.point", "can be written"),
    ("  temperature: {point: target,", "  temperature: {point: room,", "knobs.temperature.point", "can be written"),
    (", access: write, read_back: target_now}", ", access: write}", "knobs.temperature.point", "readable somewhere"),
    ("least_c: 5, most_c: 30", "least_c: 30, most_c: 30", "knobs.temperature.least_c", "below most_c"),
    ("least_c: 5, most_c: 30", "least_c: 5, most_c: .nan", "knobs.temperature.most_c", "finite number"),
    (
        "target: {at: 200, type: i16",
        "target: {at: 200, between: [6, 40], type: i16",
        "knobs.temperature",
        "cannot hold",
    ),
    ("step_k: 0.5", "step_k: 0.25", "knobs.temperature.step_k", "whole number of its point's scale, 0.1"),
    ("step_k: 0.5", "step_k: 0.04", "knobs.temperature.step_k", "whole number of its point's scale, 0.1"),
    ("step_k: 0.5", "step_k: 0", "knobs.temperature.step_k", "greater than 0"),
    ("writes_per_day: 48", "writes_per_day: 0", "knobs.temperature.writes_per_day", "greater than or equal to 1"),
    ("switch: {point: mode,", "switch: {point: kind,", "knobs.switch.point", "can be written"),
    ("value_on: 2, value_off: 0", "value_on: 2, value_off: 2", "knobs.switch.value_off", "told apart"),
    ("value_on: 2, value_off: 0", "value_on: 2, value_off: -1", "knobs.switch", "cannot hold"),
    ("value_on: 2, value_off: 0", "value_on: 2", "knobs.switch.value_off", "required"),
    ("  temperature: {points: [room]}\n", "", "measures", "measures a temperature"),
    (
        "  temperature: {points: [room]}",
        "  temperature.a: {points: [room]}",
        "measures.temperature.a",
        "no such quantity",
    ),
    ("rated_w: 9000", "rated_w: most", "rated_w", "no point that can be read"),
    ("rated_w: 9000", "rated_w: 0", "rated_w", "greater than 0"),
    ("recognise: {kind: [41, 42]}", "recognise: {colour: [41]}", "recognise", "no point that can be read"),
    ("identity: {serial: serial}", "identity: {serial: number}", "identity.serial", "no point that can be read"),
    ("room: {at: 100, table: input", "room: {at: 70000, table: input", "points.room.at", "65535"),
    ("mode: {at: 201,", "mode: {at: 201, table: input,", "points.mode.access", "only be read"),
]


def mistakes(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationFault) as caught:
        read_heater(text, "mine.yaml")
    return caught.value.mistakes


@pytest.mark.parametrize(("old", "new", "key", "rule"), BROKEN)
def test_each_mistake_names_file_key_and_rule(old: str, new: str, key: str, rule: str) -> None:
    assert BLUEPRINT.count(old) >= 1
    told = mistakes(BLUEPRINT.replace(old, new, 1))
    assert any(line.startswith(f"mine.yaml: {key}") and rule in line for line in told), told


def test_every_mistake_at_once() -> None:
    text = BLUEPRINT.replace("step_k: 0.5", "step_k: 0.25").replace("value_off: 0", "value_off: 2")
    assert len(mistakes(text)) == 2


@pytest.mark.parametrize("text", ["", "7", "[]", "kind: heater", "{", "\0", "a: &a [*a]"])
def test_what_is_no_profile(text: str) -> None:
    assert all(line.startswith("mine.yaml: ") for line in mistakes(text))


def test_the_blueprint_is_whole_and_no_family() -> None:
    assert read_heater(BLUEPRINT, "_blueprint.yaml").controls == ("thermostat", "switch")
    assert NAME not in HEATERS
    assert heater(NAME).unverified == ("used",)


def test_a_heater_that_is_called_as_another_family_stops_the_program() -> None:
    assert not HEATERS.keys() & (FAMILIES.keys() | CALLING.keys())
    with pytest.raises(OurFault, match="two device families are called mypv-elwa-2"):
        distinct(HEATERS, {"keba-p30", "mypv-elwa-2"})


def test_every_file_is_a_family_and_every_word_of_the_page() -> None:
    files = {path.stem for path in (ROOT / "adapters/devices/heaters").glob("*.yaml")}
    assert files - {NAME} == set(HEATERS)
    page = (ROOT / "docs/devices.md").read_text()
    for name, entry in HEATERS.items():
        about = entry.about()
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells[1:] == [
            about.kind,
            f"{about.maker} {about.model}",
            ", ".join(about.transport),
            str(about.unit),
            ", ".join(about.controls),
            ", ".join(about.unverified) or "nothing",
        ]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"least_c": 4.0}, "4 to 30 is no part of 5 to 30"),
        ({"most_c": 31.0}, "5 to 31 is no part of 5 to 30"),
        ({"least_c": 20.0, "most_c": 20.0}, "20 to 20 is no part"),
        ({"least_c": "warm"}, "least_c: 'warm' is no number"),
        ({"most_c": True}, "most_c: True is no number"),
        ({"most_c": float("nan")}, "most_c: nan is no number"),
        ({"rated_w": -1}, "rated_w: -1 is no number from 0"),
    ],
)
def test_options_that_are_none(said: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        HEATERS["stiebel-isg-room-1"].options(**said)


def test_options_nobody_knows() -> None:
    with pytest.raises(TypeError):
        HEATERS["stiebel-isg-room-1"].options(colour=1)


def test_options_are_taken_as_said() -> None:
    assert HEATERS["stiebel-isg-water"].options(least_c=40, most_c=60) == HeaterOptions(40, 60)
