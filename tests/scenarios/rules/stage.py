"""Plays a timeline's scenarios: reads and instants in, what holds and what is told out.

A scenario is ``{name, source, policy, draws, steps}``; a step is

* ``at``: seconds, on all clocks; ``clock``: the upstream's time if it differs; ``restart``: the program was killed before this step;
* ``reads``: one mapping or several, see :func:`_read`; ``opts``: {event: in | out}; ``closed``: [event];
* ``cannot``: {mode: why}, modes no device can ever obey; ``away``: [mode], modes whose devices do not answer now;
* ``holds``: {mode: "value from"}, complete, where from is an event, =program (a standing) or ! (the fail-safe);
* ``told``: complete, "event kind", then "@at" where it is not this step's time, "by event", "other" (another program), "ran" or "unrun",
  and the part taken if it is not the whole;
* ``ramps``: {mode: "60 s" | "0.27 %/s" | none}, complete; ``settings``: those that are given;
* ``next``: the exact second of the next change (``never`` = none); ``notes``: how many.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from grid_functions import outcomes
from grid_functions.model.claim import Basis, InForce, Source, SourceKind
from grid_functions.model.control import (
    Connect,
    Control,
    Energize,
    ExportLimit,
    FixedPower,
    GenerationLimit,
    ImportLimit,
    LoadLimit,
    MaxPower,
    TargetPower,
    mode_of,
)
from grid_functions.model.entry import Entry
from grid_functions.model.event import (
    Event,
    EventKey,
    EventStatus,
    Interval,
    Ramp,
    Rank,
    Read,
    RefusalKind,
    Reject,
    Respondent,
    Settings,
    Standing,
)
from grid_functions.model.instants import OWN, ClockQuality, Instants, UpstreamTime
from grid_functions.model.outcome import Fact, OutcomeKind, Part
from grid_functions.model.policy import OptOut, Policy, Vanished
from grid_functions.model.units import PercentBase
from grid_functions.timeline import intake
from grid_functions.timeline.state import Means, Opt, TimelineState, TimelineStep
from grid_functions.timeline.step import empty, restore, step

CLOCK = "utility"
ME = Respondent(CLOCK, "3E4F45AB31EDFE5B67E343E5E4562E31984E23E5")
UTC_AHEAD_S = 5000.0  # our own UTC differs from the upstream's, so that mixing them up shows
SEED = b"a gateway of its own"

_CONTROLS: dict[str, Any] = {
    "connect": Connect,
    "energize": Energize,
    "export_limit": ExportLimit,
    "import_limit": ImportLimit,
    "generation_limit": GenerationLimit,
    "load_limit": LoadLimit,
    "max_power": MaxPower,
    "target_power": TargetPower,
    "fixed_power": lambda pct: FixedPower(pct, PercentBase.MAX_POWER),
}


@dataclass(frozen=True)
class Scenario:
    """One situation out of a file."""

    file: str
    name: str
    body: Mapping[str, Any]


def scenarios(*names: str) -> list[Any]:
    """The scenarios of these files beside this one, as pytest parameters."""
    return [
        pytest.param(Scenario(name, body["name"], body), id=f"{name.removesuffix('.yaml')}: {body['name']}")
        for name in names
        for body in yaml.safe_load((Path(__file__).parent / name).read_text())
    ]


def play(scenario: Scenario, monkeypatch: pytest.MonkeyPatch, shuffled: int | None = None) -> list[object]:
    """Play it and hold every expectation; ``shuffled`` seeds another order within each read. Returns all states, for comparison."""
    body = scenario.body
    draws = body.get("draws", {})

    def drawn(_seed: bytes, key: EventKey, what: str, window_s: float) -> float:
        return float(draws[key.id][what]) if window_s else 0.0

    monkeypatch.setattr(intake, "draw_s", drawn)
    policy = _policy(body.get("policy", {}))
    state, book, ledger = empty(ME), outcomes.Book(), list[Entry]()
    states: list[object] = []
    for one in body["steps"]:
        where = f"{scenario.name} at {one['at']}"
        if one.get("restart"):
            state, book = restore(ME, ledger), outcomes.restore(ledger)
        now = _instants(one)
        reads = tuple(_shuffled(_read(read, now), shuffled) for read in _listed(one.get("reads")))
        opts = [Opt(EventKey(ME, name), said == "out") for name, said in one.get("opts", {}).items()]
        closed = frozenset(EventKey(ME, name) for name in one.get("closed", ()))
        done = step(state, policy, reads, opts, closed, now, seed=SEED, means=_means(one))
        told = outcomes.step(book, done.facts, now)
        state, book = done.state, told.book
        ledger += done.entries + told.entries
        states.append(state)
        assert [(one.event, one.kind) for one in told.outcomes] == [(one.event, one.what) for one in done.facts], where
        assert restore(ME, ledger).kept == state.kept, where
        assert outcomes.restore(ledger).pages == book.pages, where
        _check(where, one, done, now)
        _idle(state, policy, opts, _means(one), now, done)
    return states


def _check(where: str, one: Mapping[str, Any], done: TimelineStep, now: Instants) -> None:
    if "holds" in one:
        assert _held(done.in_force) == {mode: str(text) for mode, text in one["holds"].items()}, where
    if "tests" in one:
        assert {str(mode_of(c.control)): _text(c) for c in done.in_force if c.test} == one["tests"], where
    told = [_words(fact, now.on(CLOCK)) for fact in done.facts]
    assert told == one.get("told", []), where
    if "next" in one:
        assert _next(done, now) == (None if one["next"] == "never" else pytest.approx(one["next"])), where
    if "until" in one:
        found = {str(mode_of(c.control)): c.until and c.until.at_s for c in done.in_force}
        assert found == one["until"], where
    if "since" in one:
        assert {str(mode_of(c.control)): c.since.at_s for c in done.in_force} == one["since"], where
    if "ramps" in one:
        assert {str(mode_of(c.control)): _ramp_words(c.ramp) for c in done.in_force} == one["ramps"], where
    if "settings" in one:
        assert done.settings == Settings(**one["settings"]), where
    if "current" in one:
        assert done.current is one["current"], where
    if "notes" in one:
        assert len(done.notes) == one["notes"], (where, done.notes)


def _idle(
    state: TimelineState, policy: Policy, opts: list[Opt], means: Means, now: Instants, done: TimelineStep
) -> None:
    """A second step at the same instant, with nothing new, changes and says nothing."""
    again = step(state, policy, (), opts, frozenset(), now, seed=SEED, means=means)
    assert (again.state, again.in_force, again.facts, again.entries) == (state, done.in_force, (), ())
    assert again.next_change == done.next_change


def _held(in_force: tuple[InForce, ...]) -> dict[str, str]:
    real = [one for one in in_force if not one.test]
    found = {str(mode_of(one.control)): _text(one) for one in real}
    assert len(found) == len(real), in_force
    return found


def _text(one: InForce) -> str:
    match one.basis:
        case Basis.EVENT:
            assert isinstance(one.cause, EventKey)
            by = one.cause.id
        case Basis.STANDING:
            by = f"={one.program}"
        case _:
            by = "!"
    return f"{_value(one.control)} {by}"


def _value(control: Control) -> str:
    match control:
        case Connect(on=on) | Energize(on=on):
            return "on" if on else "off"
        case FixedPower(power_pct=value) | TargetPower(power_w=value) | MaxPower(limit_pct=value):
            return f"{value:g}"
        case ExportLimit() | ImportLimit() | GenerationLimit() | LoadLimit():
            return f"{control.limit_w:g}"
    raise AssertionError(control)


def _words(fact: Fact, now_s: float) -> str:
    assert fact.at.clock == CLOCK
    words = [fact.event.id, str(fact.what)]
    if fact.at.at_s != now_s:
        words.append(f"@{fact.at.at_s:g}")
    if fact.cause.by:
        words.append(f"by {fact.cause.by.id}")
        words += [] if fact.cause.same_program else ["other"]
        assert fact.cause.same_server
    if fact.what in (OutcomeKind.CANCELLED, OutcomeKind.SUPERSEDED):
        words.append("ran" if fact.cause.had_started else "unrun")
    words += [] if fact.cause.part is Part.WHOLE else [str(fact.cause.part)]
    return " ".join(words)


def _means(one: Mapping[str, Any]) -> Means:
    cannot, away = one.get("cannot", {}), one.get("away", ())
    return Means(
        lambda control: str(cannot.get(mode_of(control), "")), lambda mode: mode not in cannot and mode not in away
    )


def _next(done: TimelineStep, now: Instants) -> float | None:
    if done.next_change is None:
        return None
    assert done.next_change.clock in (OWN, CLOCK)
    return now.on(CLOCK) + done.next_change.in_s(now)


def _ramp_words(ramp: Ramp | None) -> str:
    if ramp is None:
        return "none"
    return f"{ramp.over_s:g} s" if ramp.over_s is not None else f"{ramp.pct_per_s:g} %/s"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _instants(one: Mapping[str, Any]) -> Instants:
    at = float(one["at"])
    told = UpstreamTime(float(one.get("clock", at)), ClockQuality.SYNCHRONISED)
    return Instants(at, at + UTC_AHEAD_S, {CLOCK: told})


def _policy(body: Mapping[str, Any]) -> Policy:
    return Policy(
        clock=CLOCK,
        source=Source(SourceKind.IEEE2030_5, "utility", ME),
        final=body.get("final", True),
        vanished=Vanished(body.get("vanished", "keep")),
        opt_out=OptOut(body.get("opt_out", "none")),
        fail_safe=_controls(body.get("fail_safe", {})),
        fail_safe_after_s=float(body.get("fail_safe_after_s", 1e9)),
        gradient_pct_per_s=body.get("gradient_pct_per_s"),
        hold_over_s=float(body.get("hold_over_s", 0.0)),
    )


def _read(body: Mapping[str, Any], now: Instants) -> Read:
    """``programs``: {name: level}; ``listed`` (default all of them); ``complete`` (default yes); the rest as in a Read."""
    programs = {name: Rank(float(level), 0.0, name) for name, level in body.get("programs", {}).items()}
    return Read(
        respondent=ME,
        at_s=now.on(CLOCK),
        complete=body.get("complete", True),
        programs=programs,
        listed=frozenset(body.get("listed", programs)),
        standings=tuple(
            Standing(name, programs[name], _controls(told), _settings(told))
            for name, told in body.get("standings", {}).items()
        ),
        events=tuple(_event(event, programs) for event in body.get("events", ())),
        rejects=tuple(Reject(one["id"], RefusalKind(one["kind"]), "why") for one in body.get("rejects", ())),
        refused=body.get("refused", ""),
    )


def _event(body: Mapping[str, Any], programs: Mapping[str, Rank]) -> Event:
    program = body.get("program", "p")
    rank = programs.get(program, Rank(0.0))
    return Event(
        key=EventKey(ME, body["id"]),
        version=body.get("version", 0),
        program=program,
        rank=Rank(rank.level, float(body.get("created", 0)), body["id"]),
        start_s=float(body["start"]),
        duration_s=None if body["for"] == "ever" else float(body["for"]),
        intervals=_intervals(body),
        status=EventStatus(body.get("status", "scheduled")),
        random_start_s=float(body.get("random_start", 0)),
        random_duration_s=float(body.get("random_duration", 0)),
        ramp=_ramp(body),
        addressees=frozenset(body.get("addressees", ())),
        test=body.get("test", False),
    )


def _intervals(body: Mapping[str, Any]) -> tuple[Interval, ...]:
    if "intervals" not in body:
        return (Interval(0.0, None, _controls(body)),)
    return tuple(Interval(float(i["offset"]), float(i["for"]), _controls(i)) for i in body["intervals"])


def _ramp(body: Mapping[str, Any]) -> Ramp | None:
    return Ramp(over_s=float(body["ramp_s"])) if "ramp_s" in body else None


def _settings(body: Mapping[str, Any]) -> Settings:
    return Settings(**{one.name: float(body[one.name]) for one in fields(Settings) if one.name in body})


def _controls(body: Mapping[str, Any]) -> tuple[Control, ...]:
    return tuple(_CONTROLS[mode](value) for mode, value in body.items() if mode in _CONTROLS)


def _shuffled(read: Read, seed: int | None) -> Read:
    if seed is None:
        return read
    chance = random.Random(seed)  # noqa: S311 - no secret: another order
    return replace(
        read,
        programs=dict(chance.sample(list(read.programs.items()), len(read.programs))),
        standings=tuple(chance.sample(read.standings, len(read.standings))),
        events=tuple(chance.sample(read.events, len(read.events))),
        rejects=tuple(chance.sample(read.rejects, len(read.rejects))),
    )
