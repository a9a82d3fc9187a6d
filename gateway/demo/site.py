"""The simulated site's control channel, as the demonstration uses it."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from gateway.demo.measured import Possible, Sample
from grid_functions.model.errors import OurFault


class SiteControl:
    """Moves sun and load, makes devices misbehave, and brings what the site measured of itself."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def sun(self, fraction: float, over_s: float = 0.0) -> None:
        """Sun as a fraction of full irradiance."""
        await self._do({"do": "sun", "fraction": fraction, "over_s": over_s})

    async def load(self, w: float, over_s: float = 0.0) -> None:
        """The house's load, W."""
        await self._do({"do": "load", "w": w, "over_s": over_s})

    async def volts(self, pct: float) -> None:
        """The grid's voltage, % of nominal."""
        await self._do({"do": "grid", "volts_pct": pct})

    async def misbehave(self, device: str, quirk: str) -> None:
        """Give a device one of the simulator's quirks."""
        await self._do({"do": "quirk", "device": device, "set": {quirk: True}})

    async def behave(self, device: str, quirk: str) -> None:
        """Take it away again."""
        await self._do({"do": "quirk", "device": device, "set": {quirk: False}})

    async def car(self, charger: str, **car: Any) -> None:
        """Plug a car in; without any word about it, drive away."""
        await self._do({"do": "car", "device": charger, "car": car or None})

    async def central(self, station: str, url: str, password: str) -> None:
        """Tell a charging station where its central system is."""
        await self._do({"do": "central", "device": station, "url": url, "password": password})

    async def cut(self, station: str, for_s: float) -> None:
        """A charging station loses its connection."""
        await self._do({"do": "cut", "device": station, "for_s": for_s})

    async def shown(self, device: str) -> Mapping[str, Any]:
        """What a device truly does now."""
        found: Mapping[str, Any] = (await self._do({"do": "state"}))["devices"][device]
        return found

    async def meter_w(self) -> float:
        """The true power at the meter now, W, positive = import."""
        return float((await self._do({"do": "state"}))["meter_w"])

    async def possible(self) -> Possible:
        """What the site could export now, W: everything the sun gives less the load."""
        state = await self._do({"do": "state"})
        top_w = sum(device.get("available_w", 0.0) for device in state["devices"].values())
        return Possible(float(state["t_s"]), top_w - float(state["load_w"]))

    async def samples(self, since_s: float) -> list[Sample]:
        """The meter's samples of each second since then: the physical truth, whatever its registers say."""
        told = await self._do({"do": "dump", "since_s": since_s})
        return [(float(t_s), float(w)) for t_s, w in told["meter"]]

    async def dump(self, since_s: float) -> Mapping[str, Any]:
        """Everything recorded since then: meter, samples of points, writes."""
        return await self._do({"do": "dump", "since_s": since_s})

    async def _do(self, command: Mapping[str, Any]) -> Mapping[str, Any]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 26)
        try:
            writer.write(json.dumps(command).encode() + b"\n")
            await writer.drain()
            answer: Mapping[str, Any] = json.loads(await reader.readline())
        finally:
            writer.close()
        if not answer.get("ok"):
            raise OurFault(f"the simulated site refused {command['do']}: {answer.get('error')}")
        return answer
