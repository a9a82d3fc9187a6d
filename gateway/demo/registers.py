"""Registers as a third party's client reads them: pysunspec2, not our own codec, is the witness."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from sunspec2.modbus.client import SunSpecModbusClientDeviceTCP

_POINTS = {
    704: (
        "WMaxLimPct",
        "WMaxLimPctEna",
        "WMaxLimPctRvrt",
        "WMaxLimPctEnaRvrt",
        "WMaxLimPctRvrtTms",
        "WMaxLimPctRvrtRem",
    ),
    123: ("WMaxLimPct", "WMaxLim_Ena", "WMaxLimPct_RvrtTms", "Conn"),
}


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
    """One blocking client per device, each used from a thread."""

    def __init__(self, addresses: list[Address]) -> None:
        self.addresses = addresses
        self._clients: dict[str, Any] = {}

    async def read(self) -> list[Register]:
        """The power limit points of every device, now."""
        return [each for address in self.addresses for each in await asyncio.to_thread(self._read, address)]

    async def close(self) -> None:
        """Let go of every connection."""
        for client in self._clients.values():
            await asyncio.to_thread(client.close)

    def _read(self, address: Address) -> list[Register]:
        client = self._clients.get(address.device)
        if client is None:
            client = SunSpecModbusClientDeviceTCP(slave_id=address.unit, ipaddr=address.host, ipport=address.port)
            client.scan()
            self._clients[address.device] = client
        now_s = time.time()
        found: list[Register] = []
        for model, points in _POINTS.items():
            if model in client.models:
                block = client.models[model][0]
                block.read()
                values = [(point, getattr(block, point).cvalue) for point in points]
                found += [
                    Register(now_s, address.device, model, point, float(v)) for point, v in values if v is not None
                ]
        return found


def limit_w(registers: list[Register], address: Address) -> float | None:
    """The power limit a device holds by its registers, W; None when none is enabled."""
    mine = {r.point: r.value for r in registers if r.device == address.device}
    enabled = mine.get("WMaxLimPctEna", mine.get("WMaxLim_Ena", 0.0))
    percent = mine.get("WMaxLimPct")
    return None if not enabled or percent is None else percent / 100.0 * address.rated_w
