"""gateway.api in osed.yaml: loopback unless said, hashes and no tokens, each program once."""

from pathlib import Path

import pytest

from gateway.config.load import load
from gateway.wiring import FAMILIES
from grid_functions.model.errors import ConfigurationFault
from tests.gateway.api.osed.stage import HASH

FILE = """\
gateway:
  api:
    listen: LISTEN
    tokens:
      - {name: one, area: feeder, hash: "HASH"}
sites:
  - name: house
    devices:
      - {name: pv, family: sunspec, address: "tcp://127.0.0.1:502", role: pv}
"""


def written(tmp_path: Path, listen: str, text: str = FILE) -> Path:
    (tmp_path / "osed.yaml").write_text(text.replace("LISTEN", listen).replace("HASH", HASH))
    return tmp_path / "osed.yaml"


@pytest.mark.parametrize("listen", ["127.0.0.1:8001", '"[::1]:8001"', "localhost:0"])
def test_this_machine_alone_may_be_listened_to(tmp_path: Path, listen: str) -> None:
    api = load(written(tmp_path, listen), FAMILIES).configuration.gateway.api
    assert api is not None
    assert api.address[0] in ("127.0.0.1", "::1", "localhost")


def test_without_the_section_nothing_listens(tmp_path: Path) -> None:
    text = FILE.partition("sites:")
    config = load(written(tmp_path, "", "sites:" + text[2]), FAMILIES).configuration
    assert config.gateway.api is None


@pytest.mark.parametrize(
    ("listen", "text", "why"),
    [
        ("0.0.0.0:8001", FILE, "osed.yaml:3: gateway.api.listen: 0.0.0.0 can be reached from elsewhere"),
        ("gateway.example:8001", FILE, "can be reached from elsewhere"),
        ("127.0.0.1:99999", FILE, "there is no port 99999"),
        ("8001", FILE, "osed.yaml:3: gateway.api.listen"),
        (
            "127.0.0.1:8001",
            FILE.replace("HASH", "a secret"),
            "osed.yaml:5: gateway.api.tokens[0].hash: no argon2id hash",
        ),
        ("127.0.0.1:8001", FILE.replace("area: feeder, ", ""), "area"),
    ],
)
def test_what_cannot_be_is_named_with_its_line(tmp_path: Path, listen: str, text: str, why: str) -> None:
    with pytest.raises(ConfigurationFault) as caught:
        load(written(tmp_path, listen, text), FAMILIES)
    assert any(why in one for one in caught.value.mistakes)


def test_elsewhere_may_be_meant(tmp_path: Path) -> None:
    text = FILE.replace("listen: LISTEN", "listen: 0.0.0.0:8001\n    exposed: true")
    assert load(written(tmp_path, "", text), FAMILIES).configuration.gateway.api is not None


def test_a_program_is_named_once(tmp_path: Path) -> None:
    line = '      - {name: one, area: feeder, hash: "HASH"}\n'
    with pytest.raises(ConfigurationFault) as caught:
        load(written(tmp_path, "127.0.0.1:8001", FILE.replace(line, line * 2)), FAMILIES)
    assert any("osed.yaml:6" in one and "taken" in one for one in caught.value.mistakes)
