"""The shell that awaits: pymodbus servers in front of the site, the control channel, the once-a-second observation.

Each request first brings the site to the clock's instant, so an answer shows one instant. The clock is an argument.
"""

import asyncio
import json
import math
from collections.abc import Callable
from functools import partial
from typing import Any

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from adapters.simulator.commands import apply, shown, since
from adapters.simulator.fields import PlanError
from adapters.simulator.plan import InverterPlan, MeterPlan, Plan
from adapters.simulator.recording import Recorder
from adapters.simulator.registers import BASE, Refusal
from adapters.simulator.site import Site, advance, born, write

_READ, _WRITE_ONE, _WRITE_MANY = 3, 6, 16


class Simulator:
    """A running site. Use as an async context; `ports` holds one TCP port per link once entered."""

    def __init__(self, plan: Plan, clock: Callable[[], float], recorder: Recorder | None = None) -> None:
        self.plan = plan
        self.recorder = Recorder() if recorder is None else recorder
        self.ports: dict[str, int] = {}
        self.stopping = asyncio.Event()
        self._clock = clock
        self._site = born(plan, clock())
        self._servers: list[ModbusTcpServer] = []

    async def __aenter__(self) -> "Simulator":
        try:
            for link in dict.fromkeys(device.link for device in self._devices):
                units = [self._unit(device) for device in self._devices if device.link == link]
                server = ModbusTcpServer([*units, _absent()], address=(self.plan.host, 0))
                await server.serve_forever(background=True)
                self._servers.append(server)
                self.ports[link] = _port(server.transport)
        except RuntimeError as error:
            await self.__aexit__()
            raise PlanError(f"host {self.plan.host}: cannot listen there") from error
        return self

    async def __aexit__(self, *exc: object) -> None:
        for server in self._servers:
            server.close()

    @property
    def site(self) -> Site:
        """The site at the clock's present instant."""
        self._site, seconds = advance(self._site, self._clock())
        self.recorder.passed(seconds)
        return self._site

    @property
    def announcement(self) -> dict[str, Any]:
        """Where everything can be reached."""
        return {
            "host": self.plan.host,
            "ports": self.ports,
            "devices": [
                {
                    "name": device.name,
                    "kind": "meter" if isinstance(device, MeterPlan) else device.kind,
                    "host": self.plan.host,
                    "port": self.ports[device.link],
                    "unit": device.unit,
                    "serial": device.serial,
                }
                for device in self._devices
            ],
        }

    def command(self, message: object) -> dict[str, Any]:
        """Carry out one control command and answer it; a mistake is answered, never raised."""
        try:
            if not isinstance(message, dict):
                raise PlanError("a command is a JSON object with a field `do`")
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
            now = self.site.t_s
            try:
                await asyncio.wait_for(self.stopping.wait(), math.floor(now) + 1.005 - now)
            except TimeoutError:
                continue

    async def serve_control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client of the control channel: a JSON object per line, each answered by one line."""
        try:
            while line := await reader.readline():
                writer.write(json.dumps(self.command(_decoded(line))).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError, asyncio.CancelledError):
            return
        finally:
            writer.close()

    @property
    def _devices(self) -> tuple[InverterPlan | MeterPlan, ...]:
        return (*self.plan.inverters, self.plan.meter)

    def _unit(self, device: InverterPlan | MeterPlan) -> SimDevice:
        size = self._site.image(device.name).size
        data = SimData(BASE, count=size, values=0, datatype=DataType.REGISTERS)
        return SimDevice(device.unit, [data], action=self._answering(device.name))

    def _answering(self, device: str) -> Any:
        act = _coroutine(partial(self._act, device))

        async def action(*request: Any) -> ExcCodes | None:
            while self._site.quirks(device).mute:  # noqa: ASYNC110 - a site is a value and tells nobody of its changes
                await asyncio.sleep(0.02)
            if self._site.quirks(device).busy:
                return ExcCodes.DEVICE_BUSY
            answer: ExcCodes | None = await act(*request)
            return answer

        return action

    def _act(
        self, device: str, function: int, start: int, address: int, count: int, registers: list[int], values: Any
    ) -> ExcCodes | None:
        """One request: fill the registers with this instant, or apply the write, or refuse."""
        if values is not None and function in (_WRITE_ONE, _WRITE_MANY):
            outcome = write(self.site, device, address, list(values))
            if isinstance(outcome, Refusal):
                return ExcCodes(outcome)
            self._site, rows = outcome
            self.recorder.applied(rows)
        elif function not in (_READ, _WRITE_ONE, _WRITE_MANY):
            return ExcCodes.ILLEGAL_FUNCTION
        now = self.site.registers(device)
        registers[address - start : address - start + count] = now[address - BASE : address - BASE + count]
        return None


Act = Callable[[int, int, int, int, list[int], Any], ExcCodes | None]


def _coroutine(act: Act) -> Any:
    async def action(
        function: int, start: int, address: int, count: int, registers: list[int], values: Any
    ) -> ExcCodes | None:
        return act(function, start, address, count, registers, values)

    return action


def _absent() -> SimDevice:
    """Any other unit id: nobody there (exception 0x0B), as a gateway in front of a bus answers."""
    data = SimData(0, count=65535, values=0, datatype=DataType.REGISTERS)
    return SimDevice(0, [data], action=_coroutine(lambda *_: ExcCodes.GATEWAY_NO_RESPONSE))


def _port(listener: Any) -> int:
    return int(listener.sockets[0].getsockname()[1])


def _decoded(line: bytes) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None
