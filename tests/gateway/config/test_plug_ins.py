"""Plug-ins in osed.yaml: named where they are to run, and there."""

from pathlib import Path

import pytest

from gateway.config.load import load
from gateway.config.plug_ins import guests_of
from gateway.wiring import FAMILIES
from grid_functions.guest import Guest, GuestOptions
from grid_functions.model.errors import ConfigurationFault

FILE = """\
sites:
  - name: house
    devices:
      - {name: pv, family: sunspec, address: "tcp://127.0.0.1:502", role: pv}
    plug_ins:
      nobody_wrote_it: {limit_w: 5}
areas:
  - name: feeder
    sites: [house]
    plug_ins: {nor_this: {}}
"""


def mistakes(tmp_path: Path, text: str) -> tuple[str, ...]:
    """What is wrong with it."""
    (tmp_path / "osed.yaml").write_text(text)
    with pytest.raises(ConfigurationFault) as caught:
        load(tmp_path / "osed.yaml", FAMILIES)
    return caught.value.mistakes


def test_a_function_that_nobody_offers_is_named_with_its_line(tmp_path: Path) -> None:
    first, second = mistakes(tmp_path, FILE)
    assert "osed.yaml:6: sites[0].plug_ins.nobody_wrote_it: no installed package offers" in first
    assert "osed.yaml:10: areas[0].plug_ins.nor_this: no installed package offers" in second


@pytest.mark.parametrize("options", ["5", "[1]", "text", "null"])
def test_options_that_are_no_section_are_a_mistake(tmp_path: Path, options: str) -> None:
    (first, *_) = mistakes(tmp_path, FILE.replace("{limit_w: 5}", options))
    assert "osed.yaml:6: sites[0].plug_ins.nobody_wrote_it" in first


def test_one_that_may_hear_and_does_not_run_is_a_mistake(tmp_path: Path) -> None:
    text = FILE.replace("areas:", "    plug_ins_hear: {nobody: [day_ahead]}\nareas:")
    assert any("plug_ins_hear.nobody: no plug-in of that name runs" in one for one in mistakes(tmp_path, text))


def test_what_stands_for_them_carries_their_options_in_one_order() -> None:
    assert guests_of({"mine": {"b": 1, "a": [True, None]}}, "house") == {
        "mine": Guest("mine", GuestOptions("house", '{"a":[true,null],"b":1}'))
    }
    assert guests_of({"mine": {}, "other": {}}, "house", {"mine": ("day_ahead",)}) == {
        "mine": Guest("mine", GuestOptions("house", "{}", ("day_ahead",))),
        "other": Guest("other", GuestOptions("house", "{}")),
    }
