"""Profiles as files: a broken one is refused with every mistake named, and what is shipped is whole."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.catalogue import FAMILIES
from adapters.registers.library import BLUEPRINT, FOLDERS, profile, read_profile, shipped
from adapters.registers.map import Manners
from adapters.registers.points import Point
from adapters.registers.profile import Profile
from adapters.registers.spans import spans
from grid_functions.model.errors import ConfigurationFault
from tests.adapters.registers.bench import PROFILES

DEVICES = Path(__file__).parents[3] / "adapters/devices"
GOOD = (DEVICES / "chargers/_blueprint.yaml").read_text()


def mistakes(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationFault) as caught:
        read_profile(text, "mine.yaml")
    return caught.value.mistakes


BROKEN = [
    ("kind: charger ", "kind: toaster ", "kind", "charger"),
    ("unit: 255 ", "unit: 256 ", "unit", "255"),
    ("maker: Blueprint", "maker: ''", "maker", "at least 1"),
    ("transport: [tcp]", "transport: [smoke]", "transport[0]", "tcp"),
    ("  state: {at: 100,", "  state: {at: 70000,", "points.state.at", "65535"),
    ("  state: {at: 100,", "  state: {at: 100, colour: red,", "points.state.colour", "Extra"),
    ("type: u32, absent", "type: u33, absent", "points.power.type", "u16"),
    ("scale: 0.1, between", "scale: 0, between", "points.current_1.scale", "greater than 0"),
    ("between: [0, 100]", "between: [100, 0]", "points.current_1.between", "lower bound"),
    ("type: text, length: 4", "type: text", "points.firmware.length", "has a length"),
    ("limit: {at: 200,", "limit: {at: 200, table: input,", "points.limit.access", "only be read"),
    ("limit: {at: 200,", "limit: {at: 200, function: 5,", "points.limit.function", "writes coils"),
    ("life: {at: 220,", "life: {at: 220, read_back: nowhere,", "points.life.read_back", "no point that can be read"),
    ("power: {points: [power]}", "power: {points: [watts]}", "measures.power", "no point that can be read"),
    ("session_energy: {points", "joules: {points", "measures.joules", "no such quantity"),
    ("current.a: {points", "frequency.a: {points", "measures.frequency.a", "no such quantity"),
    ("{state: c, when: {state: 3}}", "{state: x, when: {state: 3}}", "vehicle[0].state", "'a', 'b'"),
    ("{state: c, when: {state: 3}}", "{state: c, when: {mood: 3}}", "vehicle[0].when", "no point"),
    ("pause: [{point: enable, value: 0}]", "", "orders", "a current and a pause"),
    ("pause: [{point: enable, value: 0}]", "pause: [{point: enable}]", "orders.pause[0]", "either a value"),
    ("pause: [{point: enable, value: 0}]", "pause: [{point: state, value: 0}]", "orders.pause[0]", "can be written"),
    ("pause: [{point: enable, value: 0}]", "pause: [{point: life, value: 0}]", "orders.pause", "read_back"),
    ("[{point: limit, of: current}, ", "[{point: limit, value: 6}, ", "orders.current", "of current"),
    ("  # phases: [", "  idle: [{point: enable, value: 0}] #", "orders.idle", "nothing else"),
    ("currents: {minimum_a: 6,", "currents: {minimum_a: -6,", "currents.minimum_a", "greater than 0"),
    ("  token: {point: life, value: 1}\n", "", "watchdog.token", "fed by a token"),
    ("fed_by: token\n  token: {point: life, value: 1}", "fed_by: write", "watchdog.anew", "written anew"),
    ("timeout_s: 60", "timeout_s: 1", "watchdog.timeout_s", "greater than or equal to 2"),
    ("recognise: {firmware:", "recognise: {colour:", "recognise", "no point"),
    ("identity: {version: firmware}", "identity: {version: [1]}", "identity.version", "string"),
    ("source:", "source: 7\nsource:", "line", "stands twice"),
    ("words: big ", "words: [big ", "line", "no YAML"),
]


@pytest.mark.parametrize(("old", "new", "key", "rule"), BROKEN)
def test_each_mistake_names_file_key_and_rule(old: str, new: str, key: str, rule: str) -> None:
    assert GOOD.count(old) >= 1
    told = mistakes(GOOD.replace(old, new, 1))
    assert any(line.startswith("mine.yaml: ") and key in line and rule in line for line in told), told


def test_every_mistake_at_once() -> None:
    text = (
        GOOD.replace("unit: 255 ", "unit: 256 ")
        .replace("kind: charger ", "kind: toaster ")
        .replace("at: 120", "at: -1")
    )
    assert len(mistakes(text)) == 3


@pytest.mark.parametrize("text", ["", "7", "[]", "kind: charger", "{", "\0", "a: &a [*a]"])
def test_what_is_no_profile(text: str) -> None:
    assert all(line.startswith("mine.yaml: ") for line in mistakes(text))


def test_the_blueprint_is_whole() -> None:
    assert read_profile(GOOD, "_blueprint.yaml").watchdog is not None
    assert BLUEPRINT not in FAMILIES
    assert isinstance(profile(BLUEPRINT, FOLDERS[0]), Profile)


def test_every_file_is_a_family_and_every_word_of_the_page() -> None:
    files = {path.stem for folder in ("chargers", "meters", "batteries") for path in (DEVICES / folder).glob("*.yaml")}
    assert files - {BLUEPRINT} == {name for name, _ in shipped()} == set(FAMILIES) - {"sunspec"}
    page = (Path(__file__).parents[3] / "docs/devices.md").read_text()
    for name, entry in FAMILIES.items():
        about = entry.about()
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells[1:] == [
            about.kind,
            f"{about.maker} {about.model}",
            ", ".join(about.transport),
            str(about.unit),
            ", ".join(about.controls) or "reads",
            ", ".join(about.unverified) or "nothing",
        ]


def of(*spots: tuple[int, int]) -> Iterator[Point]:
    return (Point(f"p{at}", "holding", at, "u32" if size == 2 else "u16", size) for at, size in spots)


@pytest.mark.parametrize(
    ("manners", "expected"),
    [
        (Manners(), [(0, 3), (5, 2), (200, 1)]),
        (Manners(join_gaps=2), [(0, 7), (200, 1)]),
        (Manners(join_gaps=2, max_read=6), [(0, 3), (5, 2), (200, 1)]),
        (Manners(one_value_per_read=True), [(0, 1), (1, 2), (5, 2), (200, 1)]),
    ],
)
def test_reads(manners: Manners, expected: list[tuple[int, int]]) -> None:
    planned = spans(of((0, 1), (1, 2), (5, 2), (200, 1)), manners)
    assert [(one.address, one.count) for one in planned] == expected


@pytest.mark.parametrize(
    ("point", "data", "value"),
    [
        (Point("p", "holding", 0, "u16", 1, 0.1), "00A0", 16.0),
        (Point("p", "holding", 0, "i16"), "FFFF", -1),
        (Point("p", "holding", 0, "u32", 2), "00010000", 65536),
        (Point("p", "holding", 0, "u32", 2, swapped=True), "00000001", 65536),
        (Point("p", "holding", 0, "u64", 4, swapped=True), "0001000000000000", 1),
        (Point("p", "holding", 0, "f32", 2), "41200000", 10.0),
        (Point("p", "holding", 0, "f32", 2, swapped=True), "00004120", 10.0),
        (Point("p", "holding", 0, "f32", 2), "7FC00000", None),
        (Point("p", "holding", 0, "f64", 4), "4024000000000000", 10.0),
        (Point("p", "holding", 0, "u32", 2, absent=frozenset({0xFFFFFFFF})), "FFFFFFFF", None),
        (Point("p", "holding", 0, "u32", 2, bits=(8, 7)), "00008400", 4),
        (Point("p", "holding", 0, "u16", low=0, high=100), "0065", None),
        (Point("p", "holding", 0, "text", 2), "00410000", "A"),
        (Point("p", "holding", 0, "text", 2), "43310000", "C1"),
    ],
)
def test_values(point: Point, data: str, value: float | str | None) -> None:
    assert point.decode(bytes.fromhex(data)) == value


@pytest.mark.parametrize(
    ("point", "value", "up", "registers"),
    [
        (Point("p", "holding", 0, "u16", 1, 0.1), 15.99, False, (159,)),
        (Point("p", "holding", 0, "u16", 1, 0.1), 16.0, False, (160,)),
        (Point("p", "holding", 0, "i16"), -1.5, True, (0xFFFF,)),
        (Point("p", "holding", 0, "u32", 2, 0.001), 10.0, False, (0, 10000)),
        (Point("p", "holding", 0, "u32", 2, swapped=True), 65537, False, (1, 1)),
        (Point("p", "holding", 0, "f32", 2), 10.0, False, (0x4120, 0)),
        (Point("p", "holding", 0, "u16"), 65536, False, None),
        (Point("p", "holding", 0, "u16"), -1, False, None),
        (Point("p", "holding", 0, "u16"), float("nan"), False, None),
        (Point("p", "holding", 0, "u16"), float("inf"), False, None),
        (Point("p", "coil", 0, "u16"), 2, False, None),
        (Point("p", "holding", 0, "u16", absent=frozenset({0xFFFF})), 0xFFFF, False, None),
    ],
)
def test_what_is_written(point: Point, value: float, up: bool, registers: tuple[int, ...] | None) -> None:
    assert point.encode(value, up=up) == registers


def test_profiles_say_where_they_are_from() -> None:
    assert all(one.source for one in PROFILES.values())
