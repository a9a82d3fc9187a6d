"""What people say holds until it ends or is taken back, also over a restart."""

import pytest

from grid_functions import words
from grid_functions.decide import restore
from grid_functions.model.claim import SourceKind
from grid_functions.model.control import Control, ExportLimit, GenerationLimit, TargetPower
from grid_functions.model.entry import Entry
from grid_functions.model.event import EventKey
from grid_functions.model.policy import OptOut
from grid_functions.timeline.state import Opt
from grid_functions.words import Lock, Override, Release
from tests.grid_functions.house import UTILITY, seen, terms
from tests.scenarios.decide.site import BOOT_S, Site, event, override, policy, produce

OUT = Opt(EventKey(UTILITY, "e"), out=True)
IN = Opt(EventKey(UTILITY, "e"), out=False)


def site() -> Site:
    """Two inverters at full power, and a utility whose events may be opted out of."""
    return Site(
        [seen("a", power_w=-5000.0), seen("b", power_w=-5000.0)],
        terms(),
        {UTILITY: policy(opt_out=OptOut.ALL)},
        meter_w=-10000.0,
    )


def restarted(entries: list[Entry]) -> Site:
    """The same site in a new process."""
    again = site()
    again.state = restore(entries)
    return again


def test_an_opt_holds_without_being_said_again_and_over_a_restart_until_it_is_taken_back() -> None:
    house = site()
    entries: list[Entry] = []
    read = house.read(0.0, event("e", GenerationLimit(1000.0)))
    entries += house.tick(0.0, read).entries
    out = house.tick(1.0, words=(OUT,))
    entries += out.entries
    assert produce(out) == {"a": None, "b": None}
    assert produce(house.tick(2.0)) == {"a": None, "b": None}
    house = restarted(entries)
    assert produce(house.tick(3.0)) == {"a": None, "b": None}
    assert produce(house.tick(4.0, words=(IN,))) == {"a": 500.0, "b": 500.0}
    assert [kind for _, kind in house.outcomes if kind.startswith("opted")] == ["opted_in"]


def test_an_opt_is_forgotten_with_its_event() -> None:
    house = site()
    read = house.read(0.0, event("e", GenerationLimit(1000.0), duration_s=10.0))
    house.tick(0.0, read)
    house.tick(1.0, words=(OUT,))
    assert house.state.words.opts.keys() == {OUT.event}
    house.tick(12.0, house.read(12.0))
    house.tick(13.0, house.read(13.0))
    house.tick(100_000.0, house.read(100_000.0))  # a day after its end the timeline forgets it
    house.tick(100_001.0)
    assert house.state.words.opts == {}


def test_an_override_ends_by_itself_and_wakes_the_site_for_it() -> None:
    house = site()
    held = Override(SourceKind.OPERATOR, GenerationLimit(800.0), BOOT_S, until_utc_s=BOOT_S + 60.0)
    done = house.tick(0.0, words=(held,))
    assert produce(done) == {"a": 400.0, "b": 400.0}
    assert any(moment.at_s == BOOT_S + 60.0 for moment in done.wake)
    assert produce(house.tick(59.9)) == {"a": 400.0, "b": 400.0}
    assert produce(house.tick(60.0)) == {"a": None, "b": None}


def test_a_newer_word_of_the_same_name_takes_the_place_of_the_older() -> None:
    house = site()
    house.tick(0.0, words=(override(GenerationLimit(800.0)),))
    assert produce(house.tick(1.0, words=(override(GenerationLimit(2000.0)),))) == {"a": 1000.0, "b": 1000.0}


def test_an_occupant_tightens_and_never_loosens() -> None:
    house = site()
    read = house.read(0.0, event("e", GenerationLimit(1000.0)))
    assert produce(house.tick(0.0, read, words=(override(GenerationLimit(4000.0), SourceKind.OCCUPANT),))) == {
        "a": 500.0,
        "b": 500.0,
    }


def test_an_override_for_one_device_is_of_that_device() -> None:
    house = site()
    held = Override(SourceKind.OPERATOR, GenerationLimit(300.0), BOOT_S, devices=frozenset({"b"}))
    assert held.name == "operator/generation_limit/b"
    assert produce(house.tick(0.0, words=(held,)))["b"] == 300.0


def test_a_lock_is_local_safety_and_is_kept_over_a_restart() -> None:
    house = site()
    entries = list(house.tick(0.0, words=(Lock("a", BOOT_S),)).entries)
    assert produce(house.tick(1.0))["a"] == 0.0
    house = restarted(entries)
    assert produce(house.tick(2.0))["a"] == 0.0
    assert produce(house.tick(3.0, words=(Release("lock/a"),)))["a"] is None


def test_a_lock_of_a_device_that_is_no_more_harms_nobody() -> None:
    assert produce(site().tick(0.0, words=(Lock("gone", BOOT_S),))) == {"a": None, "b": None}


@pytest.mark.parametrize("word", [Release("nothing/of/that/name"), IN])
def test_taking_back_what_was_never_said_changes_nothing(word: words.Word) -> None:
    done = site().tick(0.0, words=(word,))
    assert [entry for entry in done.entries if entry.key[0] == words.ROOM] == []


@pytest.mark.parametrize(
    ("control", "devices", "name"),
    [
        (ExportLimit(1.0), (), "operator/export_limit"),
        (TargetPower(1.0), ("b", "a"), "operator/target_power/a/b"),
    ],
)
def test_a_word_is_named_by_what_it_is_about(control: Control, devices: tuple[str, ...], name: str) -> None:
    assert Override(SourceKind.OPERATOR, control, 0.0, devices=frozenset(devices)).name == name
