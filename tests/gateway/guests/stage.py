"""Plug-ins as installed packages are found, and the way of a site's questions to their processes."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.guests.host import Guests
from gateway.guests.process import Terms
from gateway.loop import SiteLoop
from gateway.mail import Solve
from grid_functions.catalogue import built_in
from grid_functions.guest import Guest, GuestOptions
from grid_functions.model.control import Mode
from grid_functions.model.function import Answer, Ask
from grid_functions.model.lease import Message
from tests.gateway.site import Rig, idle

ROOT = Path(__file__).parents[3]
PATIENT = Terms(step_s=30.0, start_s=60.0, rest_s=0.01)
"""For whoever keeps the bargain, however busy the machine is."""


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, **points: str) -> None:
    """A package in that folder that offers these functions, for processes that are begun from now on."""
    about = folder / "rogues-1.2.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: rogues\nVersion: 1.2\n")
    lines = [f"{name} = {value}" for name, value in points.items()]
    (about / "entry_points.txt").write_text("\n".join(["[osed.grid_functions]", *lines, ""]))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), str(ROOT)]))


class Even:
    """The Dice port, without chance."""

    def jitter(self, low_s: float, high_s: float) -> float:
        """The middle."""
        return (low_s + high_s) / 2.0


@dataclass
class Line:
    """The rest of the gateway as a site reaches it: answers go through, and the test may wait for the next."""

    guests: Guests
    answers: asyncio.Queue[Answer] = field(default_factory=asyncio.Queue)
    letters: list[Message] = field(default_factory=list)

    async def answer(self, function: str, ask: Ask) -> Answer:
        """The Outside port."""
        done = await self.guests.answer(function, ask)
        self.answers.put_nowait(done)
        return done

    def post(self, message: Message) -> None:
        """The Outside port."""
        self.letters.append(message)

    def passed_on(self, site: str) -> frozenset[Mode]:
        """The Outside port."""
        return frozenset()

    async def heard(self) -> Answer:
        """The next answer, once the site has decided on it."""
        done = await self.answers.get()
        await idle()
        return done


@dataclass
class Act:
    """A site with one plug-in, and its processes."""

    rig: Rig
    guests: Guests
    line: Line
    site: SiteLoop


@asynccontextmanager
async def playing(
    how: str,
    terms: Terms = PATIENT,
    *,
    name: str = "rogue",
    rig: Rig | None = None,
    hears: tuple[str, ...] = (),
    solve: Solve | None = None,
) -> AsyncIterator[Act]:
    """The site runs with the plug-in; nothing of it is left at the end."""
    rig = rig or Rig()
    rig.functions = {**built_in(), name: Guest(name, GuestOptions("house", f'{{"how":"{how}"}}', hears))}
    guests = Guests(SystemClock(), Even(), _unasked, solve or _unasked, terms)
    try:
        async with rig.running() as site:
            line = Line(guests)
            site.mail.outside = line
            yield Act(rig, guests, line, site)
    finally:
        await guests.close()


async def _unasked(function: str, ask: Ask) -> Answer:
    raise AssertionError(f"{function} asked for a solver")
