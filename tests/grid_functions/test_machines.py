"""Functions run side by side: one that raises harms only itself."""

from dataclasses import dataclass, replace

from grid_functions.guest import Remembered
from grid_functions.machines import Kept, Run, receipts, restore, run
from grid_functions.model.claim import Claim
from grid_functions.model.control import Mode
from grid_functions.model.entry import Entry
from grid_functions.model.function import Ask, Receipt, SiteInputs, Step, WakeAt
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.lease import Message
from tests.grid_functions.house import at, bound, snapshot, terms

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
