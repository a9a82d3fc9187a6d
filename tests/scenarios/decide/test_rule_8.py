"""Rule 8: what is told upstream of how an event was served. One battery of 5 kW, two upstreams that both speak for it."""

from dataclasses import replace

import pytest

from grid_functions.decide import restore
from grid_functions.fold import Fold, letter
from grid_functions.model.claim import SourceKind
from grid_functions.model.control import Control, ExportLimit, GenerationLimit, ImportLimit, Mode, TargetPower
from grid_functions.model.device import Ability, Capability, How, Role
from grid_functions.model.entry import Entry
from grid_functions.model.event import EventKey, Read
from grid_functions.model.lease import Message
from grid_functions.model.outcome import Cause, OutcomeKind, Part
from grid_functions.model.policy import Connection
from grid_functions.words import Release
from tests.grid_functions.house import UTILITY, seen, terms
from tests.scenarios.decide.site import AGGREGATOR, BOOT_S, Site, event, override, policy

_TOLD = ("received", "started", "completed", "partially_served", "displaced", "restored", "refused")
_MODES = (Mode.MAX_POWER, Mode.LOAD_LIMIT, Mode.TARGET_POWER, Mode.ENERGIZE)
BATTERY = {"a": Role.BATTERY}


def battery(*, utility_first: bool = True) -> Site:
    """The utility is IEEE 2030.5, whose losses are final; the aggregator is OpenADR."""
    order = (SourceKind.OPERATOR, SourceKind.IEEE2030_5, SourceKind.OPENADR)
    plain = replace(terms(BATTERY), respondents=dict.fromkeys((UTILITY, AGGREGATOR), frozenset(BATTERY)))
    site = replace(plain, precedence=order if utility_first else (order[0], order[2], order[1]))
    steered = Capability(dict.fromkeys(_MODES, Ability(How.NATIVE)), settle_s=5.0, watchdog=True)
    policies = {UTILITY: policy(), AGGREGATOR: policy(AGGREGATOR, SourceKind.OPENADR)}
    return Site([seen("a", Role.BATTERY, capability=steered)], site, policies)


def told(site: Site, name: str) -> list[str]:
    """What was told of an event, without applied and effective."""
    return [kind for one, kind in site.outcomes if one == name and kind in _TOLD]


def cause(site: Site, name: str, kind: OutcomeKind) -> Cause:
    """Why."""
    found = [one for done in site.decisions for one in done.outcomes if (one.event.id, one.kind) == (name, kind)]
    return found[0].cause


def test_a_limit_behind_a_tighter_one_starts_and_completes() -> None:
    site = Site([seen("a")], terms({"a": Role.PV}, connection=Connection(export_limit_w=1000.0)))
    done = site.tick(0.0, site.read(0.0, event("e", ExportLimit(4000.0), duration_s=60.0)))
    (served,) = [one for one in done.served if one.claim.cause.cause is not None]
    assert (served.asked_w, served.given_w) == (4000.0, 1000.0)
    assert served.by is not None
    assert served.by.cause.source.name == "connection"
    for second in (1.0, 60.0, 61.0):
        site.tick(second)
    assert told(site, "e") == ["received", "started", "completed"]


def test_a_clamped_target_is_partially_served_once_with_the_worst_and_the_share_of_time() -> None:
    """Of 100 s the operator leaves 3 kW of 4 kW for 20 s and 1 kW for another 5 s: a quarter of the time, at worst 1 kW."""
    site = battery()
    site.tick(0.0, site.read(0.0, event("e", TargetPower(-4000.0), duration_s=100.0)))
    for second, limit_w in ((40.0, 3000.0), (50.0, 3000.0), (60.0, 1000.0)):
        site.tick(second, words=(override(GenerationLimit(limit_w)),))
    site.tick(65.0, words=(Release("operator/generation_limit"),))
    for second in (99.0, 100.0, 101.0):
        site.tick(second)
    assert told(site, "e") == ["received", "started", "partially_served", "completed"]
    words = cause(site, "e", OutcomeKind.PARTIALLY_SERVED).text
    assert words == "25 % of the time, at worst -1000 W instead of -4000 W, for operator"


def test_a_target_that_is_met_within_a_hair_is_served() -> None:
    """4 % of 4 kW are 160 W."""
    site = battery()
    site.tick(0.0, site.read(0.0, event("e", TargetPower(-4000.0), duration_s=60.0)))
    site.tick(1.0, words=(override(GenerationLimit(3850.0)),))
    for second in (2.0, 60.0, 61.0):
        site.tick(second)
    assert told(site, "e") == ["received", "started", "completed"]


def test_what_was_cut_is_remembered_over_a_restart() -> None:
    site = battery()
    entries: list[Entry] = []
    done = site.tick(0.0, site.read(0.0, event("e", TargetPower(-4000.0), duration_s=100.0)))
    entries += done.entries
    entries += site.tick(10.0, words=(override(GenerationLimit(1000.0)),)).entries
    entries += site.tick(60.0, words=(Release("operator/generation_limit"),)).entries
    site.state = restore(entries)
    for second in (70.0, 100.0, 101.0):
        site.tick(second)
    assert cause(site, "e", OutcomeKind.PARTIALLY_SERVED).text.startswith("50 % of the time")


def folded(asked_w: float, given_w: float, by: str = "", event: str = "e") -> tuple[Message, ...]:
    """What an area says of its members."""
    return (letter(Fold(EventKey(UTILITY, event), asked_w, given_w, by), "division"),)


def test_what_members_left_of_a_divided_event_is_told_of_the_event() -> None:
    """No device here has anything to do with an import limit; for 30 of 100 s members take 1.5 kW too much. A restart is in between."""
    site, entries = Site([seen("a")], terms({"a": Role.PV})), list[Entry]()

    def tick(second: float, *reads: Read, letters: tuple[Message, ...] = ()) -> None:
        entries.extend(site.tick(second, *reads, messages=letters, passed_on=frozenset({Mode.IMPORT_LIMIT})).entries)

    tick(0.0, site.read(0.0, event("e", ImportLimit(3000.0), duration_s=100.0)))
    tick(1.0, letters=folded(3000.0, 3050.0))
    tick(20.0, letters=folded(3000.0, 4500.0, "barn (1500 W too much)"))
    site.state = restore(entries)
    tick(30.0)
    tick(49.0)
    tick(50.0, letters=folded(3000.0, 3000.0))
    for second in (99.0, 100.0, 101.0):
        tick(second)
    tick(102.0, letters=folded(3000.0, 9000.0))
    assert told(site, "e") == ["received", "started", "partially_served", "completed"]
    words = cause(site, "e", OutcomeKind.PARTIALLY_SERVED).text
    assert words == "30 % of the time, at worst 4500 W instead of 3000 W, for barn (1500 W too much)"
    assert site.state.services == {}


def test_members_that_did_what_they_were_asked_are_no_word_more() -> None:
    """Though the connection's own battery, of 5 kW, gave less than was asked of the area."""
    site = battery()
    site.tick(0.0, site.read(0.0, event("e", TargetPower(-9000.0), duration_s=60.0)), messages=folded(-9000.0, -9000.0))
    for second in (1.0, 59.0):
        site.tick(second, messages=folded(-9000.0, -9000.0))
    for second in (60.0, 61.0):
        site.tick(second)
    assert told(site, "e") == ["received", "started", "completed"]


def test_a_target_displaced_by_another_server_is_aborted_for_good() -> None:
    """2030.5: Response 13, and nothing after it, though the other one ends first."""
    site = battery(utility_first=False)
    site.tick(0.0, site.read(0.0, event("u", TargetPower(-4000.0), duration_s=600.0)))
    other = event("v", TargetPower(1000.0), start_s=50.0, duration_s=60.0, respondent=AGGREGATOR)
    done = site.tick(50.0, site.read(50.0, other, respondent=AGGREGATOR))
    assert [one.target_w for one in done.setpoints] == [1000.0]
    for second in (51.0, 110.0, 111.0, 200.0, 600.0, 601.0):
        done = site.tick(second)
        assert [one.target_w for one in done.setpoints] == [1000.0 if second < 110 else None]
    assert told(site, "u") == ["received", "started", "displaced"]
    why = cause(site, "u", OutcomeKind.DISPLACED)
    assert (why.by and why.by.id, why.had_started) == ("v", True)
    assert told(site, "v") == ["received", "started", "completed"]


def test_where_displacement_is_not_final_it_is_restored_after_it_held_for_a_minute() -> None:
    """OpenADR 2.0b: optOut, then optIn 60 s after the other one ended at 110 s; the site wakes for it."""
    site = battery()
    site.tick(
        0.0,
        site.read(0.0, event("v", TargetPower(1000.0), duration_s=600.0, respondent=AGGREGATOR), respondent=AGGREGATOR),
    )
    site.tick(50.0, site.read(50.0, event("u", TargetPower(-4000.0), start_s=50.0, duration_s=60.0)))
    assert told(site, "v") == ["received", "started", "displaced"]
    done = site.tick(110.0)
    assert [one.target_w for one in done.setpoints] == [1000.0]
    assert BOOT_S + 170.0 in [moment.at_s for moment in done.wake]
    site.tick(169.9)
    assert told(site, "v") == ["received", "started", "displaced"]
    site.tick(170.0)
    site.tick(600.0)
    assert told(site, "v") == ["received", "started", "displaced", "restored", "completed"]


def test_what_is_displaced_again_within_the_minute_is_not_restored() -> None:
    site = battery()
    site.tick(
        0.0,
        site.read(0.0, event("v", TargetPower(1000.0), duration_s=600.0, respondent=AGGREGATOR), respondent=AGGREGATOR),
    )
    first = event("u", TargetPower(-4000.0), start_s=50.0, duration_s=60.0)
    again = event("w", TargetPower(-4000.0), start_s=140.0, duration_s=60.0)
    site.tick(50.0, site.read(50.0, first, again))
    for second in (110.0, 140.0, 170.0, 200.0, 259.0):
        site.tick(second)
    assert told(site, "v") == ["received", "started", "displaced"]
    site.tick(260.0)
    assert told(site, "v")[-1] == "restored"


def test_an_event_with_a_limit_that_still_holds_is_not_displaced() -> None:
    site = battery(utility_first=False)
    site.tick(0.0, site.read(0.0, event("u", TargetPower(-4000.0), ImportLimit(9000.0), duration_s=60.0)))
    other = event("v", TargetPower(1000.0), duration_s=600.0, respondent=AGGREGATOR)
    for second in (1.0, 2.0, 60.0, 61.0):
        site.tick(second, *([site.read(1.0, other, respondent=AGGREGATOR)] if second == 1.0 else []))
    assert told(site, "u") == ["received", "started", "completed"]


@pytest.mark.parametrize("control", [TargetPower(1000.0), ImportLimit(1000.0)])
def test_an_event_of_which_no_device_can_do_anything_is_refused(control: Control) -> None:
    """252: this inverter can be limited in what it produces, and nothing else."""
    site = Site([seen("a")], terms({"a": Role.PV}))
    site.tick(0.0, site.read(0.0, event("e", control), event("f", control, GenerationLimit(100.0))))
    site.tick(1.0)
    assert told(site, "e") == ["refused"]
    assert cause(site, "e", OutcomeKind.REFUSED).text
    assert told(site, "f") == ["received", "started"]


def test_an_event_is_not_refused_while_a_device_has_not_told_what_it_can() -> None:
    site = Site([seen("a", online=False, capability=Capability())], terms({"a": Role.PV}))
    site.tick(0.0, site.read(0.0, event("e", TargetPower(1000.0), duration_s=60.0)))
    for second in (1.0, 60.0, 61.0):
        site.tick(second)
    assert told(site, "e") == ["received", "started", "partially_served", "completed"]
    assert cause(site, "e", OutcomeKind.PARTIALLY_SERVED).text == "100 % of the time, at worst 0 W instead of 1000 W"
    assert cause(site, "e", OutcomeKind.COMPLETED).part is Part.NONE


def test_a_device_that_answers_for_a_moment_took_part() -> None:
    site = Site([seen("a", online=False)], terms({"a": Role.PV}))
    site.tick(0.0, site.read(0.0, event("e", GenerationLimit(1000.0), duration_s=60.0)))
    site.devices = [seen("a")]
    site.tick(30.0)
    site.devices = [seen("a", online=False)]
    site.tick(60.0)
    assert cause(site, "e", OutcomeKind.COMPLETED).part is Part.WHOLE


def test_a_letter_to_a_member_is_no_fold_whatever_it_calls_itself() -> None:
    """A plug-in names its own kinds of letters: one called as ours would speak for the area, or keep the site from deciding at all."""
    strange = Message("asker", "house", "feeder", "fold", "1", b'{"value":1.5}')
    (spoken,) = folded(3000.0, 9000.0)
    site = Site([seen("a")], terms({"a": Role.PV}))
    read = site.read(0.0, event("e", ImportLimit(3000.0), duration_s=100.0))
    site.tick(0.0, read, messages=(strange, replace(spoken, to="house")), passed_on=frozenset({Mode.IMPORT_LIMIT}))
    for second in (50.0, 100.0, 101.0):
        site.tick(second, passed_on=frozenset({Mode.IMPORT_LIMIT}))
    assert told(site, "e") == ["received", "started", "completed"]
