"""Functions run side by side: one that raises harms only itself, and one with nothing to act on rests."""

from dataclasses import dataclass, replace
from typing import ClassVar, get_args

import pytest

from grid_functions.catalogue import built_in
from grid_functions.guest import Remembered
from grid_functions.machines import Kept, Run, receipts, restore, run, told
from grid_functions.model.claim import Claim, InForce
from grid_functions.model.control import (
    Alert,
    Connect,
    Control,
    Curve,
    CurveKind,
    CurvePoint,
    DispatchKind,
    Energize,
    ExportLimit,
    FixedPower,
    FixedReactive,
    Flow,
    FrequencyDroop,
    GenerationLimit,
    ImportLimit,
    LoadControl,
    LoadControlKind,
    LoadDispatch,
    LoadLimit,
    LoadShape,
    MaxPower,
    Mode,
    PowerFactor,
    ShedLevel,
    StorageCharge,
    StorageEnergy,
    StoragePower,
    TargetPower,
    TargetReactive,
    Thermostat,
)
from grid_functions.model.device import Role
from grid_functions.model.entry import Entry
from grid_functions.model.function import Ask, Receipt, SiteInputs, Step, WakeAt
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.lease import Message
from grid_functions.model.tariff import Capacity, CapacityKind, Direction, Price, Priced, PriceKind
from grid_functions.model.units import PercentBase
from grid_functions.site.measure import Measure
from grid_functions.site.shed import Shed, ShedOptions
from tests.grid_functions.house import at, bound, in_force, seen, snapshot, terms

INPUTS = SiteInputs(terms(), (), snapshot((), None))


@dataclass(frozen=True, slots=True)
class Tally:
    """A durable count beside a forgettable one."""

    durable: int = 0
    seen: int = 0
    version: int = 1


@dataclass(frozen=True, slots=True)
class Counter:
    """Counts its steps, claims, asks, wakes; raises from the third step on."""

    options: None = None
    limit_w: float = 100.0
    until: Moment | None = None
    last: int = 2

    def empty(self) -> Tally:
        """Nothing counted."""
        return Tally()

    def step(self, state: Tally, inputs: SiteInputs, now: Instants) -> Step[Tally]:
        """One more."""
        if state.seen >= self.last:
            raise ZeroDivisionError("of all things")
        claim = replace(bound(self.limit_w), valid_until=self.until)
        asked = Ask("plan", len(inputs.messages), Moment(OWN, 0.0))
        return Step(Tally(state.durable + 1, state.seen + 1), (claim, WakeAt(Moment(OWN, 7.0)), asked))


def steps(functions: dict[str, Counter], count: int) -> Run:
    """Several runs, one after the other, a second apart."""
    kept: dict[str, Kept] = {}
    for second in range(count):
        done = run(functions, kept, INPUTS, at(float(second)))
        kept = dict(done.kept)
    return done


def test_claims_wakes_asks_and_durable_state_come_out() -> None:
    done = steps({"c": Counter()}, 1)
    assert [one for one in done.claims if isinstance(one, Claim)] == [bound(100.0)]
    assert done.wake == (Moment(OWN, 7.0),)
    assert done.outputs == (("c", Ask("plan", 0, Moment(OWN, 0.0))),)
    assert done.entries == (Entry(("function", "c"), 1),)
    assert done.alarms == ()


def test_a_function_that_raises_keeps_its_last_claims_and_harms_no_other() -> None:
    done = steps({"bad": Counter(limit_w=1.0), "good": Counter(limit_w=2.0, last=99)}, 3)
    assert set(done.claims) == {bound(1.0), bound(2.0)}
    assert [(one.subject, one.text) for one in done.alarms] == [
        ("bad", "function raised ZeroDivisionError: of all things")
    ]


def test_its_last_claims_stand_until_they_end() -> None:
    """The third second is 1,000,002 s UTC."""
    assert steps({"bad": Counter(until=Moment(OWN, 1_000_002.1))}, 3).claims != ()
    assert steps({"bad": Counter(until=Moment(OWN, 1_000_002.0))}, 3).claims == ()


def test_a_function_that_raises_at_birth_claims_nothing() -> None:
    done = steps({"bad": Counter(last=0)}, 2)
    assert done.claims == ()
    assert len(done.alarms) == 1


def test_a_function_taken_away_leaves_no_claim_behind() -> None:
    kept = run({"c": Counter()}, {}, INPUTS, at(0.0)).kept
    assert run({}, kept, INPUTS, at(1.0)).claims == ()


@dataclass(frozen=True, slots=True)
class Teller(Counter):
    """Says how many steps it counted."""

    def told(self, state: Tally) -> dict[str, int]:
        """For people."""
        return {"steps": state.seen}


def test_only_who_has_something_to_say_and_has_run_says_it() -> None:
    """``a`` says nothing to people, ``b`` did not run yet, ``c`` ran once; of ``d`` only what is durable came back."""
    ran = run({"a": Counter(), "c": Teller()}, {}, INPUTS, at(0.0)).kept
    kept = {**ran, "d": Kept(durable=5)}
    assert told({"a": Counter(), "b": Teller(), "c": Teller(), "d": Teller()}, kept) == {"c": {"steps": 1}}


def test_messages_go_to_the_function_they_name() -> None:
    mail = (Message("c", "house", "area", "plan", "1", b"{}"), Message("other", "house", "area", "plan", "2", b"{}"))
    done = run({"c": Counter()}, {}, replace(INPUTS, messages=mail), at(0.0))
    assert done.outputs == (("c", Ask("plan", 1, Moment(OWN, 0.0))),)


def test_what_is_durable_comes_back_and_the_rest_is_reborn() -> None:
    done = steps({"c": Counter()}, 2)
    assert done.kept["c"].state == Tally(2, 2)
    again = run({"c": Counter()}, restore(done.entries), INPUTS, at(9.0))
    assert again.kept["c"].state == Tally(3, 1)
    assert again.entries == (Entry(("function", "c"), 3),)


def test_an_unchanged_durable_state_is_not_written_again() -> None:
    @dataclass(frozen=True, slots=True)
    class Still:
        options: None = None

        def empty(self) -> Tally:
            return Tally()

        def step(self, state: Tally, inputs: SiteInputs, now: Instants) -> Step[Tally]:
            return Step(replace(state, seen=state.seen + 1))

    first = run({"s": Still()}, {}, INPUTS, at(0.0))
    assert run({"s": Still()}, first.kept, INPUTS, at(1.0)).entries == ()


@dataclass(frozen=True, slots=True)
class Limiter:
    """Claims what is in force of its kind, after a word of goodbye nothing more; ``asked`` counts its steps."""

    asked: list[float]
    options: None = None
    acts_on: ClassVar[frozenset[type]] = frozenset({ExportLimit})

    def empty(self) -> Tally:
        """Nothing counted."""
        return Tally()

    def step(self, state: Tally, inputs: SiteInputs, now: Instants) -> Step[Tally]:
        """The bound of each limit; ``seen``: how many there were last."""
        self.asked.append(now.mono_s)
        mine = [one.control.limit_w for one in inputs.in_force if isinstance(one.control, ExportLimit)]
        after = state if len(mine) == state.seen else replace(state, seen=len(mine))
        return Step(after, tuple(bound(limit_w) for limit_w in mine))


def test_a_function_with_nothing_to_act_on_rests_until_a_control_of_its_kind_or_a_letter_comes() -> None:
    """It is asked until it has nothing more to put in order, and again in the very step in which there is something."""
    limit, other = in_force(ExportLimit(100.0)), in_force(LoadLimit(5.0))
    told: list[tuple[InForce, ...]] = [(), (), (), (other,), (limit, other), (limit,), (), (), ()]
    function, kept = Limiter([]), dict[str, Kept]()
    claims = []
    for second, holds in enumerate(told):
        done = run({"l": function}, kept, replace(INPUTS, in_force=holds), at(float(second)))
        kept = dict(done.kept)
        claims.append(len(done.claims))
    assert claims == [0, 0, 0, 0, 1, 1, 0, 0, 0]
    assert function.asked == [0.0, 1.0, 4.0, 5.0, 6.0, 7.0]
    letter = Message("l", "house", "area", "plan", "1", b"{}")
    run({"l": function}, kept, replace(INPUTS, messages=(letter,)), at(9.0))
    assert function.asked[-1] == 9.0


CONTROLS: tuple[Control, ...] = (
    Connect(False),
    Energize(False),
    ExportLimit(1000.0),
    ImportLimit(1000.0),
    GenerationLimit(1000.0),
    LoadLimit(1000.0),
    MaxPower(50.0),
    FixedPower(50.0, PercentBase.MAX_POWER),
    TargetPower(1000.0),
    FixedReactive(50.0, PercentBase.MAX_REACTIVE),
    TargetReactive(1000.0),
    PowerFactor(Flow.INJECT, 0.9, True),
    Curve(CurveKind.VOLT_VAR, (CurvePoint(92.0, 44.0), CurvePoint(108.0, -44.0))),
    Curve(CurveKind.HVRT_MUST_TRIP, (CurvePoint(0.1, 120.0), CurvePoint(2.0, 110.0))),
    FrequencyDroop(0.036, 0.036, 0.05, 0.05, 5.0),
    ShedLevel(1),
    LoadDispatch(DispatchKind.SETPOINT_W, 1000.0),
    LoadControl(LoadControlKind.CAPACITY, 0.5),
    LoadShape(0.5),
    StoragePower(1000.0),
    StorageCharge(80.0),
    StorageEnergy(500.0, relative=True),
    Capacity(Direction.IMPORT, CapacityKind.SUBSCRIPTION, 1000.0),
    Price(Priced.IMPORT, PriceKind.ABSOLUTE, 0.3),
    Thermostat(293.15, offset=False),
    Alert("grid_emergency"),
)


def test_one_of_each_control_is_among_these() -> None:
    assert {type(one) for one in CONTROLS} == set(get_args(Control))


FUNCTIONS = {**built_in(), "shed": Shed(ShedOptions({1: (Measure("evse", limit_w=2000.0),)}))}


@pytest.mark.parametrize("name", sorted(name for name, one in FUNCTIONS.items() if hasattr(one, "acts_on")))
def test_a_built_in_function_acts_on_nothing_beside_what_it_tells(name: str) -> None:
    """Or it would sleep through it: on all other controls together it says nothing and remembers nothing."""
    function = FUNCTIONS[name]
    devices = [seen("pv"), seen("battery", Role.BATTERY), seen("evse", Role.EVSE), seen("heat", Role.LOAD)]
    site = terms({one.device: one.role for one in devices})
    mine: frozenset[type] = getattr(function, "acts_on", frozenset())
    others = tuple(in_force(one) for one in CONTROLS if type(one) not in mine)
    state = function.empty()
    done = function.step(state, SiteInputs(site, others, snapshot(devices, 0.0)), at(0.0))
    assert done.outputs == ()
    assert done.state is state


def test_what_was_said_of_controls_beforehand_counts_as_long_as_who_said_it_is_there() -> None:
    kept = {
        "a": Kept(durable=Remembered(receipts=(Receipt(Mode.SHED_LEVEL, "no"), Receipt(Mode.LOAD_DISPATCH)))),
        "b": Kept(durable=Remembered(receipts=(Receipt(Mode.SHED_LEVEL), Receipt(Mode.LOAD_DISPATCH, "nor this")))),
        "c": Kept(durable=7),
    }
    # Who serves it outweighs who does not.
    assert receipts(("a", "b", "c"), kept) == {Mode.SHED_LEVEL: "", Mode.LOAD_DISPATCH: ""}
    assert receipts(("a", "c"), kept) == {Mode.SHED_LEVEL: "no", Mode.LOAD_DISPATCH: ""}
    assert receipts(("c",), kept) == {}
