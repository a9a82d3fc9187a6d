"""The steps at the house: limits, their order, their end, silence and a crash, with two inverters. Each judges by what was measured."""

from typing import Final

from gateway.demo.measured import SETTLE_S, duplicates, first_within, held, most_w, story, tolerance_w
from gateway.demo.registers import limit_w
from gateway.demo.sabotage import Sabotage
from gateway.demo.setting import DEFAULT_W, FAIL_SAFE_W, LEGACY, MODERN, REVERT_S
from gateway.demo.stage import Stage
from gateway.demo.step import Result, Step, exports, limited, settled, wait_until


async def export_limit(stage: Stage) -> Result:
    """An export limit is held through steps of sun and load."""
    limit, began_s = 1500, stage.now_s
    control = await stage.operator.export_limit(stage.programs["feeder"], limit, 43)
    seen = await stage.told(control.mrid, {1, 2}, 8)
    steps = [stage.now_s]
    await limited(stage, limit, SETTLE_S)
    moves = (
        (stage.site.load, 3200.0, SETTLE_S + 1.2),
        (stage.site.sun, 0.25, 3.0),
        (stage.site.sun, 0.9, SETTLE_S + 1.2),
        (stage.site.load, 600.0, SETTLE_S + 1.2),
    )
    for move, value, watch_s in moves:
        await move(value)
        steps.append(stage.now_s)
        await wait_until(stage, steps[-1] + watch_s)
    end_s = min(stage.now_s, control.end_s)
    done = await stage.told(control.mrid, {3}, 8)
    verdict = held(await stage.samples(), limit, steps, end_s, stage.possible)
    told = story(await stage.responses(), control.mrid)
    return Result(
        "export-limit",
        "an export limit is held through steps of sun and load",
        verdict.ok and seen and done and told == (1, 2, 3),
        {
            "limit_w": limit,
            "worst_w": verdict.worst_outside_w,
            "worst_inside_w": verdict.worst_inside_w,
            "settle_s": list(verdict.settle_s),
            "used_pct": verdict.used_pct,
            "applied_after_s": _applied_after(stage, limit, began_s),
            "responses": list(told),
            "duplicates": duplicates(await stage.responses()),
        },
    )


async def supersede(stage: Stage) -> Result:
    """A better-ranked program's control replaces the running one; at its end the default holds."""
    loser = await stage.operator.export_limit(stage.programs["feeder"], 1500, 60)
    started = await stage.told(loser.mrid, {1, 2}, 8)
    winner = await stage.operator.export_limit(stage.programs["area"], 3000, 7)
    swapped = await stage.told(winner.mrid, {1, 2}, 8) and await stage.told(loser.mrid, {7}, 4)
    at_s = stage.now_s
    await wait_until(stage, winner.end_s)
    during = first_within(await stage.samples(), 3000, at_s, winner.end_s)
    completed = await stage.told(winner.mrid, {3}, 8)
    after_s = stage.now_s
    await wait_until(stage, after_s + 6.0)
    # The loser's window is still open, but its mode is lost for good: the default of 5000 W holds, not 1500 W again.
    samples = await stage.samples()
    default = first_within(samples, DEFAULT_W, after_s, stage.now_s)
    rose_w = most_w(samples, stage.now_s - 3.0, stage.now_s)
    responses = await stage.responses()
    lost, won = story(responses, loser.mrid), story(responses, winner.mrid)
    ok = started and swapped and completed and (lost, won) == ((1, 2, 7), (1, 2, 3))
    ok = ok and during is not None and default is not None and rose_w > 3000 + tolerance_w(3000)
    figures = {
        "loser": list(lost),
        "winner": list(won),
        "limit_w": 3000,
        "settle_s": during,
        "default_w": DEFAULT_W,
        "export_after_w": round(rose_w),
    }
    return Result("supersede", "a better-ranked control replaces the running one, then the default holds", ok, figures)


async def cancel(stage: Stage) -> Result:
    """A cancelled control ends at once and is answered with 6."""
    control = await stage.operator.export_limit(stage.programs["feeder"], 1000, 120)
    started = await stage.told(control.mrid, {1, 2}, 8)
    there = await limited(stage, 1000, SETTLE_S)
    await stage.operator.cancel(control)
    at_s = stage.now_s
    answered = await stage.told(control.mrid, {6}, 8)
    rose = await stage.until(
        "export above the cancelled limit", lambda: exports(stage, 1000 + 3 * tolerance_w(1000)), SETTLE_S
    )
    told = story(await stage.responses(), control.mrid)
    figures = {"limit_w": 1000, "responses": list(told), "released_after_s": round(stage.now_s - at_s, 1)}
    return Result(
        "cancel",
        "a cancelled control ends and is answered",
        started and there and answered and rose and told == (1, 2, 6),
        figures,
    )


async def utility_gone(stage: Stage) -> Result:
    """The utility goes silent: the schedule it left runs, then the default; when it is back everything resumes."""
    control = await stage.operator.export_limit(stage.programs["feeder"], 2000, 7, start_in_s=4)
    known = await stage.told(control.mrid, {1}, 4)
    await stage.operator.misbehave(does="status", status=503)
    gone_s = stage.now_s
    await wait_until(stage, control.end_s - 0.5)
    during = first_within(await stage.samples(), 2000, control.start_s, stage.now_s)
    await wait_until(stage, control.end_s + 6.0)
    samples = await stage.samples()
    default_w = most_w(samples, control.end_s + 3.0, stage.now_s)
    await stage.operator.behave()
    back_s = stage.now_s
    resumed = await stage.told(control.mrid, {1, 2, 3}, 20)
    told = story(await stage.responses(), control.mrid)
    fresh = await stage.operator.export_limit(stage.programs["feeder"], 2500, 5)
    again = await stage.told(fresh.mrid, {1, 2}, 8)
    held_default = 2000 + tolerance_w(2000) < default_w <= DEFAULT_W + tolerance_w(DEFAULT_W)
    ok = known and during is not None and held_default and resumed and told == (1, 2, 3) and again
    figures = {
        "limit_w": 2000,
        "settle_s": during,
        "default_export_w": round(default_w),
        "away_s": round(back_s - gone_s, 1),
        "responses": list(told),
        "resumed": again,
    }
    return Result("utility-gone", "the utility goes silent: schedule, then default, then back", ok, figures)


async def kill_restart(stage: Stage) -> Result:
    """kill -9 of the gateway: devices stay at or below what was written, revert to the fail-safe, and are re-adopted without a bump."""
    await stage.site.load(4000.0)
    control = await stage.operator.export_limit(stage.programs["feeder"], 1800, 90)
    started = await stage.told(control.mrid, {1, 2}, 8)
    await stage.until("settled at the limit", lambda: settled(stage, 1800), SETTLE_S)
    stage.gateway.kill()
    await stage.gateway.wait()
    killed_s = stage.now_s
    held_w = {address.device: limit_w(await stage.witness.read(), address) for address in stage.witness.addresses}
    await stage.site.load(600.0)
    await wait_until(stage, killed_s + REVERT_S + 5.0)
    reverted_s = _reverted_after(stage, killed_s)
    away = await stage.samples()
    legacy_w = held_w.get(LEGACY) or 0.0
    allowed_w = max(float(FAIL_SAFE_W), legacy_w)
    unattended_w = most_w(away, killed_s + REVERT_S + 1.0, stage.now_s)
    kept = all(_never_above(stage, name, held_w.get(name), killed_s) for name in (LEGACY, MODERN))
    if stage.sabotage is Sabotage.LEDGER_OFF:
        stage.break_ledger()
    await stage.start_gateway()
    restarted_s = stage.now_s
    back = await stage.until("re-adopted", lambda: _adopted(stage, restarted_s), 15)
    readopted_s = stage.now_s - restarted_s
    await wait_until(stage, restarted_s + readopted_s + 5.0)
    bump_w = most_w(await stage.samples(), restarted_s, stage.now_s) - max(1800.0, unattended_w)
    await stage.operator.cancel(control)
    ended = await stage.told(control.mrid, {6}, 10)
    responses = await stage.responses()
    told = story(responses, control.mrid)
    twice = duplicates(responses)
    ok = started and kept and unattended_w <= allowed_w + tolerance_w(allowed_w) and reverted_s is not None
    ok = ok and back and bump_w <= tolerance_w(1800) and ended and told == (1, 2, 6) and twice == 0
    figures = {
        "limit_w": 1800,
        "held_w": {name: None if w is None else round(w) for name, w in held_w.items()},
        "allowed_w": round(allowed_w),
        "unattended_w": round(unattended_w),
        "reverted_after_s": reverted_s,
        "readopted_after_s": round(readopted_s, 1),
        "bump_w": round(bump_w),
        "responses": list(told),
        "duplicates": twice,
    }
    return Result(
        "kill-restart", "kill -9: fail-safe while away, re-adopted without a bump, no Response lost", ok, figures
    )


STEPS: Final = (
    Step("export-limit", "an export limit is held through steps of sun and load", export_limit),
    Step("supersede", "a better-ranked control replaces the running one", supersede),
    Step("cancel", "a cancelled control ends and is answered", cancel),
    Step("utility-gone", "the utility goes silent: schedule, default, back", utility_gone),
    Step("kill-restart", "kill -9 of the gateway: fail-safe, then re-adopted", kill_restart),
)


async def _adopted(stage: Stage, since_s: float) -> bool:
    """Whether the restarted gateway shows the control in force and writes again."""
    status = await stage.status()
    if status is None:
        return False
    return any(each["basis"] == "event" for site in status["sites"] for each in site["in_force"])


def _applied_after(stage: Stage, limit: float, since_s: float) -> float | None:
    """Seconds until the registers together permit no more than the limit and the highest load could use."""
    for t_s in sorted({r.t_s for r in stage.registers if r.t_s >= since_s}):
        near = [r for r in stage.registers if since_s <= r.t_s <= t_s]
        limits = [limit_w(near, address) for address in stage.witness.addresses]
        if all(each is not None for each in limits) and sum(each or 0.0 for each in limits) <= limit + 1200.0:
            return round(t_s - since_s, 1)
    return None


def _reverted_after(stage: Stage, killed_s: float) -> float | None:
    """When the 700-series inverter's own timer ran out: its limit is then at most what it held and its timer rests."""
    for t_s in sorted({r.t_s for r in stage.registers if r.t_s > killed_s}):
        mine = {r.point: r.value for r in stage.registers if r.t_s == t_s and r.device == MODERN}
        if mine.get("WMaxLimPctRvrtRem") == 0.0 and mine.get("WMaxLimPctEna") == 1.0:
            return round(t_s - killed_s, 1)
    return None


def _never_above(stage: Stage, device: str, held: float | None, since_s: float) -> bool:
    """By its registers the inverter never permitted more than was last written to it."""
    address = next(a for a in stage.witness.addresses if a.device == device)
    for t_s in sorted({r.t_s for r in stage.registers if r.t_s > since_s and r.device == device}):
        now_w = limit_w([r for r in stage.registers if r.t_s == t_s], address)
        if held is None or now_w is None or now_w > held + 0.01 * address.rated_w:
            return False
    return True
