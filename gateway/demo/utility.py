"""The utility's operator: the utility server's admin API, as the demonstration uses it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from gateway.demo.measured import Told
from grid_functions.model.errors import OurFault


@dataclass(frozen=True, slots=True)
class Control:
    """A DERControl the operator made. Times are UTC seconds."""

    number: int
    mrid: str
    start_s: float
    end_s: float


class Operator:
    """One operator's session with the admin API."""

    def __init__(self, url: str, token: str) -> None:
        self._session = aiohttp.ClientSession(url, headers={"Authorization": f"Bearer {token}"})

    async def close(self) -> None:
        """Leave."""
        await self._session.close()

    async def settings(self, **values: Any) -> None:
        """Change settings of the server."""
        await self._call("PATCH", "/settings", values)

    async def misbehave(self, **trick: Any) -> None:
        """Have the server play a trick until it is told to behave."""
        await self._call("POST", "/mischief", trick)

    async def behave(self) -> None:
        """Have it play none."""
        await self._call("DELETE", "/mischief")

    async def device(self, lfdi: str, pin: int) -> None:
        """Make an EndDevice, out of band."""
        await self._call("POST", "/devices", {"lfdi": lfdi, "pin": pin, "name": "demo"})

    async def program(self, primacy: int, description: str, export_limit_w: int | None = None) -> int:
        """Make a DERProgram, with a DefaultDERControl if a limit is given; its number."""
        body: dict[str, Any] = {"primacy": primacy, "description": description}
        if export_limit_w is not None:
            body["default"] = {"modes": {"opModExpLimW": export_limit_w}}
        return int((await self._call("POST", "/programs", body))["number"])

    async def export_limit(self, program: int, limit_w: int, duration_s: int, start_in_s: int = 0) -> Control:
        """Make a DERControl with an export limit."""
        return await self.control(program, {"opModExpLimW": limit_w}, duration_s, start_in_s)

    async def control(self, program: int, modes: Mapping[str, Any], duration_s: int, start_in_s: int = 0) -> Control:
        """Make a DERControl that asks for every Response."""
        body = {
            "modes": modes,
            "duration_s": duration_s,
            "start_in_s": start_in_s,
            "response_required": 3,
            "description": ", ".join(modes),
        }
        made = await self._call("POST", f"/programs/{program}/controls", body)
        return Control(
            int(made["number"]), str(made["mRID"]), float(made["start_s"]), float(made["start_s"]) + duration_s
        )

    async def volt_var(self, program: int, points: Sequence[tuple[int, int]]) -> Mapping[str, Any]:
        """Make a DERCurve of volt-var, % of nominal voltage to % of setMaxVar, and what a mode says to point at it."""
        body = {
            "curveType": 11,
            "CurveData": [{"xvalue": x, "yvalue": y} for x, y in points],
            "xMultiplier": 0,
            "yMultiplier": 0,
            "yRefType": 2,
        }
        return {"href": (await self._call("POST", f"/programs/{program}/curves", body))["href"]}

    async def cancel(self, control: Control) -> None:
        """Cancel a DERControl."""
        await self._call("POST", f"/controls/{control.number}/cancel", {})

    async def responses(self) -> list[Told]:
        """Every Response the server holds, in the order of arrival."""
        return [
            Told(r["subject"], r["lfdi"], int(r["status"]), float(r["t_s"]))
            for r in await self._call("GET", "/responses")
        ]

    async def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        async with self._session.request(method, path, json=body) as response:
            answer = await response.json() if response.content_type == "application/json" else None
        if response.status >= 400:
            raise OurFault(f"the utility server refused {method} {path}: {answer}")
        return answer
