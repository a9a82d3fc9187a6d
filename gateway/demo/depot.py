"""The steps at depot and yard: power, curves, switches and trouble of devices. Each judges by what was measured."""

from collections.abc import Sequence
from typing import Any, Final

from gateway.demo.measured import (
    SETTLE_S,
    Sample,
    at_curve,
    duplicates,
    first_within,
    held,
    lowered_again,
    most_w,
    reached,
    story,
    tolerance_w,
    worst_w,
)
from gateway.demo.registers import OtherMaster, limit_w, reactive_modes, series
from gateway.demo.setting import BATTERY, DEFAULT_W, EAST, ENTER_S, REVERT_S, WEST
from gateway.demo.stage import Stage
from gateway.demo.step import Result, Step, limited, wait_until
from gateway.demo.utility import Control

VAR_SHARE = 0.44
"""A device's setMaxVar as a share of its WMax (IEEE 1547-2018, category B), as its 702 says."""

CURVE: Final = ((94, 40), (98, 0), (102, 0), (106, -40))
MUTE_USED_PCT: Final = 30.0
"""While an inverter is silent, all that it was last permitted is kept free for it, whatever it really produces."""

VOLTS_PCT: Final = (104.0, 96.0)


async def battery_power(stage: Stage) -> Result:
    """By night a battery is discharged and charged under an export limit, which binds its discharge."""
    await _scene(stage, sun=0.0, load=3000.0)
    limit = 1500
    bound = await stage.operator.export_limit(stage.programs["area"], limit, 60)
    known = await stage.told(bound.mrid, {1, 2}, 8)
    out = await stage.operator.control(stage.programs["feeder"], {"opModTargetW": 3000}, 15)
    known = known and await stage.told(out.mrid, {1, 2}, 8)
    began_s = stage.now_s
    # The load takes all of the 3000 W that are wanted. Once it takes 800 W alone, 2200 W would be exported: the limit binds.
    await wait_until(stage, began_s + 7.5)
    moved_s = stage.now_s
    await stage.site.load(800.0)
    await wait_until(stage, out.end_s - 0.5)
    discharged_s = stage.now_s
    ended = await stage.told(out.mrid, {1, 2, 3}, 8)
    into = await stage.operator.control(stage.programs["feeder"], {"opModFixedW": -4000}, 6)
    known = known and await stage.told(into.mrid, {1, 2}, 8)
    charging_s = stage.now_s
    await wait_until(stage, into.end_s - 0.5)
    charged_s = stage.now_s
    ended = await stage.told(into.mrid, {1, 2, 3}, 8) and ended
    await stage.operator.cancel(bound)
    cancelled = await stage.told(bound.mrid, {1, 2, 6}, 8)
    samples = await stage.samples()
    power = series(stage.registers, BATTERY, 701, "W")
    settle = {
        "discharge": reached(power, 3000.0, tolerance_w(3000), began_s, moved_s),
        "limited": first_within(samples, limit, moved_s, discharged_s),
        "charge": reached(power, -2000.0, tolerance_w(2000), charging_s, charged_s),
    }
    worst = worst_w(samples, limit, moved_s + (settle["limited"] or 0.0) + 0.1, charged_s)
    readback = {
        "discharge_w": _last(stage, BATTERY, 704, "WSet", moved_s),
        "charge_w": _last(stage, BATTERY, 704, "WSet", charged_s),
    }
    applied = readback == {"discharge_w": 3000.0, "charge_w": -2000.0}
    limited_w = -most_w(_turned(samples), discharged_s - 3.0, discharged_s)
    effective = all(each is not None and each <= SETTLE_S for each in settle.values()) and limited_w > 0
    told = {name: story(await stage.responses(), one.mrid) for name, one in _named(limit=bound, out=out, into=into)}
    ok = known and ended and cancelled and applied and effective and worst <= tolerance_w(limit)
    ok = ok and told == {"limit": (1, 2, 6), "out": (1, 2, 3), "into": (1, 2, 3)}
    return Result(
        "battery-power",
        "a battery is discharged and charged under an export limit",
        ok,
        {
            "limit_w": limit,
            "worst_w": worst,
            "least_export_while_bound_w": round(limited_w),
            "settle_s": settle,
            "readback": readback,
            "applied": applied,
            "effective": effective,
            "soc_pct": [_last(stage, BATTERY, 713, "SoC", t_s) for t_s in (began_s, discharged_s, charged_s)],
            **await _answers(stage, told),
        },
    )


async def volt_var(stage: Stage) -> Result:
    """A better-ranked volt-var curve takes the place of constant var, by adoption; the measured var follows the grid's voltage."""
    await _scene(stage, sun=0.5, load=800.0)
    devices = tuple(stage.setting.rated_w)
    most = {name: VAR_SHARE * rated_w for name, rated_w in stage.setting.rated_w.items()}
    first = await stage.operator.control(stage.programs["feeder"], {"opModFixedVar": {"refType": 2, "value": 3000}}, 40)
    known = await stage.told(first.mrid, {1, 2}, 8)
    fixed_s = stage.now_s
    await wait_until(stage, fixed_s + 4.0)
    curve = await stage.operator.volt_var(stage.programs["area"], CURVE)
    control = await stage.operator.control(stage.programs["area"], {"opModVoltVar": curve}, 30)
    created_s = stage.now_s
    known = known and await stage.told(control.mrid, {1, 2}, 8)
    adopted = await stage.until("adopted", lambda: _enabled(stage, devices), SETTLE_S)
    adopted_s = stage.now_s
    spans = []
    for volts_pct in VOLTS_PCT:
        await stage.site.volts(volts_pct)
        spans.append((volts_pct, stage.now_s))
        await wait_until(stage, stage.now_s + 4.0)
    end_s = stage.now_s
    curves = {name: await stage.witness.curve(address) for name, address in _addresses(stage).items()}
    await stage.site.volts(100.0)
    await stage.operator.cancel(control)
    await stage.operator.cancel(first)
    ended = await stage.told(control.mrid, {1, 2, 6}, 8)
    settle: dict[str, float | None] = {}
    for name in devices:
        var, band = series(stage.registers, name, 701, "Var"), 0.02 * most[name]
        settle[f"{name} fixed"] = reached(var, 0.3 * most[name], band, fixed_s, created_s)
        for (volts_pct, from_s), to_s in zip(spans, [spans[1][1], end_s], strict=True):
            wanted = at_curve(CURVE, volts_pct) / 100 * most[name]
            settle[f"{name} {volts_pct:g} %"] = reached(var, wanted, band, from_s, to_s)
    modes = {
        name: [n for t_s, n in reactive_modes(stage.registers, name) if fixed_s <= t_s < end_s] for name in devices
    }
    after = {
        name: [n for t_s, n in reactive_modes(stage.registers, name) if adopted_s <= t_s < end_s] for name in devices
    }
    one_mode = all(max(modes[name]) == 1 and set(after[name]) == {1} for name in devices)
    handshake = await _handshake(stage, devices, created_s)
    applied = adopted and one_mode and handshake and all(each == CURVE for each in curves.values())
    effective = all(each is not None for each in settle.values())
    told = {name: story(await stage.responses(), one.mrid) for name, one in _named(fixed=first, curve=control)}
    return Result(
        "volt-var",
        "a volt-var curve is adopted, the one reactive mode enabled, and followed",
        known and ended and applied and effective and told["curve"] == (1, 2, 6),
        {
            "settle_s": settle,
            "readback": [list(point) for point in curves[EAST]],
            "adopted_after_s": round(adopted_s - created_s, 1),
            "handshake": handshake,
            "most_modes_enabled": max(n for each in modes.values() for n in each),
            "applied": applied,
            "effective": effective,
            **await _answers(stage, told),
        },
    )


async def cease(stage: Stage) -> Result:
    """Cease to energize: nothing flows; at its end the devices come back, each after its own delay and by its own ramp."""
    await _scene(stage, sun=0.4, load=800.0)
    await _calm(stage)
    before_w = -await stage.site.meter_w()
    control = await stage.operator.control(stage.programs["feeder"], {"opModEnergize": False}, 7)
    known = await stage.told(control.mrid, {1, 2}, 8)
    await wait_until(stage, control.end_s)
    off = {name: _last(stage, name, 703, "ES", control.end_s) for name in stage.setting.rated_w}
    ended = await stage.told(control.mrid, {1, 2, 3}, 8)
    await wait_until(stage, control.end_s + 2 * ENTER_S + 2.5)
    samples, now_s = await stage.samples(), stage.now_s
    ceased = reached(samples, 800.0, 100.0, control.start_s, control.end_s)
    early_w = most_w(samples, control.start_s + (ceased or 0.0), control.end_s + ENTER_S - 0.5)
    returned = reached(samples, -before_w, tolerance_w(before_w), control.end_s, now_s)
    on = {name: _last(stage, name, 703, "ES", now_s) for name in stage.setting.rated_w}
    applied = set(off.values()) == {0.0} and set(on.values()) == {1.0}
    told = {"control": story(await stage.responses(), control.mrid)}
    effective = ceased is not None and ceased <= SETTLE_S and early_w <= 0.0 and returned is not None
    return Result(
        "cease",
        "cease to energize, and return",
        known and ended and applied and effective and told["control"] == (1, 2, 3),
        {
            "settle_s": ceased,
            "export_before_w": round(before_w),
            "export_meanwhile_w": round(early_w),
            "enter_delay_s": ENTER_S,
            "returned_after_s": returned,
            "readback": {"off": off, "on": on},
            "applied": applied,
            "effective": effective,
            **await _answers(stage, told),
        },
    )


async def inverter_mute(stage: Stage) -> Result:
    """One of two inverters stops answering under an export limit: the other takes over; once back it is told again."""
    await _scene(stage, sun=0.7, load=3000.0)
    limit = 2500
    control = await stage.operator.export_limit(stage.programs["feeder"], limit, 60)
    known = await stage.told(control.mrid, {1, 2}, 8)
    start_s = stage.now_s
    there = await limited(stage, limit, SETTLE_S)
    await wait_until(stage, start_s + 6.0)
    share_w = {name: limit_w(stage.registers, address) for name, address in _addresses(stage).items()}
    await stage.site.misbehave(WEST, "mute")
    mute_s = stage.now_s
    await wait_until(stage, mute_s + 1.0)
    await stage.site.load(1200.0)
    moved_s = stage.now_s
    await wait_until(stage, mute_s + REVERT_S + 2.5)
    await stage.site.behave(WEST, "mute")
    back_s = stage.now_s
    readopted = await stage.until("told again", lambda: _armed(stage, WEST, back_s), SETTLE_S)
    readopted_s = stage.now_s - back_s
    await wait_until(stage, stage.now_s + 2.0)
    end_s = stage.now_s
    await stage.operator.cancel(control)
    ended = await stage.told(control.mrid, {1, 2, 6}, 8)
    samples = await stage.samples()
    verdict = held(samples, limit, [start_s, moved_s], end_s, stage.possible, MUTE_USED_PCT)
    reverted = await _reverted(stage, WEST, mute_s, back_s)
    other_w = limit_w([r for r in stage.registers if moved_s + SETTLE_S > r.t_s], _addresses(stage)[EAST])
    before_w = share_w[EAST]
    took_over = other_w is not None and before_w is not None and other_w < before_w
    told = {"control": story(await stage.responses(), control.mrid)}
    ok = known and there and verdict.ok and took_over and readopted and reverted is not None and ended
    return Result(
        "inverter-mute",
        "an inverter falls silent: the others take over, and it is told again once it is back",
        ok and told["control"] == (1, 2, 6),
        {
            "limit_w": limit,
            "worst_w": verdict.worst_outside_w,
            "worst_inside_w": verdict.worst_inside_w,
            "settle_s": list(verdict.settle_s),
            "used_pct": verdict.used_pct,
            "readback": {f"{EAST} before": _round(share_w[EAST]), f"{EAST} meanwhile": _round(other_w)},
            "reverted_after_s": reverted,
            "readopted_after_s": round(readopted_s, 1),
            "applied": readopted,
            "effective": verdict.ok,
            **await _answers(stage, told),
        },
    )


async def foreign_writer(stage: Stage) -> Result:
    """Another master keeps lifting a limit: it is lowered again each time, and no target goes to that device any more."""
    await _scene(stage, sun=0.6, load=800.0)
    limit = 2000
    control = await stage.operator.export_limit(stage.programs["area"], limit, 60)
    known = await stage.told(control.mrid, {1, 2}, 8)
    await limited(stage, limit, SETTLE_S)
    await wait_until(stage, stage.now_s + 2.0)
    east = _addresses(stage)[EAST]
    other = OtherMaster(east)
    lifted: list[float] = []
    for _ in range(4):
        lifted.append(stage.now_s)
        await other.write(704, "WMaxLimPct", 100.0)
        await wait_until(stage, lifted[-1] + 2.5)
    told_of = await _troubles(stage, EAST)
    target = await stage.operator.control(stage.programs["feeder"], {"opModTargetW": 1500}, 5)
    asked = await stage.told(target.mrid, {1, 2}, 8)
    asked_s = stage.now_s
    await wait_until(stage, target.end_s)
    end_s = stage.now_s
    await stage.operator.cancel(control)
    ended = await stage.told(control.mrid, {1, 2, 6}, 8)
    await limited(stage, DEFAULT_W, SETTLE_S)
    samples = await stage.samples()
    rows = (await stage.site.dump(lifted[0]))["writes"]
    written = [(t_s, value) for t_s, *which, value in rows if which == [EAST, 704, "WMaxLimPct"]]
    restored = lowered_again(written, 100.0, lifted, asked_s)
    settle = [first_within(samples, limit, a, b) for a, b in zip(lifted, [*lifted[1:], asked_s], strict=True)]
    worst = worst_w(samples, limit, lifted[-1] + 2.5, end_s)
    sets = {name: _last(stage, name, 704, "WSetEna", end_s) for name in stage.setting.rated_w}
    told = {name: story(await stage.responses(), one.mrid) for name, one in _named(limit=control, target=target)}
    ok = known and asked and ended and all(each is not None for each in restored) and worst <= tolerance_w(limit)
    return Result(
        "foreign-writer",
        "another master keeps lifting a limit: it is lowered again, targets stop there",
        ok and sets == {EAST: 0.0, WEST: 1.0, BATTERY: 1.0} and told == {"limit": (1, 2, 6), "target": (1, 2, 3)},
        {
            "limit_w": limit,
            "worst_w": worst,
            "worst_inside_w": worst_w(samples, limit, lifted[0], lifted[-1] + 2.5),
            "settle_s": settle,
            "restored_after_s": restored,
            "readback": {"WSetEna": sets},
            "applied": all(each is not None for each in restored),
            "effective": worst <= tolerance_w(limit),
            "shown_by_gateway": told_of,
            **await _answers(stage, told),
        },
    )


AT_DEPOT: Final = (
    Step("battery-power", "a battery is discharged and charged under an export limit", battery_power),
    Step("volt-var", "a volt-var curve is adopted, enabled alone, and followed", volt_var),
)
AT_YARD: Final = (
    Step("cease", "cease to energize, and return", cease),
    Step("inverter-mute", "an inverter falls silent: the others take over", inverter_mute),
    Step("foreign-writer", "another master keeps lifting a limit", foreign_writer),
)


async def _scene(stage: Stage, sun: float, load: float) -> None:
    """Sun, W of load and nominal voltage, and a gateway that is at work."""
    await stage.site.sun(sun)
    await stage.site.load(load)
    await stage.site.volts(100.0)

    async def at_work() -> bool:
        return (_last(stage, EAST, 704, "WMaxLimPctEna", stage.now_s) or 0.0) == 1.0

    await stage.until("at work", at_work, 2 * SETTLE_S)


async def _calm(stage: Stage) -> None:
    """Wait until all flows that may."""

    async def calm() -> bool:
        wanted_w = min((await stage.site.possible()).export_w, float(DEFAULT_W))
        return abs(-await stage.site.meter_w() - wanted_w) <= tolerance_w(wanted_w)

    await stage.until("calm", calm, SETTLE_S)


def _turned(samples: Sequence[Sample]) -> list[Sample]:
    return [(t_s, -w) for t_s, w in samples]


def _named(**controls: Control) -> list[tuple[str, Control]]:
    return list(controls.items())


def _addresses(stage: Stage) -> dict[str, Any]:
    return {address.device: address for address in stage.witness.addresses}


async def _answers(stage: Stage, told: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    return {
        "responses": {name: list(each) for name, each in told.items()},
        "duplicates": duplicates(await stage.responses()),
    }


def _last(stage: Stage, device: str, model: int, point: str, before_s: float) -> float | None:
    """What a point read last before a moment."""
    return next((v for t_s, v in reversed(series(stage.registers, device, model, point)) if t_s < before_s), None)


def _round(w: float | None) -> int | None:
    return None if w is None else round(w)


async def _enabled(stage: Stage, devices: tuple[str, ...]) -> bool:
    """Whether every device shows its curve enabled."""
    return all((_last(stage, name, 705, "Ena", stage.now_s) or 0) == 1 for name in devices)


async def _armed(stage: Stage, device: str, since_s: float) -> bool:
    """Whether a device that was away reads a limit with a running timer."""
    left = series(stage.registers, device, 704, "WMaxLimPctRvrtRem")
    return any(t_s > since_s and value > 0 for t_s, value in left)


async def _handshake(stage: Stage, devices: tuple[str, ...], since_s: float) -> bool:
    """By each device's record of what was written to it: the points, then the request to adopt them, then the enable."""
    rows = (await stage.site.dump(since_s))["writes"]
    for name in devices:
        told = [(t_s, point, value) for t_s, device, model, point, value in rows if (device, model) == (name, 705)]
        points = [t_s for t_s, point, _ in told if point.startswith("Crv[")]
        asked = [t_s for t_s, point, _ in told if point == "AdptCrvReq"]
        enabled = [t_s for t_s, point, value in told if point == "Ena" and value == 1]
        if not (points and asked and enabled and max(points) <= asked[0] <= enabled[0]):
            return False
    return True


async def _reverted(stage: Stage, device: str, mute_s: float, back_s: float) -> float | None:
    """When its own timer ran out, by its own record, since nobody can ask it."""
    rows = (await stage.site.dump(mute_s))["samples"]
    ended = [t for t, name, _, point, value in rows if (name, point, value) == (device, "WMaxLimPctRvrtRem", 0.0)]
    return round(min(ended) - mute_s, 1) if ended and min(ended) < back_s else None


async def _troubles(stage: Stage, device: str) -> list[str]:
    """What the gateway says is wrong with a device; shown, never judged."""
    shown = (await stage.status() or {"sites": []})["sites"]
    return [
        trouble for site in shown for one in site["devices"] if one["name"] == device for trouble in one["troubles"]
    ]
