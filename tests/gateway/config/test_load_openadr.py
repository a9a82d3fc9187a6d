"""Every mistake in a section of OpenADR, or of a function's options, is told with file and line."""

from pathlib import Path

import pytest

from gateway.config.load import load
from gateway.config.upstreams import OpenAdr2bUpstream, OpenAdr3Upstream
from grid_functions.model.errors import ConfigurationFault
from tests.gateway.config.test_load import FAMILIES

GOOD = """\
upstreams:
  - name: aggregator
    protocol: openadr2b
    url: https://vtn.example/OpenADR2/Simple/2.0b
    ven_name: depot-7
    tls: {certificate: ven.pem, key: ven.key, ca: ca.pem}
    signature: {certificate: ven.pem, key: ven.key, ca: ca.pem}
    serves:
      - {site: house-1, resource: r1}
      - {site: house-2, resource: r2, devices: [evse]}
  - name: supplier
    protocol: openadr3
    url: https://supplier.example/openadr3/3.1.0
    ven_name: depot-7
    oauth: {client_id: depot-7, client_secret: secret.txt}
    serves: [{site: house-1}]
sites:
  - name: house-1
    devices:
      - {name: pv, family: sunspec, address: "tcp://192.168.1.20:502", unit: 1, role: pv}
    functions: {prices: {standing: {import: 0.30}, currency: EUR}}
  - name: house-2
    devices:
      - {name: evse, family: sunspec, address: "tcp://192.168.1.30:502", unit: 1, role: evse}
    functions:
      shed:
        levels:
          1: [{device: evse, limit_w: 6000}]
          3: [{device: evse, switch_off: true}]
"""


def written(folder: Path, text: str = GOOD) -> Path:
    """The file, and those it names."""
    for name in ("ven.pem", "ven.key", "ca.pem", "secret.txt"):
        (folder / name).write_text("x")
    (folder / "osed.yaml").write_text(text)
    return folder / "osed.yaml"


def test_both_protocols_and_several_sites_behind_one_ven_are_taken(tmp_path: Path) -> None:
    configuration = load(written(tmp_path), FAMILIES).configuration
    aggregator, supplier = configuration.upstreams
    assert isinstance(aggregator, OpenAdr2bUpstream)
    assert isinstance(supplier, OpenAdr3Upstream)
    assert [(one.site, one.resource, one.devices) for one in aggregator.serves] == [
        ("house-1", "r1", ()),
        ("house-2", "r2", ("evse",)),
    ]
    levels = configuration.sites[1].functions.shed.levels
    assert {level: [(one.device, one.limit_w, one.switch_off) for one in told] for level, told in levels.items()} == {
        1: [("evse", 6000.0, None)],
        3: [("evse", None, True)],
    }


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("protocol: openadr2b", "protocol: openadr2a", "2", "openadr2b"),
        ("    protocol: openadr3\n", "", "11", "protocol"),
        ("    ven_name: depot-7\n    tls", "    tls", "2", "ven_name"),
        ("ca: ca.pem}\n    signature", "ca: lost.pem}\n    signature", "6", "no such file"),
        ("    tls: {certificate: ven.pem, key: ven.key, ca: ca.pem}\n", "", "4", "https and tls belong together"),
        ("url: https://vtn", "url: http://vtn", "4", "https and tls belong together"),
        ("url: https://vtn", "url: ftp://vtn", "4", "url"),
        ("ca: ca.pem}\n    serves", "}\n    serves", "7", "nobody's signature would be believed"),
        ("ca: ca.pem}\n    serves", "fingerprints: [AA]}\n    serves", "7", "fingerprints"),
        ("{site: house-1, resource: r1}", "{site: house-3, resource: r1}", "9", "no site is named 'house-3'"),
        ("resource: r2", "resource: r1", "10", "is served twice"),
        ("{site: house-1, resource: r1}", "{site: house-1, resource: depot-7}", "9", "the VEN's own name"),
        ("devices: [evse]}", "devices: [pv]}", "10", "has no device named 'pv'"),
        ("unit: 1, role: evse", "unit: 1, role: meter", "10", "evse is a meter"),
        ("client_secret: secret.txt", "client_secret: lost.txt", "15", "no such file"),
        ("client_secret: secret.txt", "", "15", "client_secret"),
        ("    serves: [{site: house-1}]\nsites", "    serves: []\nsites", "16", "serves"),
        ("    oauth: {", "    edition: 3.0.1\n    mqtt: true\n    oauth: {", "16", "MQTT came with 3.1"),
        ("    oauth: {", "    poll: {floor_s: 600, ceiling_s: 60}\n    oauth: {", "15", "floor"),
        ("standing: {import: 0.30}", "standing: {imports: 0.30}", "21", "standing"),
        ("import: 0.30}", "import: .inf}", "21", "give a number"),
        ("          3: [", "          4: [", "26", "there are 1, 2 and 3"),
        ("switch_off: true", "switch_off: true, limit_w: 1", "29", "exactly one of"),
        ("limit_w: 6000", "limit_w: -1", "28", "limit_w"),
        ("limit_w: 6000", "limit: 6000", "28", "limit"),
        ("device: evse, limit_w", "device: boiler, limit_w", "26", "no device of this site is named 'boiler'"),
        ("      shed:\n", "      sheds:\n", "26", "sheds"),
    ],
)
def test_each_mistake_names_its_line(tmp_path: Path, old: str, new: str, line: str, words: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigurationFault) as caught:
        load(written(tmp_path, GOOD.replace(old, new)), FAMILIES)
    told = caught.value.mistakes
    assert any(one.split(":")[1] == line and words in one for one in told), told


def test_mistakes_of_several_sections_come_at_once(tmp_path: Path) -> None:
    text = (
        GOOD.replace("client_id: depot-7, ", "").replace("limit_w: 6000", "limit_w: x").replace("role: pv", "role: p")
    )
    with pytest.raises(ConfigurationFault) as caught:
        load(written(tmp_path, text), FAMILIES)
    assert sorted({one.split(":")[1] for one in caught.value.mistakes}) == ["15", "20", "28"]
