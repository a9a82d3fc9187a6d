"""Solves what functions ask for in processes of their own, so that no site waits for another's optimiser."""

import asyncio
import multiprocessing
import os
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor

import structlog

from grid_functions.building.lesson import Lesson, Taught
from grid_functions.building.program import Problem, Solution
from grid_functions.model.function import Answer, Ask
from grid_functions.model.ports import Clock

_log = structlog.get_logger("solving")

_LEAST_S = 0.05


class Solving:
    """``processes``: how many; they begin with the first problem. A structure always goes to the same one, which knows it then."""

    def __init__(self, clock: Clock, processes: int = 1) -> None:
        self._clock = clock
        self._pools: list[ProcessPoolExecutor | None] = [None] * processes

    async def answer(self, function: str, ask: Ask) -> Answer:
        """The answer, at the latest at the ask's deadline; without a solution where there was none in time, or the process died."""
        if not isinstance(ask.problem, Problem | Lesson):
            _log.error("no such problem can be solved", function=function, problem=type(ask.problem).__name__)
            return Answer(function, ask.id, None)
        left_s = max(_LEAST_S, ask.deadline.in_s(self._clock.now()))
        number = ask.problem.program.digest[0] % len(self._pools) if isinstance(ask.problem, Problem) else 0
        try:
            async with asyncio.timeout(left_s):
                solution = await asyncio.wrap_future(self._pool(number).submit(_solve, ask.problem, left_s))
        except TimeoutError:
            return Answer(function, ask.id, None)
        except BrokenExecutor as fault:
            _log.error("a solver died; the next problem begins another", why=str(fault), function=function)
            self._pools[number] = None
            return Answer(function, ask.id, None)
        return Answer(function, ask.id, solution)

    def close(self) -> None:
        """End the processes."""
        for number, pool in enumerate(self._pools):
            if pool is not None:
                pool.shutdown(wait=False, cancel_futures=True)
            self._pools[number] = None

    def _pool(self, number: int) -> ProcessPoolExecutor:
        pool = self._pools[number]
        if pool is None:
            pool = self._pools[number] = ProcessPoolExecutor(
                1, mp_context=multiprocessing.get_context("spawn"), initializer=_hush
            )
        return pool


def _hush() -> None:
    """HiGHS greets on standard output whoever loads it; that stream is the gateway's log."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.close(nothing)


def _solve(problem: Problem | Lesson, time_limit_s: float) -> Solution | Taught:
    if isinstance(problem, Lesson):
        return problem.taught()
    # In the processes that solve, and nowhere else: the gateway's own has no use for HiGHS and its memory.
    from gateway.solver import of_this_process

    return of_this_process().solve(problem, time_limit_s)
