"""The control channel's words, without a socket."""

from typing import Any

import pytest

from adapters.simulator.commands import apply, shown, since
from adapters.simulator.fields import PlanError
from adapters.simulator.quirks import Quirks
from adapters.simulator.site import step
from tests.adapters.simulator.situations import site


def test_sun_steps_and_ramps() -> None:
    assert apply(site(), {"do": "sun", "fraction": 0.5}).produced_w("old") == 2750
    cloud = apply(site(), {"do": "sun", "fraction": 0.5, "over_s": 10})
    # Half way after 5 s: 0.75 x 5500.
    assert step(cloud, 5).produced_w("old") == pytest.approx(4125)


def test_load_steps() -> None:
    assert apply(site(), {"do": "load", "w": 3000}).meter_w == 3000 - 13000


def test_quirk_switches_only_what_is_named() -> None:
    now = apply(site(), {"do": "quirk", "device": "old", "set": {"ignores": True}})
    now = apply(now, {"do": "quirk", "device": "old", "set": {"revert_off": True}})
    assert now.quirks("old") == Quirks(ignores=True, revert_off=True)
    assert now.quirks("new") == Quirks()
    assert apply(now, {"do": "quirk", "device": "meter", "set": {"meter_sign": True}}).quirks("meter").meter_sign


def test_reading_commands_change_nothing() -> None:
    now = site()
    for word in ("state", "dump", "stop"):
        assert apply(now, {"do": word}) is now


def test_state_shows_the_truth() -> None:
    seen = shown(apply(site(), {"do": "quirk", "device": "meter", "set": {"meter_sign": True}}))
    assert (seen["meter_w"], seen["load_w"], seen["sun"]) == (-12000, 1000, 1.0)
    assert seen["devices"]["old"] == {"available_w": 5500, "produced_w": 5000, "produced_var": 0.0, "quirks": []}
    assert seen["devices"]["meter"]["quirks"] == ["meter_sign"]


def test_since() -> None:
    assert since({"do": "dump"}) < 0
    assert since({"do": "dump", "since_s": 12.5}) == 12.5


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ({}, "unknown command None"),
        ({"do": ["sun"]}, "unknown command"),
        ({"do": "rain"}, "known are sun, load"),
        ({"do": "sun"}, r"sun\.fraction"),
        ({"do": "sun", "fraction": "1"}, r"sun\.fraction"),
        ({"do": "sun", "fraction": 1, "colour": 1}, "unknown colour"),
        ({"do": "load", "w": -5}, r"load\.w"),
        ({"do": "load", "w": 30001}, r"load\.w"),
        ({"do": "quirk", "set": {}}, "no device None"),
        ({"do": "quirk", "device": "x", "set": {}}, "there are old, new, meter"),
        ({"do": "quirk", "device": "old"}, "quirk.set"),
        ({"do": "quirk", "device": "old", "set": {"deaf": True}}, "unknown deaf"),
        ({"do": "stop", "now": True}, "unknown now"),
    ],
)
def test_mistakes(message: dict[str, Any], why: str) -> None:
    with pytest.raises(PlanError, match=why):
        apply(site(), message)
