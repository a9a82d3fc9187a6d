"""Which sites are raised for which steps."""

import pytest

from gateway.demo.act import chosen
from grid_functions.model.errors import OperatorFault


def test_all_steps_need_all_sites() -> None:
    found = {setting.name: [step.id for step in steps] for setting, steps in chosen(())}
    assert found == {
        "house": ["export-limit", "supersede", "cancel", "utility-gone", "kill-restart"],
        "depot": ["battery-power", "volt-var"],
        "yard": ["cease", "inverter-mute", "foreign-writer"],
    }


def test_one_step_needs_its_own_site_alone() -> None:
    assert [(setting.name, [step.id for step in steps]) for setting, steps in chosen(("cease",))] == [
        ("yard", ["cease"])
    ]


def test_an_unknown_step_is_told_and_nothing_is_raised() -> None:
    with pytest.raises(OperatorFault, match="volt-vra"):
        chosen(("cancel", "volt-vra"))
