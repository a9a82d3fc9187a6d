"""Every mistake of a configuration is told at once, with file and line."""

from pathlib import Path

import pytest

from gateway.config.load import load
from grid_functions.model.errors import ConfigurationFault


def sunspec(*, max_read: int = 125) -> object:
    """A family of one option, as the catalogue gives it."""
    if max_read > 125:
        raise ValueError(f"max_read: {max_read} outside 4..125")
    return object()


FAMILIES = {"sunspec": sunspec}

GOOD = """\
gateway: {name: depot-7, data: ./data}
upstreams:
  - name: utility
    protocol: ieee2030_5
    url: https://utility.example/dcap
    profile: csip-aus
    tls: {certificate: device.pem, key: device.key, ca: ca.pem, ciphers: [CCM8, GCM]}
    serves: [{site: house-1, pin: 111115}]
    fail_safe: {export_limit_w: 1500}
sites:
  - name: house-1
    connection: {import_limit_w: 15000, export_limit_w: 5000, phases: 1, fuse_a: 63}
    meter: grid-meter
    devices:
      - {name: grid-meter, family: sunspec, address: "tcp://192.168.1.20:502", unit: 240, role: meter}
      - {name: pv, family: sunspec, address: "tcp://192.168.1.20:502", unit: 1, role: pv, serial: "12345"}
"""


def write(folder: Path, text: str) -> Path:
    for name in ("device.pem", "device.key", "ca.pem"):
        (folder / name).touch()
    path = folder / "osed.yaml"
    path.write_text(text)
    return path


def mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigurationFault) as caught:
        load(write(folder, text), FAMILIES)
    return [mistake.removeprefix(f"{folder}/") for mistake in caught.value.mistakes]


def test_a_good_file_loads(tmp_path: Path) -> None:
    loaded = load(write(tmp_path, GOOD), FAMILIES)
    assert loaded.folder == tmp_path
    assert loaded.configuration.upstreams[0].fail_safe.export_limit_w == 1500
    assert loaded.configuration.sites[0].devices[1].serial == "12345"
    assert loaded.configuration.sites[0].mode == "active"


def test_an_alias_is_what_its_anchor_is(tmp_path: Path) -> None:
    text = GOOD.replace('address: "tcp://192.168.1.20:502"', 'address: &meter "tcp://192.168.1.20:502"', 1)
    loaded = load(write(tmp_path, text.replace('address: "tcp://192.168.1.20:502"', "address: *meter")), FAMILIES)
    assert {device.address for device in loaded.configuration.sites[0].devices} == {"tcp://192.168.1.20:502"}


def test_aliases_of_aliases_are_one_mistake_and_no_flood(tmp_path: Path) -> None:
    """Nine times nine, twelve times: 282,429,536,481 texts."""
    bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    bomb += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    (told,) = mistakes(tmp_path, GOOD + "\n".join(bomb))
    assert told == "osed.yaml:1: no YAML (written out, its aliases are more than 1000000 values)"


def test_all_mistakes_of_shape_come_at_once_with_their_lines(tmp_path: Path) -> None:
    text = (
        GOOD.replace("profile: csip-aus", "profile: csip-aus-9")
        .replace("unit: 240", "unit: 999")
        .replace("fuse_a: 63", "fuse: 63")
    )
    text = text.replace("export_limit_w: 1500", "export_limit_w: -1")
    told = mistakes(tmp_path, text)
    assert [t.split(":")[1] for t in told] == ["6", "9", "12", "15"]
    assert "'csip', 'csip-aus' or 'csip-aus-1.1'" in told[0]
    assert "fail_safe.export_limit_w" in told[1]
    assert "connection.fuse" in told[2]
    assert "devices[0].unit" in told[3]


def test_all_inconsistencies_come_at_once_with_their_lines(tmp_path: Path) -> None:
    text = (
        GOOD.replace("site: house-1", "site: house-2")
        .replace("meter: grid-meter", "meter: pv")
        .replace("family: sunspec", "family: x", 1)
    )
    text = text.replace("ca: ca.pem", "ca: lost.pem").replace(
        'name: pv, family: sunspec, address: "tcp://192.168.1.20:502", unit: 1',
        'name: pv, family: sunspec, address: "tcp://192.168.1.20:502", unit: 240',
    )
    told = mistakes(tmp_path, text)
    assert [t.split(":")[1] for t in told] == ["7", "8", "15", "15", "16", "13"]
    assert "no such file" in told[0]
    assert "house-2" in told[1]
    assert "no device family 'x' (sunspec)" in told[2]
    assert "another device has unit 240" in told[3]
    assert "no device with role meter" in told[5]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("sites: [", "1", "no YAML"),
        ("", "1", "sites"),
        ("- 1\n", "1", "the file"),
        (GOOD + "sites: []\n", "17", "stands twice, first in line 10"),
        (GOOD.replace("unit: 240,", "unit: 240, options: {max_read: 999},"), "15", "max_read: 999"),
        (GOOD.replace("unit: 240,", "unit: 240, options: {speed: 1},"), "15", "speed"),
        (GOOD.replace("https://", "http://"), "5", "url"),
        (GOOD.replace("pin: 111115", "pin: 1111155"), "8", "pin"),
        (GOOD.replace("pin: 111115", "pen: 100000000"), "8", "pen"),
        (GOOD.replace("pin: 111115", f"nmi: '{'4' * 33}'"), "8", "nmi"),
        (GOOD.replace("pin: 111115", "nmi: ''"), "8", "nmi"),
        (GOOD.replace("tcp://192.168.1.20:502", "tcp://192.168.1.20:0", 1), "15", "not in 1..65535"),
        (GOOD.replace("export_limit_w: 1500", "export_limit_w: .nan"), "9", "export_limit_w"),
        (GOOD.replace("name: house-1\n", "name: '../x'\n"), "11", "name"),
        (GOOD.replace("name: depot-7", "name: 2001-13-45"), "1", "no YAML"),
        ("sites: &a [*a]\n", "1", ""),
        (GOOD.replace('serial: "12345"', "serial: 12345"), "16", "serial"),
        (GOOD.replace("  - name: house-1\n    conn", "  - name: house-1\n    revert_s: 5\n    conn"), "12", "revert_s"),
        (GOOD.replace("fail_safe: {", "poll: {floor_s: 900, ceiling_s: 60}\n    fail_safe: {"), "9", "floor"),
        (GOOD.replace("meter: grid-meter", "precedence: [operator, operator]"), "13", "twice"),
        (GOOD.replace("name: pv", "name: grid-meter"), "16", "taken"),
        (GOOD.replace("ciphers: [CCM8, GCM]", "ciphers: [RC4]"), "7", "ciphers"),
        (GOOD.replace("1: 1, ", "").replace("tcp://192.168.1.20:502", "rtu:/dev/tty", 1), "15", "address"),
    ],
)
def test_each_mistake_names_its_line(tmp_path: Path, text: str, line: str, words: str) -> None:
    told = mistakes(tmp_path, text)
    assert any(t.split(":")[1] == line and words in t for t in told), told


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationFault, match=r"osed\.yaml.*--config"):
        load(tmp_path / "osed.yaml", FAMILIES)


def test_an_area_names_sites_and_members_that_are_there(tmp_path: Path) -> None:
    """A connection that nobody has was taken, and what the utility asks at the feeder divided among nobody."""
    text = GOOD + (
        "areas:\n"
        "  - name: feeder\n"
        "    sites: [house-1, house-1, house-2]\n"
        "    connection: station\n"
        "    functions: {division: {weights: {huose-1: 2}}, cold_load_pickup: {priorities: {house-1: 1}}}\n"
    )
    told = mistakes(tmp_path, text)
    assert [one.partition(": ")[2] for one in told] == [
        "areas[0].sites[1]: 'house-1' is a member already",
        "areas[0].sites[2]: no site is named 'house-2' (house-1)",
        "areas[0].connection: no site is named 'station' (house-1)",
        "areas[0].functions.division.weights.huose-1: no member is named 'huose-1' (house-1, house-1, house-2)",
    ]
