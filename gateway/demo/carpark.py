"""The steps at the carpark: two chargers, PV and a battery under one connection. Each judges by what was measured."""

from typing import Final

from gateway.demo import bays
from gateway.demo.bays import EXPORT, IMPORT, PHASES, judged, rows, scene, span, swings, worst_a
from gateway.demo.measured import SETTLE_S, below, most, overshoot_w
from gateway.demo.setting import BATTERY, FUSE_A, MAPPED, METER, MICRO, ROOF, SPOKEN
from gateway.demo.stage import Stage
from gateway.demo.step import Result, Step, exports, wait_until

IMPORTS_W: Final = (16_000, 2_000, 15_000)
EXPORTS_W: Final = (4_000, 1_500)
CHARGE_W: Final = 2_000
LOAD_W: Final = 800.0
_FUSE_OFF: Final = 1.01
"""A fuse counts as kept up to 1 % above its rating: by so much may currents be measured wrong."""


async def envelope(stage: Stage) -> Result:
    """Import limits by night, export limits by day: battery, both chargers and PV keep within them together as they move."""
    began_s = stage.now_s
    await scene(stage, sun=0.0, cars=(MAPPED, SPOKEN), load=LOAD_W)
    # All that can store takes as much as it may: the battery its 5 kW, the cars what is left.
    charge = await stage.operator.control(stage.programs["feeder"], {"opModFixedW": -10000}, 120)
    known = await stage.told(charge.mrid, {1, 2}, 8)
    spans = [await span(stage, IMPORT, limit) for limit in IMPORTS_W]
    night_s = stage.now_s
    await stage.operator.cancel(charge)
    await stage.site.sun(0.9)
    for charger in (MAPPED, SPOKEN):
        await stage.site.car(charger)
    produce = await stage.operator.control(stage.programs["feeder"], {"opModFixedW": 7000}, 120)
    known = await stage.told(produce.mrid, {1, 2}, 8) and known
    await stage.until("the default binds", lambda: exports(stage, EXPORTS_W[0] + 500.0), 2 * SETTLE_S)
    spans += [await span(stage, EXPORT, limit) for limit in EXPORTS_W]
    end_s = stage.now_s
    await stage.operator.cancel(produce)
    await bays.lift(stage, spans)
    samples, found = await stage.samples(), await rows(stage, began_s)
    rating_w = stage.setting.rated_import_w
    verdict = judged(samples, spans, rating_w)
    first, tight, again, *_, last = spans
    drawn = {
        charger: [bays.last(found, charger, "drawn_a", one.to_s) for one in (first, tight, again)]
        for charger in (MAPPED, SPOKEN)
    }
    power = {
        name: [bays.read_back(stage, name, "W", one.to_s, 701) for one in spans] for name in (BATTERY, ROOF, MICRO)
    }
    charging = all(min(each[0] or 0.0, each[2] or 0.0) >= 6.0 and each[1] == 0.0 for each in drawn.values())
    # 2000 W of import less 800 W of load leave the battery 1200 W, and the cars nothing.
    stored = -1300.0 <= (power[BATTERY][1] or 0.0) <= -800.0
    turns = swings(samples, found, spans[0].from_s, night_s, rating_w)
    turned = swings(samples, found, spans[-2].from_s, end_s, rating_w)
    calm = max(*turns.values(), *turned.values()) <= bays.MOST_REVERSALS
    return Result(
        "envelope",
        "import and export limits that move are held by PV, battery and both chargers together",
        known and verdict.ok and charging and stored and calm,
        {
            "limit_w": [one.limit_w for one in spans],
            "worst_w": verdict.worst_w,
            "allowed_w": overshoot_w(rating_w),
            "settle_s": list(verdict.settle_s),
            "reversals": {key: max(turns[key], turned[key]) for key in turns},
            "drawn_a": drawn,
            "produced_w": power,
            "envelope": [one.plain for one in spans],
            "last_export_w": round(most([(t_s, -w) for t_s, w in samples], last.to_s - 3.0, last.to_s)),
        },
    )


async def fuse(stage: Stage) -> Result:
    """A car on one phase comes beside one on three: no conductor carries more than its fuse, also when the house takes more."""
    began_s = stage.now_s
    await scene(stage, sun=0.0, cars=(MAPPED,), load=LOAD_W)
    plugged_s = stage.now_s
    # Unbound they would draw 16 A + 32 A on the first conductor, beside the house.
    await stage.site.car(SPOKEN, most_a=32.0, phases=1, stored_wh=20_000, capacity_wh=90_000)

    async def charging() -> bool:
        return await bays.drawn_a(stage, SPOKEN) >= 6.0

    charges = await stage.until("charging", charging, SETTLE_S)
    await wait_until(stage, stage.now_s + 3.0)
    stepped_s = stage.now_s
    await stage.site.load(LOAD_W + 6000.0)
    await wait_until(stage, stepped_s + 1.5)
    await stage.until("the fuse is kept", lambda: _within_fuse(stage), SETTLE_S)
    await wait_until(stage, stage.now_s + 4.0)
    end_s = stage.now_s
    found, samples = await rows(stage, began_s), await stage.samples()
    before = worst_a(found, plugged_s, stepped_s)
    settle = {phase: below(flown, _FUSE_OFF * FUSE_A, stepped_s, end_s) for phase, flown in bays.amps(found).items()}
    used = max(most(flown, end_s - 3.0, end_s) for flown in bays.amps(found).values())
    turns = swings(samples, found, plugged_s, end_s, stage.setting.rated_import_w)
    kept = max(before.values()) <= _FUSE_OFF * FUSE_A
    drawn = {one: bays.last(found, one, "drawn_a", end_s) for one in (MAPPED, SPOKEN)}
    meter = {phase: bays.read_back(stage, METER, f"Aph{phase.upper()}", end_s, 203) for phase in PHASES}
    ok = charges and kept and all(each is not None and each <= SETTLE_S for each in settle.values())
    ok = ok and used >= 0.6 * FUSE_A and max(turns.values()) <= bays.MOST_REVERSALS
    return Result(
        "fuse",
        "no conductor carries more than its fuse, with a car on one phase beside one on three",
        ok,
        {
            "fuse_a": FUSE_A,
            "worst_a": before,
            "settle_s": settle,
            "used_a": round(used, 1),
            "drawn_a": drawn,
            "meter_a": meter,
            "reversals": turns,
        },
    )


STEPS: Final = (
    Step("envelope", "import and export limits move: PV, battery and two chargers hold them", envelope),
    Step("fuse", "no conductor carries more than its fuse", fuse),
)


async def _within_fuse(stage: Stage) -> bool:
    """Whether no conductor carries more than its fuse now."""
    return all(abs(flown[-1][1]) <= FUSE_A for flown in bays.amps(await rows(stage)).values() if flown)
