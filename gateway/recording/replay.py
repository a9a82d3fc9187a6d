"""Makes recorded decisions again and finds the first that comes out otherwise."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from gateway.log.book import Record
from gateway.recording.plain import Plain
from gateway.recording.record import ANCHOR, NOTE, STEP, Anchor, Note, Step
from grid_functions.decide import SiteState, decide, note
from grid_functions.guest import Guest, GuestOptions
from grid_functions.machines import Machine
from grid_functions.model.device import Seen
from grid_functions.model.errors import OperatorFault
from grid_functions.model.outcome import Outcome
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Difference:
    """A decision that came out otherwise, in words: ``recorded`` and ``replayed`` of each thing that differs."""

    utc_s: float
    serial: int
    recorded: Mapping[str, Any]
    replayed: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of one site's records. ``decisions`` were made again, ``skipped`` came before the first anchor."""

    site: str
    decisions: int
    skipped: int
    from_s: float | None
    to_s: float | None
    difference: Difference | None


def replay(site: str, records: Iterable[Record], functions: Mapping[str, Machine], plain: Plain) -> Replayed:
    """Every recorded decision of one site again, up to the first that differs. Raises OperatorFault for records of another version."""
    run: _Run | None = None
    decisions = skipped = 0
    from_s = to_s = None
    for record in records:
        if record.kind == ANCHOR:
            run = _Run(plain.read(record.body, Anchor), functions)
        elif record.kind == STEP and run is None:
            skipped += 1
        elif record.kind == STEP and run is not None:
            step = plain.read(record.body, Step)
            from_s, to_s = step.now.utc_s if from_s is None else from_s, step.now.utc_s
            decisions += 1
            difference = run.again(step)
            if difference is not None:
                return Replayed(site, decisions, skipped, from_s, to_s, difference)
        elif record.kind == NOTE and run is not None:
            difference = run.noted(plain.read(record.body, Note))
            if difference is not None:
                return Replayed(site, decisions, skipped, from_s, to_s, difference)
    return Replayed(site, decisions, skipped, from_s, to_s, None)


class _Run:
    """From one anchor to the next."""

    def __init__(self, anchor: Anchor, functions: Mapping[str, Machine]) -> None:
        # What a plug-in said is recorded: its package need not be here.
        guests = {name: Guest(name, one) for name, one in anchor.options.items() if isinstance(one, GuestOptions)}
        functions = {**functions, **guests}
        missing = set(anchor.functions) - functions.keys()
        if missing:
            raise OperatorFault(
                f"the log was recorded with {', '.join(sorted(missing))}, which is not installed",
                "install the package that brings it",
            )
        self._anchor = anchor
        self._functions = {name: _as_chosen(functions[name], anchor.options.get(name)) for name in anchor.functions}
        self._state: SiteState = anchor.state
        self._devices: dict[str, Seen] = {}
        self._setpoints: tuple[Setpoint, ...] = ()

    def again(self, step: Step) -> Difference | None:
        """Make one decision again."""
        anchor = self._anchor
        for seen in step.seen:
            if seen.device in step.same:
                known = self._devices[seen.device]
                seen = replace(seen, nameplate=known.nameplate, capability=known.capability)
            self._devices[seen.device] = seen
        for name in step.gone:
            del self._devices[name]
        # In the order in which they were seen, which is that of their names in no decision.
        snapshot = Snapshot(anchor.terms.name, step.now, step.meter, dict(sorted(self._devices.items())))
        tick = replace(step.tick, snapshot=snapshot)
        seed = bytes.fromhex(anchor.seed)
        decision = decide(self._state, anchor.policies, anchor.terms, self._functions, tick, step.now, seed=seed)
        self._state = decision.state
        if step.setpoints is not None:
            self._setpoints = step.setpoints
        recorded = _words(step.serial, self._setpoints, step.outcomes)
        replayed = _words(decision.serial, decision.setpoints, decision.outcomes)
        if recorded == replayed:
            return None
        differing = [
            name for name in sorted(recorded.keys() | replayed.keys()) if recorded.get(name) != replayed.get(name)
        ]
        return Difference(
            step.now.utc_s,
            step.serial,
            {name: recorded.get(name) for name in differing},
            {name: replayed.get(name) for name in differing},
        )

    def noted(self, recorded: Note) -> Difference | None:
        """Note again what became of decisions."""
        again = note(
            self._state,
            self._anchor.policies,
            recorded.now,
            handed=recorded.handed,
            acknowledged=recorded.acknowledged,
        )
        self._state = again.state
        if again.outcomes == recorded.outcomes:
            return None
        there, here = {"outcomes": _told(recorded.outcomes)}, {"outcomes": _told(again.outcomes)}
        return Difference(recorded.now.utc_s, self._state.serial, there, here)


def _as_chosen(function: Machine, options: Any) -> Any:
    """The function with the options that it was recorded with."""
    return function if options is None else replace(cast(Any, function), options=options)


def _told(outcomes: tuple[Outcome, ...]) -> list[str]:
    return [f"{one.event.id} {one.kind.value} at {one.at.at_s:.3f}" for one in outcomes]


def _words(serial: int, setpoints: tuple[Setpoint, ...], outcomes: tuple[Outcome, ...]) -> dict[str, Any]:
    told: dict[str, Any] = {"serial": serial}
    told |= {f"setpoint {one.device}": str(one) for one in setpoints}
    told["outcomes"] = _told(outcomes)
    return told
