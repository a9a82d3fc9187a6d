"""Homes of one process, moved in windows of simulated time: letters and leases in, reports and letters out."""

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gateway.lab.fleet import Spec
from gateway.lab.home import Home, horizon_end
from gateway.lab.hours import AcceleratedLoop
from gateway.lab.house import MINUTE_S
from gateway.lab.weather import STEP_S, Day
from gateway.solver import Solver
from grid_functions.building.home import Home as Laid
from grid_functions.building.home import Tariff
from grid_functions.building.options import HomeOptions
from grid_functions.building.program import Problem
from grid_functions.building.steward import NAME as STEWARD
from grid_functions.building.steward import HomeState
from grid_functions.letters import Weather
from grid_functions.letters import write as written
from grid_functions.model.control import Mode
from grid_functions.model.function import Answer, Ask
from grid_functions.model.lease import Lease, MemberReport, Message

SETTLE_S = 3600.0
"""So long before noon everything begins, so that noon finds thermostats settled."""


_BEFORE_S, _AFTER_S = 7.0, 0.5
"""Gateways are started so long before a whole minute, so that what they read in turn is read before anything is decided on it; so long
after it physics moves. Who is first within one instant is up to the machine, and the same seed is to give the same day.
"""


@dataclass(frozen=True, slots=True)
class Play:
    """How homes are run. ``gateways``: whether they have any; ``options`` of each steward by home, none = the home has no plan of its own.

    ``poll_s``: of devices; ``cold_k``: by how much the rooms are colder than people want when it begins. ``held``: its heaters stay off
    until its gateway has decided, as contactors do that fell off without power.
    """

    gateways: bool = True
    options: Mapping[str, HomeOptions] = field(default_factory=dict)
    poll_s: float = 600.0
    cold_k: float = 0.0
    held: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """What a window yields. ``counters_wh``: imported less exported energy by home, read at its meter at the window's end."""

    utc_s: float
    reports: Mapping[str, MemberReport]
    letters: tuple[Message, ...]
    counters_wh: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Ended:
    """What a home's day came to. ``stored_kwh``: heat and charge at the end; ``alarms`` of its gateway as they stand."""

    name: str
    comfort_kh: float
    ev_short_kwh: float
    ev_charged_kwh: float
    tank_short_kwh: float
    stored_kwh: float
    alarms: tuple[str, ...]


class Street:
    """The homes; also what their gateways reach of the world: a solver, and the post to the area."""

    def __init__(self, specs: Sequence[Spec], day: Day, noon_utc_s: float, play: Play, began_utc_s: float) -> None:
        self._loop = AcceleratedLoop(began_utc_s - _BEFORE_S, self._busy)
        self._noon_s, self._play = noon_utc_s, play
        self._solver = Solver(kept=2 * len(specs) + 2)
        self._letters: list[Message] = []
        self._folder = tempfile.TemporaryDirectory(prefix="osed-lab-")
        self.homes = {
            spec.name: Home(spec, day, noon_utc_s, self._loop, cold_k=play.cold_k, held=play.held) for spec in specs
        }
        self._physics: asyncio.Task[None] | None = None
        self._loop.run_until_complete(self._begin(day))

    async def answer(self, function: str, ask: Ask) -> Answer:
        """Solve a gateway's problem, in no simulated time."""
        assert isinstance(ask.problem, Problem)
        return Answer(function, ask.id, self._solver.solve(ask.problem))

    def post(self, message: Message) -> None:
        """A letter to the area, taken along at the window's end."""
        self._letters.append(message)

    def passed_on(self, site: str) -> frozenset[Mode]:
        """Nothing: no home is the connection of an area."""
        return frozenset()

    def advance(
        self, until_utc_s: float, post: Mapping[str, Sequence[Lease | Message]], *, meters: bool = False
    ) -> Window:
        """Deliver, and let time pass until then."""
        for name, things in post.items():
            site = self.homes[name].site
            if site is not None:
                for one in things:
                    site.mail.take(one)
        self._loop.reach(until_utc_s)
        counters = self._loop.run_until_complete(self._read()) if meters else {}
        letters, self._letters = tuple(self._letters), []
        return Window(self._loop.utc_s(), self._reports(), letters, counters)

    def laid(self, function: str) -> dict[str, tuple[Laid, Tariff]]:
        """The programs of the homes as they were laid out for the talks of an area's function that are under way."""
        found = {}
        for name, home in self.homes.items():
            kept = None if home.site is None else home.site.state.kept.get(STEWARD)
            state = None if kept is None else kept.state
            for inquiry in state.inquiries.values() if isinstance(state, HomeState) else ():
                if inquiry.function == function:
                    found[name] = (inquiry.home, inquiry.tariff)
        return found

    def end(self) -> tuple[Ended, ...]:
        """Stop everything; what the day came to."""
        told = tuple(
            Ended(
                name,
                home.house.tally.comfort_kh,
                home.ev_short_kwh,
                home.ev_charged_kwh,
                home.house.tally.tank_short_kwh,
                home.stored_kwh(),
                () if home.site is None else tuple(home.site.alarms.values()),
            )
            for name, home in self.homes.items()
        )
        self._loop.run_until_complete(self._stop())
        self._loop.close()
        self._folder.cleanup()
        return told

    def _busy(self) -> bool:
        return any(home.busy for home in self.homes.values())

    async def _begin(self, day: Day) -> None:
        folder = Path(self._folder.name)
        for name, home in self.homes.items():
            options = self._play.options.get(name, HomeOptions()) if self._play.gateways else None
            await home.begin(folder, options, self, self._play.poll_s)
            if home.site is not None:
                letter = Weather(self._noon_s, STEP_S, tuple(day.outdoor_c.tolist()), tuple(day.sun_w_m2.tolist()))
                home.site.mail.take(written(letter, STEWARD, name, "lab", "weather"))
        self._physics = self._loop.create_task(self._pass())

    async def _pass(self) -> None:
        """Physics, minute by minute."""
        await asyncio.sleep(_BEFORE_S + _AFTER_S)
        while True:
            now_s = self._loop.utc_s()
            counted = self._noon_s <= now_s < horizon_end(self._noon_s)
            for home in self.homes.values():
                home.minute(counted=counted)
            await asyncio.sleep(MINUTE_S)

    async def _read(self) -> dict[str, float]:
        return {name: await home.counters_wh() for name, home in self.homes.items()}

    async def _stop(self) -> None:
        if self._physics is not None:
            self._physics.cancel()
            await asyncio.gather(self._physics, return_exceptions=True)
        for home in self.homes.values():
            await home.end()

    def _reports(self) -> dict[str, MemberReport]:
        told = {name: home.report() for name, home in self.homes.items()}
        return {name: one for name, one in told.items() if one is not None}
