"""The steps at the garage: one charger at a time, and one that is cut off. Each judges by what was measured."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from gateway.demo import bays
from gateway.demo.bays import IMPORT, judged, rows, scene, span, swings, truth, written
from gateway.demo.measured import SETTLE_S, most
from gateway.demo.setting import FALLBACK_A, MAPPED, SPOKEN, WATCHDOG_S
from gateway.demo.stage import Stage
from gateway.demo.step import Result, Step, wait_until

LIMITS_W: Final = (6_800, 4_000, 10_000)
"""With a house of 800 W: 6000 W, 3200 W and 9200 W for a charger on three phases."""

MAPPED_A: Final = (7.0, 0.0, 12.0)
"""It tells no voltage, so that an ampere counts at 253 V, the most that may be: 759 W, whole amperes. 4.2 A are a pause."""

SPOKEN_A: Final = (8.0, 0.0, 13.0)
"""It measures 230 V: an ampere is 690 W."""

CUT_S: Final = 4.0


async def charger_modbus(stage: Stage) -> Result:
    """A charger that is a table of registers is limited, paused below 6 A and let charge again."""
    await scene(stage, sun=0.0, cars=(MAPPED,))
    began_s = stage.now_s
    spans = [await span(stage, IMPORT, limit, (MAPPED, amps)) for limit, amps in zip(LIMITS_W, MAPPED_A, strict=True)]
    end_s = stage.now_s
    await bays.lift(stage, spans)
    samples, found = await stage.samples(), await rows(stage, began_s)
    verdict = judged(samples, spans, stage.setting.rated_import_w)
    drawn = [bays.last(found, MAPPED, "drawn_a", one.to_s) for one in spans]
    registers = [bays.read_back(stage, MAPPED, "limit_a", one.to_s) for one in spans]
    charging = [bays.read_back(stage, MAPPED, "charging", one.to_s) for one in spans]
    failsafe = [bays.read_back(stage, MAPPED, point, end_s) for point in ("failsafe_a", "failsafe_s")]
    applied = registers == list(MAPPED_A)
    effective = drawn == list(MAPPED_A) and charging == [1.0, 0.0, 1.0]
    turns = swings(samples, found, began_s, end_s, stage.setting.rated_import_w)
    return Result(
        "charger-modbus",
        "a charger with registers is limited, paused below 6 A, and resumed",
        verdict.ok and applied and effective and failsafe == [FALLBACK_A, WATCHDOG_S],
        {
            "limit_w": [one.limit_w for one in spans],
            "worst_w": verdict.worst_w,
            "settle_s": list(verdict.settle_s),
            "wanted_a": list(MAPPED_A),
            "readback_a": registers,
            "drawn_a": drawn,
            "applied": applied,
            "effective": effective,
            "failsafe": failsafe,
            "reversals": turns,
            "envelope": [one.plain for one in spans],
        },
    )


async def charger_ocpp(stage: Stage) -> Result:
    """The same by charging profiles; what the station shows in its composite schedule is what it holds. Then it is away for a while."""
    await scene(stage, sun=0.0, cars=(SPOKEN,))
    began_s = stage.now_s
    spans = [await span(stage, IMPORT, limit, (SPOKEN, amps)) for limit, amps in zip(LIMITS_W, SPOKEN_A, strict=True)]
    cut_s = stage.now_s
    await stage.site.cut(SPOKEN, CUT_S)
    gone = await stage.until("gone", lambda: _connected(stage, there=False), SETTLE_S)
    back = await stage.until("back", lambda: _connected(stage, there=True), CUT_S + SETTLE_S)
    back_s = stage.now_s
    anew = await stage.until("told anew", lambda: _told_anew(stage, cut_s), SETTLE_S)
    again_s = stage.now_s
    await wait_until(stage, again_s + 3.0)
    end_s = stage.now_s
    spans[-1] = replace(spans[-1], to_s=end_s)
    await bays.lift(stage, spans)
    samples, found = await stage.samples(), await rows(stage, began_s)
    verdict = judged(samples, spans, stage.setting.rated_import_w)
    ends = [spans[0].to_s, spans[1].to_s, cut_s]
    profiles, schedules = (
        await written(stage, SPOKEN, "SetChargingProfile"),
        await written(stage, SPOKEN, "GetCompositeSchedule"),
    )
    told = [_last(profiles, at_s) for at_s in ends]
    shown = [_last(schedules, at_s) for at_s in ends]
    drawn = [bays.last(found, SPOKEN, "drawn_a", at_s) for at_s in ends]
    held_a = [value for t_s, value in truth(found, SPOKEN, "drawn_a") if cut_s <= t_s < end_s]
    applied = told == shown == list(SPOKEN_A)
    effective = drawn == list(SPOKEN_A) and set(held_a) == {SPOKEN_A[-1]}
    turns = swings(samples, found, began_s, end_s, stage.setting.rated_import_w)
    return Result(
        "charger-ocpp",
        "a charger that speaks OCPP is limited, paused and resumed, and told anew once it is back",
        verdict.ok and applied and effective and gone and back and anew,
        {
            "limit_w": [one.limit_w for one in spans],
            "worst_w": verdict.worst_w,
            "settle_s": list(verdict.settle_s),
            "wanted_a": list(SPOKEN_A),
            "told_a": told,
            "composite_a": shown,
            "drawn_a": drawn,
            "applied": applied,
            "effective": effective,
            "away_s": round(back_s - cut_s, 1),
            "told_anew_after_s": round(again_s - back_s, 1),
            "reversals": turns,
            "envelope": [one.plain for one in spans],
        },
    )


async def charger_fallback(stage: Stage) -> Result:
    """A charger hears nothing more: it will fall back to more than it was told, and the other makes room before it does."""
    began_s = stage.now_s
    await scene(stage, sun=0.0, cars=(MAPPED, SPOKEN))
    limit = 10_200
    held = await span(stage, IMPORT, limit)
    before = {one: await bays.drawn_a(stage, one) for one in (MAPPED, SPOKEN)}
    mute_s = stage.now_s
    await stage.site.misbehave(MAPPED, "mute")
    await stage.until("the other makes room", lambda: _paused(stage), WATCHDOG_S)
    room_s = stage.now_s
    await wait_until(stage, mute_s + WATCHDOG_S + 4.0)
    fell = await stage.site.shown(MAPPED)
    await stage.site.behave(MAPPED, "mute")
    back_s = stage.now_s
    told = await stage.until("told again", lambda: _reads(stage, before[MAPPED]), SETTLE_S)
    told_s = stage.now_s
    await stage.until("both charge", lambda: _both(stage), SETTLE_S)
    await wait_until(stage, stage.now_s + 3.0)
    end_s = stage.now_s
    samples, found = await stage.samples(), await rows(stage, began_s)
    whole = replace(held, to_s=end_s)
    await bays.lift(stage, [whole])
    verdict = judged(samples, [whole], stage.setting.rated_import_w)
    bitten = [t_s for t_s, value in truth(found, MAPPED, "fell_back") if t_s >= mute_s and value == 1.0]
    fallen_a = [value for t_s, value in truth(found, MAPPED, "drawn_a") if bitten and bitten[0] <= t_s < back_s]
    after = {one: bays.last(found, one, "drawn_a", end_s) for one in (MAPPED, SPOKEN)}
    fell_back = bool(bitten) and set(fallen_a) == {float(FALLBACK_A)} and bool(fell["fell_back"])
    first = room_s < (bitten[0] if bitten else 0.0)
    higher = 0 < before[MAPPED] < FALLBACK_A
    turns = swings(samples, found, held.from_s, end_s, stage.setting.rated_import_w)
    ok = verdict.ok and higher and fell_back and first and told and after[MAPPED] == before[MAPPED]
    return Result(
        "charger-fallback",
        "a charger that is cut off falls back to a current for which there was room",
        ok and max(turns.values()) <= bays.MOST_REVERSALS,
        {
            "limit_w": [limit],
            "worst_w": verdict.worst_w,
            "settle_s": list(verdict.settle_s),
            "drawn_before_a": before,
            "room_made_after_s": round(room_s - mute_s, 1),
            "fell_back_after_s": round(bitten[0] - mute_s, 1) if bitten else None,
            "fallback_a": FALLBACK_A,
            "drawn_meanwhile_a": sorted(set(fallen_a)),
            "reasserted_after_s": round(told_s - back_s, 1),
            "drawn_after_a": after,
            "unattended_w": round(most(samples, mute_s, back_s)),
            "reversals": turns,
            "envelope": [whole.plain],
        },
    )


STEPS: Final = (
    Step("charger-modbus", "a charger with registers is limited, paused and resumed", charger_modbus),
    Step(
        "charger-ocpp", "a charger that speaks OCPP is limited, paused and resumed; it goes and returns", charger_ocpp
    ),
    Step("charger-fallback", "a charger that is cut off falls back; there was room for that", charger_fallback),
)


def _last(told: Sequence[tuple[float, float]], before_s: float) -> float | None:
    return next((value for t_s, value in reversed(told) if t_s < before_s), None)


async def _connected(stage: Stage, *, there: bool) -> bool:
    return bool((await stage.site.shown(SPOKEN))["connected"]) is there


async def _told_anew(stage: Stage, since_s: float) -> bool:
    told = await written(stage, SPOKEN, "SetChargingProfile", since_s)
    return bool(told) and bool(await written(stage, SPOKEN, "GetCompositeSchedule", told[-1][0]))


async def _paused(stage: Stage) -> bool:
    return await bays.drawn_a(stage, SPOKEN) == 0.0


async def _both(stage: Stage) -> bool:
    return all([await bays.drawn_a(stage, one) >= 6.0 for one in (MAPPED, SPOKEN)])


async def _reads(stage: Stage, limit_a: float) -> bool:
    """Whether the registers of the charger show this limit, to somebody who asked a moment ago."""
    if stage.charger_witness is None:
        return False
    return any(one.point == "limit_a" and one.value == limit_a for one in await stage.charger_witness.read())
