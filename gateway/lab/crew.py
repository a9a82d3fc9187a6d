"""A feeder's streets in processes of their own, moved together."""

import logging
import multiprocessing
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from types import TracebackType
from typing import Any

import structlog

from gateway.lab.fleet import Spec
from gateway.lab.street import Ended, Play, Street, Window
from gateway.lab.weather import Day
from grid_functions.building.home import Home as Laid
from grid_functions.building.home import Tariff
from grid_functions.model.lease import Lease, Message

Post = Mapping[str, Sequence[Lease | Message]]


class Crew:
    """``processes``: how many; homes are dealt to them in turn. A context; one case after the other is played in it."""

    def __init__(self, specs: Sequence[Spec], day: Day, noon_utc_s: float, processes: int = 2) -> None:
        count = max(1, min(processes, len(specs)))
        self.specs, self.day, self.noon_utc_s = tuple(specs), day, noon_utc_s
        self._shares = [specs[first::count] for first in range(count)]
        self._place = {spec.name: number for number, share in enumerate(self._shares) for spec in share}
        context = multiprocessing.get_context("spawn")
        self._pools = [ProcessPoolExecutor(1, mp_context=context, initializer=_hush) for _ in range(count)]

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        for pool in self._pools:
            pool.shutdown(wait=fault is None, cancel_futures=True)

    def begin(self, play: Play, began_utc_s: float) -> None:
        """Every home begins a case."""
        self._each([(share, self.day, self.noon_utc_s, play, began_utc_s) for share in self._shares], _begin)

    def advance(self, until_utc_s: float, post: Post | None = None, *, meters: bool = False) -> Window:
        """Deliver, and let time pass until then, everywhere."""
        sorted_: list[dict[str, Sequence[Lease | Message]]] = [{} for _ in self._pools]
        for name, things in (post or {}).items():
            sorted_[self._place[name]][name] = things
        found: list[Window] = self._each([(until_utc_s, one, meters) for one in sorted_], _advance)
        reports = {name: one for window in found for name, one in window.reports.items()}
        letters = tuple(letter for window in found for letter in window.letters)
        counters = {name: wh for window in found for name, wh in window.counters_wh.items()}
        return Window(until_utc_s, reports, tuple(sorted(letters, key=lambda one: (one.sender, one.id))), counters)

    def laid(self, function: str) -> dict[str, tuple[Laid, Tariff]]:
        """The programs of all homes as they were laid out for these talks."""
        found = self._each([(function,) for _ in self._pools], _laid)
        return dict(sorted((name, one) for part in found for name, one in part.items()))

    def end(self) -> tuple[Ended, ...]:
        """The case is over."""
        found = self._each([() for _ in self._pools], _end)
        return tuple(sorted((one for part in found for one in part), key=lambda one: one.name))

    def _each(self, arguments: Sequence[tuple[Any, ...]], work: Any) -> list[Any]:
        under_way: list[Future[Any]] = [
            pool.submit(work, *mine) for pool, mine in zip(self._pools, arguments, strict=True)
        ]
        return [one.result() for one in under_way]


def _hush() -> None:
    """HiGHS greets on standard output, and fifty gateways tell of their day: neither is for who runs the laboratory."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.close(nothing)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


_street: Street | None = None
"""Of this process."""


def _begin(specs: Sequence[Spec], day: Day, noon_utc_s: float, play: Play, began_utc_s: float) -> None:
    global _street
    if _street is not None:
        _street.end()
    _street = Street(specs, day, noon_utc_s, play, began_utc_s)


def _advance(until_utc_s: float, post: Post, meters: bool) -> Window:
    assert _street is not None
    return _street.advance(until_utc_s, post, meters=meters)


def _laid(function: str) -> dict[str, tuple[Laid, Tariff]]:
    assert _street is not None
    return _street.laid(function)


def _end() -> tuple[Ended, ...]:
    global _street
    assert _street is not None
    told, _street = _street.end(), None
    return told
