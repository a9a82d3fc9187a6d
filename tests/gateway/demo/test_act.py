"""Which sites are raised for which steps."""

import pytest

from gateway.demo.act import act_of, chosen
from grid_functions.model.errors import OperatorFault


def test_all_steps_need_all_sites() -> None:
    found = {setting.name: [step.id for step in steps] for setting, steps in chosen(())}
    assert found == {
        "house": ["export-limit", "supersede", "cancel", "utility-gone", "kill-restart"],
        "depot": ["battery-power", "volt-var"],
        "yard": ["cease", "inverter-mute", "foreign-writer"],
        "hall": [
            "adr2b-dispatch",
            "adr3-dispatch",
            "limit-wins",
            "target-rank",
            "opt-out",
            "reports",
            "vtn-dies",
        ],
        "carpark": ["envelope", "fuse"],
        "garage": ["charger-modbus", "charger-ocpp", "charger-fallback"],
        "pergola": ["slow-device"],
    }
    acts = {name: act_of(name) for name in found}
    assert acts == {"house": 1, "depot": 1, "yard": 1, "hall": 2, "carpark": 3, "garage": 3, "pergola": 3}


def test_without_openleadr_the_second_act_is_left_out_and_refused_with_what_brings_it() -> None:
    without = [setting.name for setting, _ in chosen((), with_openadr=False)]
    assert without == ["house", "depot", "yard", "carpark", "garage", "pergola"]
    with pytest.raises(OperatorFault, match=r"limit-wins cannot be played: .*osed-gateway\[demo\]"):
        chosen(("limit-wins",), with_openadr=False)


def test_one_step_needs_its_own_site_alone() -> None:
    assert [(setting.name, [step.id for step in steps]) for setting, steps in chosen(("cease",))] == [
        ("yard", ["cease"])
    ]


def test_an_unknown_step_is_told_and_nothing_is_raised() -> None:
    with pytest.raises(OperatorFault, match="volt-vra"):
        chosen(("cancel", "volt-vra"))
