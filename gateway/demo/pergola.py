"""The step at the pergola: one inverter obeys as late as the slowest that were met in the field. Judged by what was measured."""

from dataclasses import replace
from typing import Final

from gateway.demo import bays
from gateway.demo.bays import EXPORT, judged, rows, span, swings
from gateway.demo.measured import SETTLE_S, Sample, below, most
from gateway.demo.registers import series
from gateway.demo.setting import MICRO, SLOW_S
from gateway.demo.stage import Stage
from gateway.demo.step import Result, Step, wait_until


async def slow_device(stage: Stage) -> Result:
    """An inverter that obeys so late: the others hold the limit at once, and make room for it as it comes."""
    began_s = stage.now_s
    # 6750 W of sun less 2000 W of load: the default of 5000 W binds nothing.
    await stage.site.sun(0.9)
    await stage.site.load(2000.0)
    await stage.until("the sun is used", lambda: _sunny(stage), SLOW_S + 3 * SETTLE_S)
    before_w = max((w for _, w in _slow(stage)[-1:]), default=0.0)
    held = await span(stage, EXPORT, 1500, duration_s=SLOW_S + 60)
    from_s = held.from_s
    await wait_until(stage, from_s + SLOW_S + 6.0)
    end_s = stage.now_s
    held = replace(held, to_s=end_s)
    await bays.lift(stage, [held])
    samples, found = await stage.samples(), await rows(stage, began_s)
    verdict = judged(samples, [held], stage.setting.rated_import_w)
    slow = _slow(stage)
    meanwhile = [w for t_s, w in slow if from_s + 1.0 <= t_s < from_s + SLOW_S - 5.0]
    came_s = below(slow, 0.8 * before_w, from_s + 1.0, end_s)
    late = bool(meanwhile) and min(meanwhile) >= 0.9 * before_w > 0
    turns = swings(samples, found, from_s, end_s, stage.setting.rated_import_w)
    export = [(t_s, -w) for t_s, w in samples]
    used_w = most(export, end_s - 3.0, end_s)
    ok = verdict.ok and late and came_s is not None and used_w >= 0.7 * held.limit_w
    return Result(
        "slow-device",
        f"an inverter obeys after {SLOW_S} s: the others hold the limit at once",
        ok and max(turns.values()) <= bays.MOST_REVERSALS,
        {
            "limit_w": [held.limit_w],
            "worst_w": verdict.worst_w,
            "settle_s": list(verdict.settle_s),
            "slow_s": SLOW_S,
            "slow_before_w": round(before_w),
            "slow_came_after_s": came_s,
            "reversals": turns,
            "export_w": round(used_w),
            "envelope": [held.plain],
        },
    )


STEPS: Final = (Step("slow-device", "one obeys late: the others hold the limit at once", slow_device),)


def _slow(stage: Stage) -> list[Sample]:
    return series(stage.registers, MICRO, 701, "W")


async def _sunny(stage: Stage) -> bool:
    """Whether the slow inverter was just read to make 1300 W of its 1350 W."""
    return any(w >= 1300.0 for _, w in _slow(stage)[-1:])
