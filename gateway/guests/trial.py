"""A plug-in tried on a simulated fleet: the gateway as it is, real Modbus, simulated houses, the function in its own process."""

import asyncio
import json
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.appliance import Appliance
from gateway.config.load import load
from gateway.reports import claims_of, in_force, power_of
from gateway.wiring import FAMILIES
from grid_functions.model.claim import SourceKind
from grid_functions.model.errors import OurFault

_PLACE = "trial"
_BASE_W = 600.0
_RATED_W = 6000
_LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class Trial:
    """``sites``: houses with a meter, the first with PV of 6 kW and a load of 600 W, the second with twice as much of both, and so on;
    ``span_s``: how long after the first step; ``home``: the function that answers it at each house.
    """

    name: str
    options: Mapping[str, Any]
    area: bool = False
    sites: int = 3
    span_s: float = 10.0
    home: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The functions that are tried."""
        return (self.name, self.home) if self.home else (self.name,)


async def play(trial: Trial, folder: Path) -> dict[str, Any]:
    """What came of it, as plain values; ``folder`` is empty, and the gateway's. Raises as the gateway does."""
    async with AsyncExitStack() as ending:
        houses = [await _house(number, ending) for number in range(trial.sites)]
        sites: list[dict[str, Any]] = [
            {"name": f"house-{number + 1}", "meter": "meter", "devices": devices}
            for number, devices in enumerate(houses)
        ]
        wanted = {trial.name: dict(trial.options)}
        plain: dict[str, Any] = {"gateway": {"name": "trial", "data": "data"}, "sites": sites}
        if trial.area:
            plain["areas"] = [{"name": _PLACE, "sites": [one["name"] for one in sites], "plug_ins": wanted}]
        else:
            for site in sites:
                site["plug_ins"] = wanted
        if trial.home:
            for site in sites:
                site["plug_ins"] = site.get("plug_ins", {}) | {trial.home: {}}
                site["plug_ins_hear"] = {trial.home: [trial.name]}
        (folder / "osed.yaml").write_text(json.dumps(plain), encoding="utf-8")
        gateway = Appliance(load(folder / "osed.yaml", FAMILIES))
        running = asyncio.create_task(gateway.run())
        try:
            await _until_stepped(gateway, trial, running)
            await asyncio.wait({running}, timeout=trial.span_s)
            return _told(gateway, trial)
        finally:
            gateway.stop()
            await running


async def _until_stepped(gateway: Appliance, trial: Trial, running: asyncio.Task[None]) -> None:
    """Until each made a step, or failed three times."""
    while not running.done():
        health = [gateway.guests().get(name) for name in trial.names]
        if all(one is not None and (one["steps"] or one["missed"] >= 3) for one in health):
            return
        await asyncio.wait({running}, timeout=_LOOK_S)
    await running


def _told(gateway: Appliance, trial: Trial) -> dict[str, Any]:
    now = gateway.clock.now()
    sites = []
    for name, site in sorted(gateway.sites.items()):
        decision = site.decision
        mine = [
            one
            for one in (decision.in_force if decision is not None else ())
            if one.source.kind is SourceKind.AREA and one.source.name == _PLACE
        ]
        sites.append(
            {
                "site": name,
                "power_w": power_of(site.snapshot(now).meter),
                "claims": claims_of(site, trial.name, now),
                "leases": [in_force(one, now) for one in mine],
                "alarms": sorted(site.alarms.values()),
            }
        )
    health = {name: dict(gateway.guests().get(name, {})) for name in trial.names}
    alarms = [text for area in gateway.areas.list() for text in area["alarms"].values()]
    ok = all(one.get("steps") and not one.get("fault") for one in health.values())
    home = {"home": health[trial.home]} if trial.home else {}
    return {"function": trial.name, "ok": ok, "health": health[trial.name], **home, "sites": sites, "alarms": alarms}


async def _house(number: int, ending: AsyncExitStack) -> list[dict[str, Any]]:
    """Begin a simulated house; its devices, as a configuration names them."""
    plan = {
        "inverters": [{"name": "pv", "kind": "der700", "rated_w": _RATED_W * (1 + number), "serial": f"P-{number}"}],
        "meter": {"name": "meter", "serial": f"M-{number}"},
        "house": {"base_w": _BASE_W * (1 + number)},
        "sun": {"fraction": 0.9},
    }
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "adapters.simulator", "--plan", json.dumps(plan), "--until-eof"),
        stdin=pipe,
        stdout=pipe,
    )

    async def end() -> None:
        child.kill()
        await child.wait()

    ending.push_async_callback(end)
    assert child.stdout is not None
    line = await child.stdout.readline()
    if not line:
        raise OurFault("a simulated house did not begin")
    return [
        {
            "name": one["name"],
            "family": "sunspec",
            "address": f"tcp://{one['host']}:{one['port']}",
            "unit": one["unit"],
            "role": "meter" if one["name"] == "meter" else "pv",
            "serial": one["serial"],
        }
        for one in json.loads(line)["devices"]
    ]
