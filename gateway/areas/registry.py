"""All edge coordinators of this gateway: those of osed.yaml, and those made and unmade at run time, which are kept in the ledger.

Members are the gateway's own sites, in one process, behind the Members port; a bus between gateways would wear the same port.
"""

import asyncio
import json
import secrets
from collections.abc import Callable, Collection, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import structlog

from gateway.areas.loop import AreaLoop, AreaPlan, shown
from gateway.config.areas import AreaSettings, area_of, mistakes, plain_of
from gateway.config.plug_ins import guests_of
from gateway.ledger.book import Ledger
from gateway.log.book import Log
from gateway.loop import SiteLoop
from gateway.mail import Solve
from grid_functions import catalogue, letters, machines, roster
from grid_functions.alarm import OPERATOR
from grid_functions.coordinator import AreaMachine, AreaTerms
from grid_functions.letters import Shapes, Way
from grid_functions.model.claim import InForce, LeaseId, SourceKind
from grid_functions.model.control import Mode
from grid_functions.model.entry import Entry
from grid_functions.model.errors import ConfigurationFault, MalformedMessage, OperatorFault, Unreachable
from grid_functions.model.function import Answer, Ask, Passing
from grid_functions.model.lease import Lease, MemberReport, Message
from grid_functions.model.ports import Clock
from grid_functions.model.reading import MeterKey, Reading
from grid_functions.movable import member_report
from grid_functions.roster import BOTH, Roster

_log = structlog.get_logger("area")

_ASKING = frozenset({SourceKind.OPERATOR, SourceKind.IEEE2030_5, SourceKind.OPENADR})
_HANGS_S = 5.0
"""A disk that hangs does not hold a stop for longer."""

_KEPT = "areas/made"
_EPOCH = "areas/epoch"

Sites = Callable[[], Mapping[str, SiteLoop]]


@dataclass
class _Running:
    settings: AreaSettings
    of_file: bool
    loop: AreaLoop
    tokens: Mapping[str, str]
    task: asyncio.Task[None] | None = None


class LocalMembers:
    """The Members port within one process."""

    def __init__(self, sites: Sites) -> None:
        self._sites = sites

    async def send(self, member: str, what: Lease | Message) -> None:
        """Into the site's mail; Unreachable when no such site runs."""
        site = self._sites().get(member)
        if site is None:
            raise Unreachable(f"no site named {member} runs here")
        site.mail.take(what)

    async def run(self, intake: Callable[[Message], None]) -> None:
        """Letters of members come by :meth:`Areas.post`; there is nothing to hold."""
        await asyncio.Event().wait()


@dataclass
class Areas:
    """The registry. ``sites``: those that run now; ``channels``: the letters and orders of a plug-in, None = not known yet. It is also what
    sites reach of the rest of the gateway (``Outside``).
    """

    ledger: Ledger
    log: Log
    clock: Clock
    solve: Solve
    sites: Sites
    channels: Callable[[str], Shapes | None] = lambda _: None
    _running: dict[str, _Running] = field(default_factory=dict)
    _wanted: dict[str, AreaSettings] = field(default_factory=dict)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def list(self) -> list[dict[str, Any]]:
        """Every coordinator and how it is."""
        return [
            shown(one.loop) | {"file": one.of_file, "settings": plain_of(one.settings)}
            for _, one in sorted(self._running.items())
        ]

    async def answer(self, function: str, ask: Ask) -> Answer:
        """For sites: solve a problem."""
        return await self.solve(function, ask)

    def post(self, message: Message) -> None:
        """For sites: a letter to the area it names, with the token its member was given."""
        area = self._running.get(message.to)
        if area is None:
            _log.warning("a letter to no area", to=message.to, sender=message.sender)
            return
        fault = area.loop.hear(message, area.tokens.get(message.sender, ""))
        body = {"function": message.function, "kind": message.kind, "bytes": len(message.body), "refused": fault}
        self.log.add(message.sender, "letter", message.to, body)

    def passed_on(self, site: str) -> frozenset[Mode]:
        """For sites: what areas whose connection it is hand on to their members, from the moment on that they are to run."""
        areas = [area for area in self._wanted.values() if area.connection == site]
        return frozenset().union(*map(_passing, areas), *(self._said(area) for area in areas if area.plug_ins))

    async def begin(self, of_file: tuple[AreaSettings, ...]) -> None:
        """Run what the file names and what was made at run time; a name of the file stands before one that was made."""
        async with self._turn:
            wanted = {area.name: (area, True) for area in of_file}
            for area in self._made().values():
                wanted.setdefault(area.name, (area, False))
            # Before anything is awaited: a site that begins beside us may be asked before its area runs.
            self._wanted = {name: area for name, (area, _) in wanted.items()}
            for name in [
                name for name, one in self._running.items() if wanted.get(name) != (one.settings, one.of_file)
            ]:
                await self._end(name)
            for name, (area, file) in wanted.items():
                if name not in self._running:
                    await self._begin(area, of_file=file)
            self._release()

    async def create(self, plain: object) -> dict[str, Any]:
        """Make a coordinator. Raises OperatorFault and ConfigurationFault; then nothing was made."""
        async with self._turn:
            area = self._checked(plain)
            if area.name in self._running:
                raise OperatorFault(f"there is an area named {area.name}", "change it: 'osed area change'")
            # One of that name that the file had once is another.
            await self.ledger.forget(f"area/{area.name}")
            await self._keep({**self._made(), area.name: area})
            self._wanted[area.name] = area
            await self._begin(area, of_file=False)
            return self._told(area.name)

    async def change(self, plain: object) -> dict[str, Any]:
        """Other members or functions: what is the same goes on, with a new epoch. Raises as :meth:`create`."""
        async with self._turn:
            area = self._checked(plain)
            self._mine(area.name)
            await self._keep({**self._made(), area.name: area})
            self._wanted[area.name] = area
            await self._end(area.name)
            await self._begin(area, of_file=False)
            return self._told(area.name)

    async def destroy(self, name: str) -> None:
        """Take everything back and forget it. Raises OperatorFault, and LedgerUnavailable where it cannot be kept that it is gone."""
        async with self._turn:
            self._mine(name)
            # What loosens waits for the ledger: else it would be there again after a crash, and could not be destroyed until then.
            await self._keep({other: area for other, area in self._made().items() if other != name})
            self._wanted.pop(name, None)
            await self._end(name)
            await self.ledger.forget(f"area/{name}")
            self.log.add("", "area", name, {"destroyed": True})

    async def order(self, name: str, function: str, kind: str, options: Mapping[str, Any]) -> tuple[str, ...]:
        """Tell a function of an area to act now. Returns once what came of it is kept, with what the function finds wrong.

        Raises OperatorFault; then it was told nothing.
        """
        loop = self._known(name).loop
        if function not in loop.plan.functions:
            there = ", ".join(sorted(loop.plan.functions)) or "none"
            raise OperatorFault(f"{name} runs no function {function!r}", f"there are: {there}")
        body = json.dumps(options, sort_keys=True, separators=(",", ":")).encode()
        order = Message(function, name, OPERATOR, kind, kind, body)
        shapes = letters.SHAPES if function in catalogue.AREA else self.channels(function)
        if shapes is None:
            raise OperatorFault(f"{function} is not loaded yet", "try again when 'osed functions' shows that it runs")
        try:
            letters.examine(order, Way.ORDER, shapes)
        except MalformedMessage as fault:
            there = ", ".join(sorted(shapes.get((function, Way.ORDER), ()))) or "none"
            raise OperatorFault(f"{function} cannot be told to {kind}: {fault}", f"its orders are: {there}") from fault
        return await loop.order(order)

    def find(self, name: str) -> AreaLoop | None:
        """A coordinator that runs."""
        one = self._running.get(name)
        return None if one is None else one.loop

    def guests(self) -> frozenset[str]:
        """The plug-ins that areas run."""
        return frozenset(name for one in self._running.values() for name in one.settings.plug_ins)

    async def stop(self) -> None:
        """The gateway stops: a graceful stop releases nothing, so that leases run out by their own time."""
        async with AsyncExitStack() as turn:
            with suppress(TimeoutError):
                async with asyncio.timeout(_HANGS_S):
                    await turn.enter_async_context(self._turn)
            for one in self._running.values():
                await _cancelled(one.task)
            self._running.clear()

    async def _begin(self, area: AreaSettings, *, of_file: bool) -> None:
        epoch = await self._next_epoch()
        chosen = area.functions.chosen()
        functions: dict[str, AreaMachine] = {name: catalogue.AREA[name].build(one) for name, one in chosen.items()}
        functions |= guests_of(area.plug_ins, area.name)
        tokens = {site: secrets.token_hex(32) for site in area.sites}
        who = Roster()
        for site, token in tokens.items():
            who = roster.enrol(who, site, token, dict.fromkeys(functions, BOTH))
        terms = AreaTerms(area.name, area.sites, epoch, area.ttl_s)
        plan = AreaPlan(
            terms,
            functions,
            LocalMembers(self.sites),
            lambda: self._reports(area.sites),
            lambda: self._asked(area.connection),
            partial(self._tell, area.connection),
        )
        entries = await self._entries(area.name, functions)
        loop = AreaLoop(plan, entries, who, self.ledger, self.clock, self.solve)
        running = self._running[area.name] = _Running(area, of_file, loop, tokens)
        running.task = asyncio.create_task(loop.run(), name=f"area {area.name}")
        self.log.add("", "area", area.name, {"begun": True, "epoch": epoch, "functions": sorted(functions)})

    async def _entries(self, name: str, functions: Collection[str]) -> tuple[Entry, ...]:
        """What is kept of these functions; what others left is forgotten, or one that is named again would take it up."""
        entries = self.ledger.entries(f"area/{name}")
        left = tuple(Entry(one.key, None) for one in entries if one.key[1] not in functions)
        await self.ledger.commit(f"area/{name}", left)
        return tuple(one for one in entries if one.key[1] in functions)

    def _release(self) -> None:
        """End what sites still hold of areas and functions that are theirs no more: who unmade them may have crashed before they heard."""
        for name, site in self.sites().items():
            for held in site.state.leases.held.values():
                area = self._wanted.get(held.id.area)
                runs = () if area is None or name not in area.sites else (*area.functions.chosen(), *area.plug_ins)
                if held.id.function not in runs:
                    site.mail.take(Lease(held.id, 0.0))

    async def _end(self, name: str) -> None:
        one = self._running.pop(name)
        await _cancelled(one.task)
        await one.loop.end()

    def _said(self, area: AreaSettings) -> frozenset[Mode]:
        """What plug-ins of an area hand on, as they said last; before it runs, in the last run of the gateway."""
        running = self._running.get(area.name)
        kept = running.loop.state.kept if running else machines.restore(self.ledger.entries(f"area/{area.name}"))
        return frozenset(mode for mode, why in machines.receipts(area.plug_ins, kept).items() if not why)

    def _reports(self, names: tuple[str, ...]) -> dict[str, MemberReport]:
        now = self.clock.now()
        told, sites = {}, self.sites()
        for name in names:
            site = sites.get(name)
            report = None if site is None else member_report(site.snapshot(now), site.plan.terms)
            if report is not None:
                told[name] = report
        return told

    def _asked(self, connection: str | None) -> tuple[tuple[InForce, ...], Mapping[MeterKey, Reading]] | None:
        """What areas lease to that site is theirs, not asked of them. None: the site has not decided yet."""
        site = self.sites().get(connection or "")
        if site is None:
            return (), {}
        if site.decision is None:
            return None
        held = site.decision.in_force
        asked = tuple(one for one in held if one.source.kind in _ASKING and not isinstance(one.cause, LeaseId))
        return asked, site.snapshot(self.clock.now()).meter

    def _tell(self, connection: str | None, message: Message) -> None:
        site = self.sites().get(connection or "")
        if site is not None:
            site.mail.take(message)

    def _checked(self, plain: object) -> AreaSettings:
        area = area_of(plain)
        wrong = tuple(f"{'.'.join(map(str, place))}: {text}" for place, text in mistakes(area, self.sites().keys()))
        if wrong:
            raise ConfigurationFault(wrong)
        unknown = sorted(area.plug_ins.keys() - catalogue.plug_ins().keys())
        if unknown:
            raise OperatorFault(f"no installed package offers a function {unknown[0]!r}", "'osed functions' lists all")
        return area

    def _known(self, name: str) -> _Running:
        one = self._running.get(name)
        if one is None:
            raise OperatorFault(
                f"no area is named {name!r}", f"there are: {', '.join(sorted(self._running)) or 'none'}"
            )
        return one

    def _mine(self, name: str) -> None:
        if self._known(name).of_file:
            raise OperatorFault(f"area {name} belongs to osed.yaml", "change it there, then 'osed reload'")

    def _told(self, name: str) -> dict[str, Any]:
        return next(one for one in self.list() if one["name"] == name)

    def _made(self) -> dict[str, AreaSettings]:
        kept = self.ledger.get(_KEPT)
        if kept is None:
            return {}
        made = {}
        for plain in json.loads(kept[1]):
            try:
                area = area_of(plain)
            except ConfigurationFault as fault:
                # It was sound when it was made, in another version: no reason for the others not to run.
                _log.error("an area is left out", area=plain.get("name"), why=str(fault))
                continue
            made[area.name] = area
        return made

    async def _keep(self, areas: Mapping[str, AreaSettings]) -> None:
        body = json.dumps([plain_of(area) for _, area in sorted(areas.items())]).encode()
        await self.ledger.put(_KEPT, 1, body)

    async def _next_epoch(self) -> int:
        """Greater than any before, also where the ledger is new: UTC seconds have passed meanwhile."""
        kept = self.ledger.get(_EPOCH)
        last = int(kept[1]) if kept is not None else 0
        epoch = max(last + 1, int(self.clock.now().utc_s))
        await self.ledger.put(_EPOCH, 1, str(epoch).encode())
        return epoch


@cache
def _passing_of(name: str) -> frozenset[Mode]:
    maker = catalogue.AREA[name]
    function = maker.build(maker.options())
    return function.passes_on if isinstance(function, Passing) else frozenset()


def _passing(area: AreaSettings) -> frozenset[Mode]:
    return frozenset().union(*map(_passing_of, area.functions.chosen()))


async def _cancelled(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
