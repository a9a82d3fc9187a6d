"""All plug-ins of this gateway: their processes, how they are begun again, and how they are."""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from gateway.guests.confinement import Layer
from gateway.guests.process import GuestProcess, Terms, begin
from gateway.mail import Solve
from grid_functions.admission import Bounds, refusal
from grid_functions.alarm import ALARM
from grid_functions.guest import Failed, Posed, Stepped, Turn
from grid_functions.letters import Shapes
from grid_functions.model.errors import PeerFault, Unreachable
from grid_functions.model.function import Answer, AreaInputs, Ask
from grid_functions.model.lease import Message
from grid_functions.model.ports import Clock, Dice
from grid_functions.roster import BURST, PER_S, Bucket

_log = structlog.get_logger("plug-in")

_LONGEST_REST_S = 60.0
_FEW, _SHORT = 32, 16_384
"""Outputs, and bytes of letters among them, that are judged in a millisecond or two."""

_KEPT = 8
"""Problems of one plug-in that are solved or wait for it."""


@dataclass
class _Run:
    """One plug-in. ``rests_until``: monotonic; ``steps`` made, ``missed``: turns without a step. ``channels`` and ``layers`` as its last
    process told; ``problems`` by number, ``rates`` by place and member.
    """

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    process: GuestProcess | None = None
    starts: int = 0
    faults: int = 0
    rests_until: float = 0.0
    steps: int = 0
    missed: int = 0
    fault: str = ""
    slowest_s: float = 0.0
    places: set[str] = field(default_factory=set)
    layers: tuple[Layer, ...] = ()
    channels: Shapes | None = None
    solving: asyncio.Lock = field(default_factory=asyncio.Lock)
    posed: int = 0
    problems: dict[int, object] = field(default_factory=dict)
    rates: dict[tuple[str, str], Bucket] = field(default_factory=dict)


class Guests:
    """A process begins with the first turn that is asked of its function, and serves all sites and areas that name it.

    ``solve`` answers what our own functions pose, ``solve_theirs`` what plug-ins pose: elsewhere, so that no plug-in holds up our own.
    """

    def __init__(self, clock: Clock, dice: Dice, solve: Solve, solve_theirs: Solve, terms: Terms | None = None) -> None:
        self._clock, self._dice, self._terms = clock, dice, terms or Terms()
        self._solve, self._solve_theirs = solve, solve_theirs
        self._runs: dict[str, _Run] = {}

    async def answer(self, function: str, ask: Ask) -> Answer:
        """The answer to a turn; any other problem is solved as ever. It waits while the process is begun, and never raises."""
        if isinstance(ask.problem, Posed):
            return await self._solved(function, ask, ask.problem.number)
        if not isinstance(ask.problem, Turn):
            return await self._solve(function, ask)
        run = self._runs.setdefault(function, _Run())
        run.places.add(ask.problem.options.place)
        async with run.turn:
            try:
                done = await self._done(function, run, ask.problem)
            except BaseException:
                # Nobody waits for what it would still say: its line is of no more use.
                await self._drop(run)
                raise
        return Answer(function, ask.id, done)

    def channels(self, function: str) -> Shapes | None:
        """The letters and orders that a plug-in named; None = it was never loaded here."""
        run = self._runs.get(function)
        return None if run is None else run.channels

    def health(self) -> Mapping[str, Mapping[str, Any]]:
        """How each plug-in is, as plain values, by name."""
        now_s = self._clock.now().mono_s
        return {
            name: {
                "state": _state(run),
                "pid": None if run.process is None else run.process.pid,
                "places": sorted(run.places),
                "steps": run.steps,
                "missed": run.missed,
                "starts": run.starts,
                "failures_in_a_row": run.faults,
                "again_in_s": max(0.0, round(run.rests_until - now_s, 1)) if run.process is None else 0.0,
                "slowest_ms": round(run.slowest_s * 1000.0, 1),
                "fault": run.fault,
                "confined": {one.name: one.text if one.holds else f"NOT: {one.text}" for one in run.layers},
            }
            for name, run in sorted(self._runs.items())
        }

    async def only(self, names: Collection[str]) -> None:
        """End those that nobody names any more."""
        for name in [name for name in self._runs if name not in names]:
            await self._drop(self._runs.pop(name))

    async def close(self) -> None:
        """End all."""
        await self.only(())

    async def _done(self, name: str, run: _Run, turn: Turn) -> Stepped | Failed:
        if run.process is not None and run.process.ended:
            return await self._failed(name, run, "its process ended between two turns")
        if run.process is None:
            return await self._begun(name, run)
        began_s = self._clock.now().mono_s
        try:
            done = await run.process.turn(turn)
        except (Unreachable, PeerFault) as fault:
            return await self._failed(name, run, str(fault))
        run.slowest_s = max(run.slowest_s, self._clock.now().mono_s - began_s)
        why = done.why if isinstance(done, Failed) else await self._refusal(name, run, done, turn)
        if why or isinstance(done, Failed):
            # The process is sound and goes on; what it knows of this place is not what we know.
            if isinstance(done, Stepped):
                run.process.known.discard(turn.options.place)
            run.missed, run.fault = run.missed + 1, why
            return Failed(why, again=False)
        run.steps, run.faults, run.fault = run.steps + 1, 0, ""
        return Stepped(tuple(_kept(run, one) if isinstance(one, Ask) else one for one in done.outputs), done.own)

    async def _refusal(self, name: str, run: _Run, done: Stepped, turn: Turn) -> str:
        """Why it is not let in; judged in a thread where there is much to judge. Letters that are let in count."""
        bounds = Bounds(name, turn.options, run.channels or {})
        judged = bounds, done.outputs, turn.inputs, turn.now
        short = (
            len(done.outputs) <= _FEW
            and sum(len(one.body) for one in done.outputs if isinstance(one, Message)) <= _SHORT
        )
        why = refusal(*judged) if short else await asyncio.to_thread(refusal, *judged)
        if why:
            return why
        now, place, rates = self._clock.now(), turn.options.place, dict(run.rates)
        down = isinstance(turn.inputs, AreaInputs)
        said = Counter(one.to if down else "" for one in done.outputs if isinstance(one, Message) and one.kind != ALARM)
        for member, letters in said.items():
            after = rates.get((place, member), Bucket(BURST, now.mono_s)).less(letters, now)
            if after is None:
                return f"it says more than {PER_S:g} letters a second to {member or 'areas'}"
            rates[place, member] = after
        run.rates = rates
        return ""

    async def _solved(self, function: str, ask: Ask, number: int) -> Answer:
        """Without a solution where there is none in time, or the problem is no longer there."""
        run = self._runs.get(function)
        if run is None or number not in run.problems:
            return Answer(function, ask.id, None)
        async with run.solving:
            problem = run.problems.get(number)
            done = await self._solve_theirs(function, replace(ask, problem=problem))
            run.problems.pop(number, None)
        return done

    async def _begun(self, name: str, run: _Run) -> Failed:
        """Begin it, when its time has come; what was to be seen is old by then."""
        await asyncio.sleep(max(0.0, run.rests_until - self._clock.now().mono_s))
        run.starts += 1
        try:
            run.process = await begin(name, self._terms)
            await run.process.ready()
        except (OSError, Unreachable, PeerFault) as fault:
            return await self._failed(name, run, f"it could not be begun: {fault}")
        run.layers, run.channels = run.process.layers, run.process.channels
        _log.info("begun", function=name, pid=run.process.pid, confined=[one.name for one in run.layers if one.holds])
        for one in run.layers:
            if not one.holds:
                _log.warning("not confined", function=name, layer=one.name, why=one.text)
        return Failed("", again=True)

    async def _failed(self, name: str, run: _Run, why: str) -> Failed:
        await self._drop(run)
        run.faults, run.missed, run.fault = run.faults + 1, run.missed + 1, why
        doubled_s = self._terms.rest_s * 2.0 ** min(run.faults - 1, 16)
        rest_s = min(_LONGEST_REST_S, doubled_s * self._dice.jitter(0.75, 1.25))
        run.rests_until = self._clock.now().mono_s + rest_s
        _log.warning("failed", function=name, why=why, again_in_s=round(rest_s, 1), failures_in_a_row=run.faults)
        return Failed(why, again=True)

    async def _drop(self, run: _Run) -> None:
        process, run.process = run.process, None
        if process is not None:
            await process.kill()


def _kept(run: _Run, ask: Ask) -> Ask:
    """The problem stays here, and the decision is told its number; of too many the oldest is dropped."""
    run.posed += 1
    run.problems[run.posed] = ask.problem
    while len(run.problems) > _KEPT:
        del run.problems[min(run.problems)]
    return replace(ask, problem=Posed(run.posed))


def _state(run: _Run) -> str:
    if run.process is not None and not run.process.ended:
        return "running" if run.faults == 0 else "recovering"
    return "resting" if run.faults else "not begun"
