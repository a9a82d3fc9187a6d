"""The steps at the hall: two VTNs and a utility server lead one site. Each judges by the meter, the registers, and what the VTNs hold."""

import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from gateway.api.socket import call, socket_path
from gateway.demo.measured import SETTLE_S, Sample, first_within, most_w, reached, tolerance_w
from gateway.demo.registers import series
from gateway.demo.setting import AGGREGATOR, BATTERY, EAST, SUPPLIER
from gateway.demo.stage import Stage
from gateway.demo.step import Result, Step, exports, wait_until
from grid_functions.model.errors import GatewayError

UTILITY_W: Final = 3000


async def adr2b_dispatch(stage: Stage) -> Result:
    """The VTN of 2.0b dispatches the battery while the utility's limit holds."""
    await _scene(stage, sun=0.0)
    bound = await stage.operator.export_limit(stage.programs["area"], UTILITY_W, 30)
    known = await stage.told(bound.mrid, {1, 2}, 8)
    began_s = stage.now_s
    await stage.aggregator.dispatch("A-1", -2.0, 60)
    answered = await _opted(stage, "A-1", "optIn")
    await wait_until(stage, began_s + SETTLE_S)
    settle = _battery_reached(stage, 2000.0, began_s)
    await stage.aggregator.cancel("A-1")
    cancelled_s = stage.now_s
    await wait_until(stage, cancelled_s + 6.0)
    released = _battery_reached(stage, 0.0, cancelled_s)
    worst = most_w(await stage.samples(), began_s, stage.now_s)
    opts = await stage.aggregator.opts("A-1")
    ok = (
        known
        and answered
        and settle is not None
        and released is not None
        and worst <= UTILITY_W + tolerance_w(UTILITY_W)
    )
    figures = {"target_w": -2000, "settle_s": settle, "released_after_s": released, "answers": opts}
    return Result("adr2b-dispatch", "a VTN of 2.0b dispatches the battery under the utility's limit", ok, figures)


async def adr3_dispatch(stage: Stage) -> Result:
    """The VTN of 3.1 dispatches the same battery, and takes its event away."""
    await _scene(stage, sun=0.0)
    began_s = stage.now_s
    event = await stage.supplier.event("S-1", "DISPATCH_SETPOINT", -1.5, 60, ("OPERATING_STATE", "USAGE"))
    await wait_until(stage, began_s + SETTLE_S)
    settle = _battery_reached(stage, 1500.0, began_s)
    await stage.supplier.cancel(event)
    gone_s = stage.now_s
    await wait_until(stage, gone_s + 6.0)
    released = _battery_reached(stage, 0.0, gone_s)
    ok = settle is not None and released is not None
    figures = {"target_w": -1500, "settle_s": settle, "released_after_s": released}
    return Result("adr3-dispatch", "a VTN of 3.1 dispatches the same battery", ok, figures)


async def limit_wins(stage: Stage) -> Result:
    """By day the tighter of two limits holds, and the utility's own once the VTN's is gone; the loser is told by ``osed why``."""
    await _scene(stage, sun=0.9)
    bound = await stage.operator.export_limit(stage.programs["area"], UTILITY_W, 60)
    known = await stage.told(bound.mrid, {1, 2}, 8)
    known = await stage.until("export", lambda: exports(stage, UTILITY_W - 500.0), 20.0) and known
    began_s, limit = stage.now_s, 1000
    event = await stage.supplier.event("S-2", "EXPORT_CAPACITY_LIMIT", limit / 1000.0, 60)
    await wait_until(stage, began_s + SETTLE_S + 2.0)
    both_s = stage.now_s
    why = await _ask(stage, f"/why/{EAST}")
    lost = sorted({one["source"] for one in why["lost"] if one["to"].startswith("openadr/")})
    await stage.supplier.cancel(event)
    gone_s = stage.now_s
    await wait_until(stage, gone_s + SETTLE_S)
    samples = await stage.samples()
    tight, loose = first_within(samples, limit, began_s, both_s), first_within(samples, UTILITY_W, gone_s, stage.now_s)
    rose_w = most_w(samples, stage.now_s - 3.0, stage.now_s)
    await stage.operator.cancel(bound)
    ok = known and tight is not None and loose is not None and rose_w > limit + 3 * tolerance_w(limit)
    ok = ok and "ieee2030_5/utility" in lost
    figures = {"limit_w": limit, "settle_s": tight, "after_w": round(rose_w), "lost": lost}
    return Result("limit-wins", "the tightest limit of a utility server and a VTN holds", ok, figures)


async def target_rank(stage: Stage) -> Result:
    """Of two events of one VTN the better-ranked is followed; when it is cancelled the other one resumes."""
    await _scene(stage, sun=0.0)
    await stage.aggregator.dispatch("A-2", -1.0, 60, priority=3)
    await stage.aggregator.dispatch("A-3", -2.5, 60, priority=1)
    began_s = stage.now_s
    answered = await _opted(stage, "A-2", "optIn") and await _opted(stage, "A-3", "optIn")
    await wait_until(stage, began_s + SETTLE_S)
    first = _battery_reached(stage, 2500.0, began_s)
    await stage.aggregator.cancel("A-3")
    cancelled_s = stage.now_s
    await wait_until(stage, cancelled_s + SETTLE_S)
    second = _battery_reached(stage, 1000.0, cancelled_s)
    await stage.aggregator.cancel("A-2")
    ok = answered and first is not None and second is not None
    return Result(
        "target-rank",
        "the better-ranked target is followed, then the other resumes",
        ok,
        {"targets_w": [-2500, -1000], "settle_s": [first, second]},
    )


async def opt_out(stage: Stage) -> Result:
    """``osed opt`` takes the site out of a running event, and in again; the VTN hears both."""
    await _scene(stage, sun=0.0)
    began_s = stage.now_s
    await stage.aggregator.dispatch("A-4", -2.0, 60)
    answered = await _opted(stage, "A-4", "optIn")
    await wait_until(stage, began_s + 8.0)
    running = _battery_reached(stage, 2000.0, began_s)
    out_s = stage.now_s
    await _say(stage, "/opt", {"event": "A-4", "out": True})
    told = await _opted(stage, "A-4", "optOut")
    await wait_until(stage, out_s + 6.0)
    left = _battery_reached(stage, 0.0, out_s)
    in_s = stage.now_s
    await _say(stage, "/opt", {"event": "A-4", "out": False})
    await wait_until(stage, in_s + 8.0)
    again = _battery_reached(stage, 2000.0, in_s)
    opts = await stage.aggregator.opts("A-4")
    await stage.aggregator.cancel("A-4")
    ok = answered and told and None not in (running, left, again) and opts[-1:] == ["optIn"]
    figures = {"settle_s": [running, left, again], "answers": opts}
    return Result("opt-out", "a site opts out of an event and in again, and the VTN hears it", ok, figures)


async def reports(stage: Stage) -> Result:
    """What the VTNs hold of the site's power agrees with the meter."""
    await _scene(stage, sun=0.0)
    began_s = stage.now_s

    async def there() -> bool:
        return bool(await _off_w(stage)) and bool(await _usage_wh(stage))

    await stage.until("reports", there, 150.0, every_s=1.0)
    off_w, minute_w = await _off_w(stage), _mean_w(await stage.samples(), stage.reports_from_s)
    usage = [wh * 60.0 for wh in await _usage_wh(stage)]  # of one minute
    off_usage_w = [round(watts - minute_w, 1) for watts in usage if minute_w is not None]
    ok = bool(off_w) and bool(off_usage_w) and max(map(abs, off_w + off_usage_w)) <= 100.0
    missing = sum(one["value"] == 0.0 for one in await stage.aggregator.values())
    figures = {
        "off_w_2b": off_w,
        "missing_2b": missing,
        "off_w_3": off_usage_w,
        "after_s": round(stage.now_s - began_s, 1),
    }
    return Result("reports", "the reports of both VTNs agree with the meter", ok, figures)


async def vtn_dies(stage: Stage) -> Result:
    """The VTN of 2.0b is killed: its event runs to its end, and the other VTN and the utility go on."""
    await _scene(stage, sun=0.0)
    began_s = stage.now_s
    window = await stage.aggregator.dispatch("A-5", -2.0, 24)
    answered = await _opted(stage, "A-5", "optIn")
    await wait_until(stage, began_s + 8.0)
    stage.aggregator_process.kill()
    killed_s = stage.now_s
    await wait_until(stage, window["end_s"] - 0.5)
    held = reached(series(stage.registers, BATTERY, 701, "W"), 2000.0, tolerance_w(2000), killed_s, stage.now_s)
    await wait_until(stage, window["end_s"] + 7.0)
    ended = _battery_reached(stage, 0.0, window["end_s"])
    other_s = stage.now_s
    event = await stage.supplier.event("S-4", "DISPATCH_SETPOINT", -1.0, 30)
    bound = await stage.operator.export_limit(stage.programs["area"], UTILITY_W, 20)
    known = await stage.told(bound.mrid, {1, 2}, 8)
    await wait_until(stage, other_s + SETTLE_S)
    followed = _battery_reached(stage, 1000.0, other_s)
    upstreams = {one["name"]: one["reachable"] for one in await _ask(stage, "/upstreams")}
    await stage.supplier.cancel(event)
    ok = answered and held is not None and held <= 1.5 and ended is not None and followed is not None and known
    ok = ok and upstreams == {"utility": True, "aggregator": False, "supplier": True}
    figures = {"ended_after_s": ended, "followed_after_s": followed, "reachable": upstreams}
    return Result("vtn-dies", "a VTN dies: its event runs out, the others go on", ok, figures)


async def _scene(stage: Stage, *, sun: float) -> None:
    """Sun and load as wanted. The first scene of all also asks for a report of the next whole minute, which takes its time."""
    if not stage.reports_from_s:
        await stage.until("every upstream is current", lambda: _all_current(stage), 30.0)
        stage.reports_from_s = math.ceil(stage.now_s / 60.0) * 60.0
        await stage.supplier.event("S-0", "SIMPLE", 0, 60, ("USAGE",), start_s=stage.reports_from_s)
    await stage.site.sun(sun)
    await stage.site.load(800.0)


async def _all_current(stage: Stage) -> bool:
    with suppress(GatewayError):
        found = {one["name"]: one["reachable"] and one["registered"] for one in await _ask(stage, "/upstreams")}
        return found.get(AGGREGATOR) is True and found.get(SUPPLIER) is True
    return False


def _battery_reached(stage: Stage, watts: float, since_s: float) -> float | None:
    """How long the battery took until it stayed at this discharge, W."""
    return reached(series(stage.registers, BATTERY, 701, "W"), watts, tolerance_w(watts), since_s, stage.now_s)


async def _opted(stage: Stage, event: str, opt: str) -> bool:
    """Wait until the VTN holds this answer as the last one."""

    async def there() -> bool:
        return (await stage.aggregator.opts(event))[-1:] == [opt]

    return await stage.until(opt, there, 8.0)


async def _powers(stage: Stage) -> list[dict[str, float]]:
    """Every real power of the connection that the VTN of 2.0b was told, W. Exactly 0 stands for what is missing (rule 318): openleadr does
    not show the quality that says so.
    """
    scales = {"k": 1000.0, "none": 1.0, None: 1.0}
    return [
        {"t_s": one["t_s"], "watts": one["value"] * scales.get(one["scale"], 1.0)}
        for one in await stage.aggregator.values()
        if one["measurement"] in ("powerReal", "RealPower") and one["unit"] == "W" and one["value"] != 0.0
    ]


async def _off_w(stage: Stage) -> list[float]:
    """How far each of them is from the meter's own record of the minute that lies in its interval for the most part, W: averages are of
    whole minutes."""
    samples = await stage.samples()
    pairs = [(one["watts"], _mean_w(samples, round(one["t_s"] / 60.0) * 60.0)) for one in await _powers(stage)]
    return [round(watts - mean_w, 1) for watts, mean_w in pairs if mean_w is not None]


async def _usage_wh(stage: Stage) -> list[float]:
    """Every usage that the VTN of 3.1 was told, Wh."""
    return [
        float(payload["values"][0]) * 1000.0
        for one in await stage.supplier.reports()
        for resource in one["resources"]
        for interval in resource["intervals"]
        for payload in interval["payloads"]
        if payload["type"] == "USAGE"
    ]


def _mean_w(samples: Sequence[Sample], begin_s: float) -> float | None:
    """Mean of the meter over the minute that begins there, W; None when it did not record all of it."""
    found = [w for t_s, w in samples if begin_s <= t_s < begin_s + 60.0]
    return sum(found) / len(found) if len(found) >= 55 else None


async def _ask(stage: Stage, route: str) -> Any:
    return await call(socket_path(stage.folder / "data"), "GET", route)


async def _say(stage: Stage, route: str, body: dict[str, Any]) -> Any:
    return await call(socket_path(stage.folder / "data"), "POST", route, body)


STEPS: Final = (
    Step("adr2b-dispatch", "a VTN of 2.0b dispatches the battery under the utility's limit", adr2b_dispatch),
    Step("adr3-dispatch", "a VTN of 3.1 dispatches the same battery", adr3_dispatch),
    Step("limit-wins", "the tightest limit of a utility server and a VTN holds", limit_wins),
    Step("target-rank", "the better-ranked target is followed, then the other resumes", target_rank),
    Step("opt-out", "a site opts out of an event and in again, and the VTN hears it", opt_out),
    Step("reports", "the reports of both VTNs agree with the meter", reports),
    Step("vtn-dies", "a VTN dies: its event runs out, the others go on", vtn_dies),
)
