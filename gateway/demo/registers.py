"""Registers as a third party's client reads them: pysunspec2, not our own codec, is the witness."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar

from sunspec2.modbus.client import SunSpecModbusClientDeviceTCP, SunSpecModbusClientError
from sunspec2.modbus.modbus import ModbusClientError, ModbusClientTimeout

_LIMIT = (
    "WMaxLimPct",
    "WMaxLimPctEna",
    "WMaxLimPctRvrt",
    "WMaxLimPctEnaRvrt",
    "WMaxLimPctRvrtTms",
    "WMaxLimPctRvrtRem",
)
_POINTS = {
    203: ("W", "AphA", "AphB", "AphC"),
    123: ("WMaxLimPct", "WMaxLim_Ena", "WMaxLimPct_RvrtTms", "Conn"),
    701: ("W", "Var"),
    703: ("ES",),
    704: (*_LIMIT, "WSetEna", "WSet", "VarSetEna", "VarSetPct", "PFWInjEna", "PFWAbsEna"),
    705: ("Ena", "AdptCrvReq", "AdptCrvRslt"),
    712: ("Ena",),
    713: ("SoC",),
}
REACTIVE = ((704, "VarSetEna"), (704, "PFWInjEna"), (704, "PFWAbsEna"), (705, "Ena"), (712, "Ena"))
"""What enables a reactive mode."""

_TIMEOUT_S = 1.0
_FAULTS = (ModbusClientError, ModbusClientTimeout, SunSpecModbusClientError, OSError)


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Register:
    """One point of one device, as read."""

    t_s: float
    device: str
    model: int
    point: str
    value: float


@dataclass(frozen=True, slots=True)
class Address:
    """Where a device is, and its WMax in W."""

    device: str
    host: str
    port: int
    unit: int
    rated_w: float


class Witness:
    """One blocking client per device, each used from one thread at a time: a client takes whatever comes for its answer."""

    def __init__(self, addresses: list[Address]) -> None:
        self.addresses = addresses
        self._clients: dict[str, Any] = {}
        self._turns: dict[str, Lock] = {}

    async def read(self) -> list[Register]:
        """The points of every device that answers, now."""
        found = await asyncio.gather(*(self._in_turn(self._read, address) for address in self.addresses))
        return [each for one in found for each in one]

    async def curve(self, address: Address) -> tuple[tuple[float, float], ...]:
        """The volt-var curve in force in a device; empty when it does not answer."""
        return await self._in_turn(self._curve, address)

    async def close(self) -> None:
        """Let go of every connection."""
        for client in self._clients.values():
            await asyncio.to_thread(client.close)

    async def _in_turn(self, work: Callable[[Address], T], address: Address) -> T:
        turn = self._turns.setdefault(address.device, Lock())

        def alone() -> T:
            with turn:  # in the thread, which works on when nobody waits for it any more
                return work(address)

        return await asyncio.to_thread(alone)

    def _read(self, address: Address) -> list[Register]:
        try:
            client = self._clients.get(address.device) or _scanned(address)
            self._clients[address.device] = client
            return _values(client, address.device)
        except _FAULTS:
            # What it answers late belongs to no later question.
            if address.device in self._clients:
                self._clients[address.device].disconnect()
            return []

    def _curve(self, address: Address) -> tuple[tuple[float, float], ...]:
        try:
            block = self._clients[address.device].models[705][0]
            block.read()
        except (*_FAULTS, KeyError):
            return ()
        curve = block.Crv[0]
        return tuple((float(p.V.cvalue), float(p.Var.cvalue)) for p in curve.Pt[: curve.ActPt.cvalue])


class OtherMaster:
    """Somebody else who writes to a device: a plain Modbus client that knows nothing of the gateway."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._client: Any = None

    async def write(self, model: int, point: str, value: float) -> None:
        """Set one point."""
        await asyncio.to_thread(self._write, model, point, value)

    def _write(self, model: int, point: str, value: float) -> None:
        self._client = self._client or _scanned(self._address)
        written = getattr(self._client.models[model][0], point)
        written.cvalue = value
        written.write()


def _scanned(address: Address) -> Any:
    client = SunSpecModbusClientDeviceTCP(
        slave_id=address.unit, ipaddr=address.host, ipport=address.port, timeout=_TIMEOUT_S
    )
    client.scan()
    return client


def _values(client: Any, device: str) -> list[Register]:
    now_s = time.time()
    found: list[Register] = []
    for model, points in _POINTS.items():
        if model in client.models:
            block = client.models[model][0]
            block.read()
            values = [(point, getattr(block, point).cvalue) for point in points]
            found += [Register(now_s, device, model, point, float(v)) for point, v in values if v is not None]
    return found


def limit_w(registers: list[Register], address: Address) -> float | None:
    """The power limit a device holds by its registers, W; None when none is enabled."""
    mine = {r.point: r.value for r in registers if r.device == address.device}
    enabled = mine.get("WMaxLimPctEna", mine.get("WMaxLim_Ena", 0.0))
    percent = mine.get("WMaxLimPct")
    return None if not enabled or percent is None else percent / 100.0 * address.rated_w


def series(registers: list[Register], device: str, model: int, point: str) -> list[tuple[float, float]]:
    """One point of one device over time."""
    return [(r.t_s, r.value) for r in registers if (r.device, r.model, r.point) == (device, model, point)]


def reactive_modes(registers: list[Register], device: str) -> list[tuple[float, int]]:
    """How many reactive modes were enabled in a device at each reading."""
    mine = [r for r in registers if r.device == device]
    times = sorted({r.t_s for r in mine})
    return [(t_s, sum(r.value == 1 for r in mine if r.t_s == t_s and (r.model, r.point) in REACTIVE)) for t_s in times]
