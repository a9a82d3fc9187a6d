"""Which sites are raised for which steps."""

import pytest

from gateway.demo.act import act_of, chosen
from grid_functions.model.errors import OperatorFault


def test_all_steps_need_all_sites() -> None:
    programme = chosen(())
    found = {setting.name: [step.id for step in steps] for setting, steps in programme.sites}
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
    assert [step.id for step in programme.feeder] == ["no-control", "day-ahead", "market", "pickup"]
    assert act_of("feeder") == 4
    acts = {name: act_of(name) for name in found}
    assert acts == {"house": 1, "depot": 1, "yard": 1, "hall": 2, "carpark": 3, "garage": 3, "pergola": 3}


def test_without_openleadr_the_second_act_is_left_out_and_refused_with_what_brings_it() -> None:
    without = [setting.name for setting, _ in chosen((), frozenset({2})).sites]
    assert without == ["house", "depot", "yard", "carpark", "garage", "pergola"]
    with pytest.raises(OperatorFault, match=r"limit-wins cannot be played: .*osed-gateway\[demo\]"):
        chosen(("limit-wins",), frozenset({2}))


def test_without_the_laboratory_the_fourth_act_is_left_out_and_refused_with_what_brings_it() -> None:
    assert chosen((), frozenset({4})).feeder == ()
    with pytest.raises(OperatorFault, match=r"market cannot be played: .*osed-gateway\[lab\]"):
        chosen(("market",), frozenset({4}))


def test_one_step_needs_its_own_site_alone() -> None:
    programme = chosen(("cease",))
    assert [(setting.name, [step.id for step in steps]) for setting, steps in programme.sites] == [("yard", ["cease"])]
    assert programme.feeder == ()


def test_a_step_at_the_feeder_needs_no_site() -> None:
    programme = chosen(("market",))
    assert (programme.sites, [step.id for step in programme.feeder]) == ((), ["market"])


def test_an_unknown_step_is_told_and_nothing_is_raised() -> None:
    with pytest.raises(OperatorFault, match="volt-vra"):
        chosen(("cancel", "volt-vra"))
