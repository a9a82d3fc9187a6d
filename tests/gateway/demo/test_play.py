"""What is played when not everything comes up."""

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from gateway.demo import play
from gateway.demo.sabotage import Sabotage
from gateway.demo.setting import Setting
from gateway.demo.show import Show
from gateway.demo.stage import Stage
from grid_functions.model.errors import OurFault


class Fallen:
    """A stage of which one process does not start."""

    def __init__(self, setting: Setting, folder: Path, sabotage: Sabotage | None) -> None:
        """As :func:`gateway.demo.stage.staged`."""

    async def __aenter__(self) -> Stage:
        raise OurFault("gateway did not start", "its log is gateway.log")

    async def __aexit__(self, *_: object) -> None:
        """Nothing was raised."""


async def test_the_steps_of_a_site_that_does_not_come_up_are_not_ok_and_say_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(play, "staged", Fallen)
    told = StringIO()
    with Show(Console(file=told, width=200)) as show:
        played = await play.play(show=show, keep=tmp_path, only=("cease", "cancel", "supersede"))
    why = "gateway did not start: its log is gateway.log"
    assert [(one.id, one.site, one.ok) for one in played.results] == [
        ("supersede", "house", False),
        ("cancel", "house", False),
        ("cease", "yard", False),
    ]
    assert {one.why for one in played.results} == {why}
    assert told.getvalue().count(why) == 3
    assert not json.loads((tmp_path / "demo.json").read_text())["ok"]
    assert (tmp_path / "yard" / "meter.csv").read_text() == "t_s,w\n"
    assert why in (tmp_path / "report.html").read_text()
