"""Division as a machine: what is asked of an area, and what each member holds of it, by hand."""

from collections.abc import Mapping
from typing import Any

import pytest

from gateway.ledger.codec import Codec
from grid_functions import catalogue
from grid_functions.area.division import NAME, Division, DivisionOptions
from grid_functions.fold import Fold, heard
from grid_functions.model.claim import Basis, InForce, Source, SourceKind
from grid_functions.model.control import (
    Control,
    DispatchKind,
    ExportLimit,
    ImportLimit,
    LoadDispatch,
    MaxPower,
    mode_of,
)
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.event import EventKey, Rank, Respondent
from grid_functions.model.instants import OWN, Moment
from grid_functions.model.lease import Origin
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.units import Quantity
from tests.grid_functions.area.machine import MIDNIGHT, Bench

FEEDER = Respondent("utility", "feeder-12")
UTILITY = Source(SourceKind.IEEE2030_5, "utility", FEEDER)
RANK = Rank(3.0, 7.0, "e1")


def held(control: Control, event: str = "e1", *, test: bool = False, cause: bool = True) -> InForce:
    since = Moment(OWN, MIDNIGHT)
    key = EventKey(FEEDER, event) if cause else None
    basis = Basis.EVENT if cause else Basis.STANDING
    return InForce(control, UTILITY, RANK, basis, since, None, MIDNIGHT - 5.0, cause=key, test=test)


class Feeder(Bench):
    """Two homes and what is asked of the feeder."""

    def __init__(self, options: DivisionOptions | None = None) -> None:
        super().__init__(Division(options or DivisionOptions(most_kw=20.0)), NAME, ("a", "b"))
        self.powers_w = {"a": 2000.0, "b": 4000.0}
        self.reach_w = {"a": (1000.0, 8000.0), "b": (3000.0, 6000.0)}
        self.area_w: float | None = 8000.0
        self.asked: tuple[InForce, ...] = ()

    def step(self, **told: Any) -> None:
        """With what the meter shows and what is in force."""
        meter: dict[MeterKey, Reading] = {}
        if self.area_w is not None:
            meter[Quantity.NET, None] = Reading(self.area_w, Quality.GOOD, self.utc_s - MIDNIGHT, self.utc_s)
        super().step(area_meter=meter, in_force=self.asked, **told)

    def ask(self, *asked: InForce) -> None:
        """One step with it in force."""
        self.asked = asked
        self.step()

    def watts(self, kind: type[ImportLimit] | type[ExportLimit] | type[LoadDispatch]) -> Mapping[str, float]:
        """What each holds of a kind."""
        told = {}
        for (member, _), grant in self.granted.items():
            (control,) = grant.controls
            if isinstance(control, kind):
                told[member] = control.value if isinstance(control, LoadDispatch) else control.limit_w
        return told


def test_an_import_limit_gives_floors_first_and_the_room_above_alike() -> None:
    """The feeder takes 8 kW, members 6: 2 are the rest's. Of 12 kW 10 are left: floors 1 and 3, and 3 each above."""
    made = Feeder()
    made.ask(held(ImportLimit(12_000.0)))
    assert made.watts(ImportLimit) == {"a": pytest.approx(4000.0), "b": pytest.approx(6000.0)}


def test_the_source_and_rank_of_the_event_are_kept() -> None:
    made = Feeder()
    made.ask(held(ImportLimit(12_000.0)))
    origin = Origin(EventKey(FEEDER, "e1"), UTILITY, RANK, MIDNIGHT - 5.0)
    assert {grant.origin for grant in made.granted.values()} == {origin}
    assert {subject for _, subject in made.granted} == {"import_limit/utility/feeder-12"}


def test_a_standing_is_divided_too_and_named_as_one() -> None:
    made = Feeder()
    made.ask(held(ImportLimit(12_000.0), cause=False))
    (origin,) = {grant.origin for grant in made.granted.values()}
    assert origin is not None
    assert origin.event == EventKey(FEEDER, "standing/import_limit/utility/feeder-12")


def test_weights_share_the_room_above_the_floors() -> None:
    made = Feeder(DivisionOptions(weights={"a": 2.0}))
    made.ask(held(ImportLimit(12_000.0)))
    assert made.watts(ImportLimit) == {"a": pytest.approx(5000.0), "b": pytest.approx(5000.0)}


def test_an_export_limit_is_divided_the_other_way_round() -> None:
    """The feeder gives 9 kW, members 7: 2 are the rest's. a must give 1 at least: of 10 kW 8 are left, 1 + 3.5 and 3.5."""
    made = Feeder()
    made.powers_w, made.area_w = {"a": -4000.0, "b": -3000.0}, -9000.0
    made.reach_w = {"a": (-5000.0, -1000.0), "b": (-5000.0, 2000.0)}
    made.ask(held(ExportLimit(10_000.0)))
    assert made.watts(ExportLimit) == {"a": pytest.approx(4500.0), "b": pytest.approx(3500.0)}


def test_what_the_rest_gives_makes_no_room_to_import() -> None:
    """Members take 6 kW, the feeder 1: the rest gives 5, and may stop at any time."""
    made = Feeder()
    made.area_w = 1000.0
    made.ask(held(ImportLimit(12_000.0)))
    assert sum(made.watts(ImportLimit).values()) == pytest.approx(12_000.0)


def test_an_unknown_rest_takes_all_of_a_limit_and_a_stated_one_what_is_stated() -> None:
    made = Feeder()
    made.area_w = None
    made.ask(held(ImportLimit(12_000.0)))
    assert made.watts(ImportLimit) == {"a": 0.0, "b": 0.0}
    stated = Feeder(DivisionOptions(rest_import_kw=4.0))
    stated.area_w = None
    stated.ask(held(ImportLimit(12_000.0)))
    assert stated.watts(ImportLimit) == {"a": pytest.approx(3000.0), "b": pytest.approx(5000.0)}


def test_a_silent_member_is_counted_at_all_it_could_take_and_told_its_part_all_the_same() -> None:
    """30 kW less 2 of the rest, less the 4 that b took when last seen, less the 20 it could take: 4. a's floor 1, then 1.5 each."""
    made = Feeder()
    del made.powers_w["b"]
    made.ask(held(ImportLimit(30_000.0)))
    assert made.watts(ImportLimit) == {"a": pytest.approx(2500.0), "b": pytest.approx(1500.0)}
    assert made.alarms[0].startswith("b: report nothing")


@pytest.mark.parametrize("limit_w", [-1.0, float("nan"), float("-inf"), 0.0])
def test_a_limit_below_nothing_or_that_is_no_number_leaves_nothing(limit_w: float) -> None:
    made = Feeder()
    made.ask(held(ImportLimit(limit_w)))
    assert made.watts(ImportLimit) == {"a": 0.0, "b": 0.0}


@pytest.mark.parametrize("limit_w", [1e12, float("inf")])
def test_an_absurdly_large_limit_is_none(limit_w: float) -> None:
    made = Feeder()
    made.ask(held(ImportLimit(limit_w)))
    assert made.granted == {}


def test_what_ends_is_taken_back_at_once_and_what_changes_is_divided_at_once() -> None:
    made = Feeder()
    made.ask(held(ImportLimit(12_000.0)))
    made.ask(held(ImportLimit(6000.0), "e2"))
    assert made.watts(ImportLimit) == {"a": pytest.approx(1000.0), "b": pytest.approx(3000.0)}
    made.ask()
    assert (made.granted, made.wake_s) == ({}, [])


def test_what_stays_is_divided_anew_twice_a_minute_and_not_at_every_report() -> None:
    made = Feeder()
    made.ask(held(ImportLimit(12_000.0)))
    assert made.wake_s == [MIDNIGHT + 30.0]
    made.area_w = 10_000.0
    made.run(20.0, 10.0)
    assert sum(made.watts(ImportLimit).values()) == pytest.approx(10_000.0)
    made.run(10.0)
    assert sum(made.watts(ImportLimit).values()) == pytest.approx(8000.0)


def test_two_modes_at_once_are_two_subjects_and_tests_and_others_are_none() -> None:
    made = Feeder()
    made.ask(held(ImportLimit(12_000.0)), held(ExportLimit(5000.0)), held(MaxPower(50.0)))
    assert len(made.granted) == 4
    made.ask(held(ImportLimit(12_000.0), test=True))
    assert made.granted == {}


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_limits_of_one_voice_the_tighter_is_divided(turned: bool) -> None:
    both = [held(ImportLimit(12_000.0)), held(ImportLimit(8000.0), "e2")]
    made = Feeder()
    made.ask(*(reversed(both) if turned else both))
    assert sum(made.watts(ImportLimit).values()) == pytest.approx(6000.0)


def test_a_dispatch_is_told_as_changes_by_reach() -> None:
    """Of 6 kW to 8: a can take 6 more, b 2: 1.5 and 0.5."""
    made = Feeder()
    made.ask(held(LoadDispatch(DispatchKind.SETPOINT_W, 8000.0)))
    assert made.watts(LoadDispatch) == {"a": pytest.approx(1500.0), "b": pytest.approx(500.0)}
    assert {c.kind for g in made.granted.values() for c in g.controls if isinstance(c, LoadDispatch)} == {
        DispatchKind.DELTA_W
    }


@pytest.mark.parametrize(
    ("control", "sum_w"),
    [
        (LoadDispatch(DispatchKind.DELTA_W, -1000.0), -1000.0),
        (LoadDispatch(DispatchKind.MULTIPLIER, 0.75), -1500.0),
        (LoadDispatch(DispatchKind.SETPOINT_W, 4500.0), -1500.0),
    ],
)
def test_a_relative_dispatch_is_of_what_members_took_when_it_began(control: LoadDispatch, sum_w: float) -> None:
    made = Feeder()
    made.ask(held(control))
    assert sum(made.watts(LoadDispatch).values()) == pytest.approx(sum_w)
    made.powers_w = {"a": 2000.0 + made.watts(LoadDispatch)["a"], "b": 4000.0 + made.watts(LoadDispatch)["b"]}
    for _ in range(3):
        made.reborn()
        made.run(30.0)
        assert sum(made.watts(LoadDispatch).values()) == pytest.approx(sum_w)


def test_what_is_still_missing_at_the_meter_is_asked_for_again_but_never_beyond_reach() -> None:
    """a stays where it is: what is missing is asked again of those who can, up to all that each can move."""
    made = Feeder()
    made.ask(held(LoadDispatch(DispatchKind.SETPOINT_W, 5000.0)))
    assert made.watts(LoadDispatch) == {"a": pytest.approx(-500.0), "b": pytest.approx(-500.0)}
    made.powers_w["b"] = 3500.0
    made.run(30.0)
    assert made.watts(LoadDispatch) == {"a": -500.0, "b": -500.0}, "b is on its way: nothing else is said meanwhile"
    made.run(30.0)
    assert sum(made.watts(LoadDispatch).values()) == pytest.approx(-1500.0)
    made.run(3600.0, 30.0)
    assert made.watts(LoadDispatch)["a"] >= -7000.0
    assert made.watts(LoadDispatch)["b"] >= -3000.0


def folds(made: Feeder) -> list[Fold]:
    """What went to the connection, one letter at a time."""
    return [fold for message in made.letters for fold in heard([message]).values()]


def test_a_dispatch_is_folded_from_what_members_take_once_they_stand_still() -> None:
    """6 kW, 8 are wanted. a moves by 1.5 kW, b by nothing: 500 W are missing, which both could do; then a alone does them."""
    made, asked = Feeder(), EventKey(FEEDER, "e1")
    made.ask(held(LoadDispatch(DispatchKind.SETPOINT_W, 8000.0)))
    made.powers_w["a"] = 3500.0
    made.run(30.0, 30.0)
    assert folds(made) == [], "they move"
    made.run(30.0, 30.0)
    assert folds(made) == [Fold(asked, 8000.0, 7500.0, "a (could do more), b (could do more)")]
    made.powers_w["a"] = 4000.0
    made.run(60.0, 30.0)
    assert (folds(made)[-1].asked_w, folds(made)[-1].given_w) == (8000.0, 8000.0)


def test_who_can_do_no_more_and_who_is_silent_is_said_in_a_fold() -> None:
    """20 kW are wanted: a is at its 8, b says nothing."""
    made = Feeder()
    made.ask(held(LoadDispatch(DispatchKind.SETPOINT_W, 20_000.0)))
    made.powers_w = {"a": 8000.0}
    made.run(120.0, 30.0)
    assert folds(made)[-1] == Fold(EventKey(FEEDER, "e1"), 20_000.0, 8000.0, "a (can do no more), b (silent)")


def test_a_limit_is_folded_from_who_holds_his_part() -> None:
    """Parts of 4 and 6 kW. b takes 6.2 kW, within 4 %, then 7: 1 kW too much, which a's unused room does not make good."""
    made, asked = Feeder(), EventKey(FEEDER, "e1")
    made.ask(held(ImportLimit(12_000.0)))
    assert folds(made) == [], "nobody was told before"
    made.powers_w["b"] = 6200.0
    made.area_w = 10_200.0
    made.run(30.0, 30.0)
    assert folds(made)[-1] == Fold(asked, 10_000.0, 10_000.0)
    told = made.watts(ImportLimit)["b"]
    made.powers_w["b"] = told + 1000.0
    made.run(30.0, 30.0)
    last = folds(made)[-1]
    assert last.given_w - last.asked_w == pytest.approx(1000.0)
    assert last.by == "b (1000 W too much)"


def test_a_standing_is_no_event_and_has_no_fold() -> None:
    made = Feeder()
    made.ask(held(ImportLimit(12_000.0), cause=False), held(LoadDispatch(DispatchKind.SETPOINT_W, 8000.0), cause=False))
    made.run(120.0, 30.0)
    assert folds(made) == []


def test_what_nobody_can_take_is_said() -> None:
    made = Feeder()
    made.ask(held(LoadDispatch(DispatchKind.SETPOINT_W, 20_000.0)))
    said = "load_dispatch/utility/feeder-12: 6000 W of it can nobody take"
    assert made.alarms == [said]
    made.run(10.0)
    assert made.alarms == [said, said], "it is wrong until it is looked at again"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e12])
def test_a_dispatch_that_cannot_be_meant_is_told_to_nobody_and_unseats_no_limit(value: float) -> None:
    made = Feeder()
    made.ask(held(LoadDispatch(DispatchKind.SETPOINT_W, value)), held(ImportLimit(12_000.0)))
    assert made.watts(LoadDispatch) == {}
    assert len(made.watts(ImportLimit)) == 2
    assert "cannot be meant" in made.alarms[0]


def test_a_level_is_handed_on_as_it_is() -> None:
    made = Feeder()
    level = LoadDispatch(DispatchKind.LEVEL, 2.0)
    made.ask(held(level))
    assert {grant.controls for grant in made.granted.values()} == {(level,)}


def test_who_is_revoked_is_taken_back_and_the_others_divide_at_once() -> None:
    made = Feeder()
    made.ask(held(ImportLimit(12_000.0)))
    made.members = ("a",)
    made.step()
    assert set(made.granted) == {("a", "import_limit/utility/feeder-12")}
    assert made.watts(ImportLimit) == {"a": pytest.approx(6000.0)}, "b's 4 kW are the rest's now"


def test_a_clock_that_leaps_divides_anew() -> None:
    made = Feeder()
    made.ask(held(ImportLimit(12_000.0)))
    made.area_w = 10_000.0
    made.utc_s -= 3600.0
    made.step()
    assert sum(made.watts(ImportLimit).values()) == pytest.approx(8000.0)


def test_what_is_durable_survives_the_ledger() -> None:
    made = Feeder()
    made.ask(held(LoadDispatch(DispatchKind.DELTA_W, -1000.0)))
    codec = Codec(catalogue.durable())
    assert codec.decode(*codec.encode(made.state.durable)) == made.state.durable


def test_the_modes_it_divides() -> None:
    made = Feeder()
    made.ask(held(ImportLimit(12_000.0)))
    told = made.function.told(made.state)
    assert set(told) == {f"{mode_of(ImportLimit(0.0)).value}/utility/feeder-12"}


def test_options_out_of_range_are_all_named() -> None:
    with pytest.raises(ConfigurationFault) as found:
        DivisionOptions(rest_import_kw=-1.0, weights={"a": -1.0}, again_s=1.0)
    assert len(found.value.mistakes) == 3
