"""All plug-ins of this gateway: their processes, how they are begun again, and how they are."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from gateway.guests.process import GuestProcess, Terms, begin
from gateway.mail import Solve
from grid_functions.admission import refusal
from grid_functions.guest import Failed, Stepped, Turn
from grid_functions.model.errors import PeerFault, Unreachable
from grid_functions.model.function import Answer, Ask
from grid_functions.model.ports import Clock, Dice

_log = structlog.get_logger("plug-in")

_LONGEST_REST_S = 60.0
_FEW = 32


@dataclass
class _Run:
    """One plug-in. ``rests_until``: monotonic; ``steps`` made, ``missed``: turns without a step."""

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


class Guests:
    """A process begins with the first turn that is asked of its function, and serves all sites and areas that name it."""

    def __init__(self, clock: Clock, dice: Dice, solve: Solve, terms: Terms | None = None) -> None:
        self._clock, self._dice, self._solve, self._terms = clock, dice, solve, terms or Terms()
        self._runs: dict[str, _Run] = {}

    async def answer(self, function: str, ask: Ask) -> Answer:
        """The answer to a turn; any other problem is solved as ever. It waits while the process is begun, and never raises."""
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
        why = done.why if isinstance(done, Failed) else await _judged(name, done, turn)
        if why:
            # The process is sound and goes on; what it knows of this place is not what we know.
            if isinstance(done, Stepped):
                run.process.known.discard(turn.options.place)
            run.missed, run.fault = run.missed + 1, why
            return Failed(why, again=False)
        run.steps, run.faults, run.fault = run.steps + 1, 0, ""
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
        _log.info("begun", function=name, pid=run.process.pid)
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


async def _judged(name: str, done: Stepped, turn: Turn) -> str:
    """Why it is not let in; in a thread where there is much to judge."""
    if len(done.outputs) <= _FEW:
        return refusal(name, done.outputs, turn.inputs, turn.now)
    return await asyncio.to_thread(refusal, name, done.outputs, turn.inputs, turn.now)


def _state(run: _Run) -> str:
    if run.process is not None and not run.process.ended:
        return "running" if run.faults == 0 else "recovering"
    return "resting" if run.faults else "not begun"
