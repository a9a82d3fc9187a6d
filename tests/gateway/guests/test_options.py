"""Options of plug-ins, judged by osed check before anything runs."""

from pathlib import Path
from typing import Any

import pytest

from gateway.config.schema import Configuration
from gateway.guests import options
from tests.gateway.guests.stage import install


@pytest.mark.parametrize(
    ("plug_ins", "why"),
    [
        ({"rogue": {}}, []),
        ({"rogue": {"how": "loop"}}, []),
        ({"rogue": {"how": "unheard of"}}, ["site house: plug_ins.rogue: options: rogue.how: nobody does that"]),
        ({"rogue": {"who": "me"}}, ["site house: plug_ins.rogue: who: Unexpected keyword argument"]),
        ({"gone": {}}, ["cannot be loaded: ModuleNotFoundError"]),
        ({"slow": {}}, ["site house: plug_ins.slow: it does not load within 1 s"]),
    ],
)
def test_what_is_wrong_with_them_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plug_ins: dict[str, Any], why: list[str]
) -> None:
    rogue = "tests.gateway.guests.rogue:MAKER"
    install(tmp_path, monkeypatch, rogue=rogue, slow="tests.gateway.guests.slow:MAKER", gone="no_such_package:MAKER")
    monkeypatch.setattr(options, "_PATIENCE_S", 1.0 if "slow" in plug_ins else 60.0)
    device = {"name": "pv", "family": "sunspec", "address": "tcp://127.0.0.1:502", "role": "pv"}
    site = {"name": "house", "devices": [device], "plug_ins": plug_ins}
    told = list(options.mistakes(Configuration.model_validate({"sites": [site]})))
    assert len(told) == len(why)
    assert all(part in one for part, one in zip(why, told, strict=True))
