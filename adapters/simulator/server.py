"""The shell that awaits: Modbus/TCP in front of the site, the control channel, the once-a-second observation.

Each request first brings the site to the clock's instant, so an answer shows one instant. The clock is an argument.
"""

import asyncio
import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from adapters.simulator.answers import Answers
from adapters.simulator.commands import apply, shown, since
from adapters.simulator.door import Door
from adapters.simulator.fields import PlanError
from adapters.simulator.plan import InverterPlan, MeterPlan, Plan, TwinPlan
from adapters.simulator.recording import Recorder
from adapters.simulator.site import Site, advance, born
from adapters.simulator.stations import Stations


class Simulator:
    """A running site. Use as an async context; `ports` holds one TCP port per link once entered."""

    def __init__(self, plan: Plan, clock: Callable[[], float], recorder: Recorder | None = None) -> None:
        self.plan = plan
        self.recorder = Recorder() if recorder is None else recorder
        self.ports: dict[str, int] = {}
        self.stopping = asyncio.Event()
        self._clock = clock
        self._site = born(plan, clock())
        self._doors: dict[str, Door[Answers]] = {}
        self._stations = Stations(plan.stations, clock)

    async def __aenter__(self) -> "Simulator":
        for link in dict.fromkeys(device.link for device in self._devices):
            units = {device.unit: device.name for device in self._devices if device.link == link}
            self._doors[link] = Door(self.plan.host, Answers(self, units))
        try:
            await self.attend()
        except OSError as error:
            await self.__aexit__()
            raise PlanError(f"host {self.plan.host}: cannot listen there") from error
        self.ports = {link: door.port for link, door in self._doors.items()}
        return self

    async def __aexit__(self, *exc: object) -> None:
        for door in self._doors.values():
            door.close()
        await self._stations.close()

    async def attend(self) -> None:
        """Close the ports behind which nobody is awake now, open those of whoever has returned; carry out what stations were told.

        Done after every command and in every observed second; on a clock that is moved by hand, by hand.
        """
        site = self.site
        for door in self._doors.values():
            names = door.answers.units.values()
            gone = all(site.quirks(name).night == "gone" and site.dark(name) for name in names) and bool(self.ports)
            if gone:
                door.close()
            elif not door.is_open:
                await door.open()
        await self._stations.attend()

    @property
    def site(self) -> Site:
        """The site at the clock's present instant."""
        self._site, seconds = advance(self._site, self._clock())
        self.recorder.passed(seconds)
        if self.plan.stations:
            # What they do counts from now on; what they did was told when last somebody looked.
            self._site = replace(self._site, stations=self._stations.draws())
            if heard := self._stations.heard():
                self.recorder.applied(heard)
        return self._site

    def become(self, site: Site) -> None:
        """The site after a write."""
        self._site = site

    @property
    def announcement(self) -> dict[str, Any]:
        """Where everything can be reached."""
        return {
            "host": self.plan.host,
            "ports": self.ports,
            "devices": [
                {
                    "name": device.name,
                    "kind": self._kind(device),
                    "host": self.plan.host,
                    "port": self.ports[device.link],
                    "unit": device.unit,
                    "serial": str(device.serial),
                }
                for device in self._devices
            ],
        }

    def command(self, message: object) -> dict[str, Any]:
        """Carry out one control command and answer it; a mistake is answered, never raised."""
        try:
            if not isinstance(message, dict):
                raise PlanError("a command is a JSON object with a field `do`")
            if self._stations.takes(message):
                self._stations.command(message)
            else:
                self._site = apply(self.site, message)
            body: dict[str, Any] = {}
            if message["do"] == "dump":
                body = dict(self.recorder.dump(since(message)))
            if message["do"] == "state":
                body = shown(self._site)
        except PlanError as error:
            return {"ok": False, "error": str(error)}
        if message["do"] == "stop":
            self.stopping.set()
        return {"ok": True, "t_s": self._site.t_s, **body}

    async def observe(self) -> None:
        """Keep the record going on a wall clock, once a second, until `stopping` is set."""
        while not self.stopping.is_set():
            await self.attend()
            now = self.site.t_s
            try:
                await asyncio.wait_for(self.stopping.wait(), math.floor(now) + 1.005 - now)
            except TimeoutError:
                continue

    async def serve_control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client of the control channel: a JSON object per line, each answered by one line."""
        try:
            while line := await reader.readline():
                answer = self.command(_decoded(line))
                await self.attend()
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError, asyncio.CancelledError):
            return
        finally:
            writer.close()

    @property
    def _devices(self) -> tuple[InverterPlan | MeterPlan | TwinPlan, ...]:
        return (*self.plan.inverters, self.plan.meter, *self.plan.twins)

    def _kind(self, device: InverterPlan | MeterPlan | TwinPlan) -> str:
        if isinstance(device, TwinPlan):
            return str(self._site.twins[device.name].profile.kind)
        return "meter" if isinstance(device, MeterPlan) else device.kind


def _decoded(line: bytes) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None
