"""The two VTNs, as those who lead them in the demonstration speak to them."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import aiohttp

from grid_functions.model.errors import OurFault


class Aggregator:
    """Who leads the VTN of 2.0b."""

    def __init__(self, admin: str) -> None:
        self._session = aiohttp.ClientSession(admin)

    async def close(self) -> None:
        """Leave."""
        await self._session.close()

    async def dispatch(self, event: str, kilowatts: float, seconds: float, priority: int = 1) -> Mapping[str, float]:
        """LOAD_DISPATCH setpoint from now on, kW, negative = generation; when it begins and ends, UTC s."""
        body = {"id": event, "signal": "LOAD_DISPATCH", "type": "setpoint", "value": kilowatts, "unit": "kW"}
        told: Mapping[str, float] = await self._call(
            "POST", "/events", body | {"seconds": seconds, "priority": priority}
        )
        return told

    async def cancel(self, event: str) -> None:
        """The event is off."""
        await self._call("DELETE", f"/events/{event}")

    async def opts(self, event: str) -> list[str]:
        """What was answered for the event, oldest first."""
        return [one["opt"] for one in (await self._call("GET", "/state"))["opts"] if one["event"] == event]

    async def values(self) -> list[dict[str, Any]]:
        """Every value that reports brought."""
        found: list[dict[str, Any]] = (await self._call("GET", "/state"))["values"]
        return found

    async def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        async with self._session.request(method, path, json=body) as answer:
            if answer.status >= 400:
                raise OurFault(f"{method} {path} at the VTN of 2.0b: {answer.status} {await answer.text()}")
            return await answer.json()


class Supplier:
    """Business logic at the VTN of 3.1, which asks nobody for a token."""

    def __init__(self, url: str) -> None:
        self._session = aiohttp.ClientSession()
        self._url = url.rstrip("/")
        self._program = ""

    async def close(self) -> None:
        """Leave."""
        await self._session.close()

    async def event(
        self,
        name: str,
        payload_type: str,
        value: float,
        seconds: int,
        reports: tuple[str, ...] = (),
        start_s: float | None = None,
    ) -> Mapping[str, Any]:
        """An event of one interval, power in kW, from now on or from ``start_s`` (UTC); as the VTN has it."""
        if not self._program:
            self._program = (await self._call("POST", "/programs", {"programName": "demo"}))["id"]
        body = {
            "programID": self._program,
            "eventName": name,
            "payloadDescriptors": [
                {"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": payload_type, "units": "KW"}
            ],
            "reportDescriptors": [{"payloadType": one} for one in reports],
            "intervalPeriod": {
                "start": _text(time.time() if start_s is None else start_s),
                "duration": f"PT{seconds}S",
            },
            "intervals": [{"id": 0, "payloads": [{"type": payload_type, "values": [value]}]}],
        }
        made: Mapping[str, Any] = await self._call("POST", "/events", body)
        return made

    async def cancel(self, event: Mapping[str, Any]) -> None:
        """OpenADR 3 knows no other cancellation: the event is gone."""
        await self._call("DELETE", f"/events/{event['id']}")

    async def reports(self) -> list[dict[str, Any]]:
        """Every report it holds."""
        found: list[dict[str, Any]] = await self._call("GET", "/reports")
        return found

    async def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        async with self._session.request(method, self._url + path, json=body) as answer:
            if answer.status >= 400:
                raise OurFault(f"{method} {path} at the VTN of 3.1: {answer.status} {await answer.text()}")
            return await answer.json()


def _text(utc_s: float) -> str:
    return datetime.fromtimestamp(utc_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
