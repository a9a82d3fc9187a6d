"""One story: an operator who acts at random, a gateway that is killed at random, and what must be true of it. A seed tells all of it."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from tests.crash.hours import hours, simulated
from tests.crash.power import KINDS, Power
from tests.crash.stage import DEFAULT_W, LOAD_W, Draws, Home, Permit, Plant, Posted, Utility, gateway, left_behind

KILLS = 4
"""In one story; so far apart that every return is judged before the next."""

ACTS_S = 60.0
SLACK_W = 100.0
"""What the closed loop may be off by."""

ADOPTS_S = 4.0
"""Two polls: how long what the operator did may be unknown."""

READOPTS_S = 10.0

FORGETS_S = 2.0
"""An acknowledgement may be in memory alone for a second, and for as long as a commit takes: a Response may then be repeated, once."""


@dataclass
class Control:
    """What the operator asked for. ``lost_s``: since when another control has its place. ``windows_s``: of a random start and duration;
    ``draws``: what of them each run of the gateway found drawn in its books. ``after``: the control of its program at whose end it starts:
    back to back, it begins when that one is over as drawn, whatever was drawn for its own start (IEEE 2030.5, randomisation of events).
    """

    mrid: str
    number: int
    program: int
    limit_w: float
    made_s: float
    start_s: float
    end_s: float
    cancelled_s: float | None = None
    lost_s: float | None = None
    windows_s: Draws = (0.0, 0.0)
    draws: list[Draws] = field(default_factory=list)
    after: "Control | None" = None

    @property
    def begins_s(self) -> float:
        """Its start as drawn."""
        if self.after is not None:
            return self.after.ends_s
        return self.start_s + (self.draws[0][0] if self.draws else 0.0)

    @property
    def ends_s(self) -> float:
        """Its end as drawn."""
        return self.begins_s + self.end_s - self.start_s + (self.draws[0][1] if self.draws else 0.0)

    @property
    def latest_s(self) -> float:
        """The latest end that may be drawn."""
        return self.end_s + sum(max(0.0, one) for one in self.windows_s)

    @property
    def over_s(self) -> float:
        """When it holds no more."""
        return min(one for one in (self.ends_s, self.cancelled_s, self.lost_s) if one is not None)

    def answers(self) -> tuple[tuple[int, ...], ...]:
        """The Responses that it may end with, repeated ones left out (facts of section 8)."""
        if self.cancelled_s is not None and self.cancelled_s <= self.over_s:
            return ((1, 2, 6), (1, 6))
        if self.lost_s is not None and self.lost_s <= self.over_s:
            return ((1, 2, 7), (1, 7), (1, 14))
        return ((1, 2, 3),)


@dataclass
class Kill:
    """``where``: at which operation; ``off_s``, ``on_s``: when it stopped, and ran again; ``opened``: somebody opened the inverters."""

    where: str
    off_s: float
    on_s: float
    opened: bool


@dataclass
class Told:
    """What a story came to."""

    seed: int
    controls: list[Control] = field(default_factory=list)
    kills: list[Kill] = field(default_factory=list)
    posted: list[Posted] = field(default_factory=list)
    permits: list[Permit] = field(default_factory=list)

    def asked_w(self, at_s: float) -> float:
        """The export limit that the operator wants then."""
        holding = [one for one in self.controls if one.made_s <= at_s and one.begins_s <= at_s < one.over_s]
        return min(holding, key=lambda one: (one.program, -one.made_s)).limit_w if holding else DEFAULT_W

    def most_w(self, since_s: float, until_s: float) -> float:
        """The most that the registers may permit in between."""
        return max(self._asked_w(since_s, until_s)) + LOAD_W + SLACK_W

    def least_w(self, since_s: float, until_s: float) -> float:
        """What they must permit, if what was asked in between was the least of it."""
        return min(self._asked_w(since_s, until_s)) + LOAD_W - SLACK_W

    def _asked_w(self, since_s: float, until_s: float) -> list[float]:
        moments = [one for each in self.controls for one in (each.made_s, each.begins_s, each.over_s)]
        return [self.asked_w(one) for one in (since_s, until_s, *moments) if since_s <= one <= until_s]

    def permitted_w(self, at_s: float) -> float:
        """What the registers permitted then."""
        return [one for one in self.permits if one.at_s <= at_s][-1].most_w


def tell(seed: int, home: Home, folder: Path, kills: int = KILLS) -> Told:
    """Play one story. ``folder``: empty, for its books."""
    return simulated(_tell(Random(seed), Told(seed), home, folder, kills))  # noqa: S311 - no secret


async def _tell(chance: Random, told: Told, home: Home, folder: Path, kills: int) -> Told:
    utility, plant = Utility(home.lfdi), Plant()
    begun_s = hours().utc_s()
    operator = asyncio.ensure_future(_operate(chance, told, utility, begun_s + ACTS_S))
    data = folder / "boot-0"
    data.mkdir(parents=True)
    for number in range(kills):
        power = Power(chance)
        async with gateway(home, data, utility, plant, power) as drawn:
            _note(told, drawn())
            # the first kill may strike the first start; the others come when the last return was judged
            await asyncio.sleep(chance.uniform(0.0, 12.0) if number == 0 else READOPTS_S + 1 + chance.uniform(0.0, 4.0))
            kind = chance.choice(list(KINDS))
            power.arm(kind, chance.randint(1, KINDS[kind]))
            try:
                async with asyncio.timeout(20.0):
                    await power.cut.wait()
            except TimeoutError:
                power.off("idle")
            off_s = hours().utc_s()
            data, before = folder / f"boot-{number + 1}", data
            left_behind(before, data, power)
        opened = chance.random() < 0.4
        if opened:
            plant.open()
        await asyncio.sleep(chance.uniform(0.1, 3.0))
        told.kills.append(Kill(power.where, off_s, hours().utc_s(), opened))
    async with gateway(home, data, utility, plant, Power(chance)) as drawn:
        _note(told, drawn())
        await operator
        last_s = max((one.latest_s for one in told.controls), default=0.0)
        await asyncio.sleep(max(0.0, last_s - hours().utc_s()) + READOPTS_S)
        _note(told, drawn())
    told.posted, told.permits = utility.posted, plant.record.permits
    return told


async def _operate(chance: Random, told: Told, utility: Utility, until_s: float) -> None:
    """Makes controls, one at a time; some are cancelled, some replaced while they run, in their program or from a better one."""
    await asyncio.sleep(chance.uniform(0.0, 6.0))
    while (now_s := hours().utc_s()) < until_s:
        what, ahead_s = chance.random(), chance.choice((0, 0, 3, 6))
        replaced = 0.25 <= what < 0.6
        one = _made(chance, told, utility, 0, ahead_s, (0.0, 0.0) if replaced else _windows(chance, ahead_s))
        await asyncio.sleep(max(0.0, one.start_s - now_s) + chance.uniform(4.0, 8.0))
        if replaced:
            other = _made(chance, told, utility, chance.choice((0, 1)), 0, (0.0, 0.0))
            one.lost_s = max(other.start_s, one.start_s)
            one = other
        elif what < 0.25:
            utility.operate("POST", f"/controls/{one.number}/cancel", {"randomized": False})
            one.cancelled_s = float(int(hours().utc_s()))
        over_s = one.latest_s if one.cancelled_s is None else one.cancelled_s
        await asyncio.sleep(max(0.0, over_s - hours().utc_s()) + chance.uniform(0.0, 5.0))


def _windows(chance: Random, ahead_s: int) -> Draws:
    """Of a random start, which may be an earlier one only where it is known before, and of a random duration."""
    return chance.choice((0.0, 5.0, -5.0 if ahead_s == 6 else 5.0)), chance.choice((0.0, 6.0, -6.0))


def _made(chance: Random, told: Told, utility: Utility, program: int, ahead_s: int, windows_s: Draws) -> Control:
    now_s, limit_w, duration_s = hours().utc_s(), chance.randrange(500, 3501, 500), chance.randint(16, 24)
    start_s = int(now_s) + ahead_s
    body: dict[str, Any] = {"modes": {"opModExpLimW": limit_w}, "start_s": start_s, "duration_s": duration_s}
    body |= {"randomize_start_s": int(windows_s[0]), "randomize_duration_s": int(windows_s[1])}
    made = utility.operate("POST", f"/programs/{utility.programs[program]}/controls", body)
    one = Control(
        made["mRID"], made["number"], -program, limit_w, now_s, start_s, start_s + duration_s, windows_s=windows_s
    )
    touching = (each for each in told.controls if (each.program, each.end_s) == (one.program, one.start_s))
    one.after = next((each for each in touching if each.cancelled_s is None and each.lost_s is None), None)
    told.controls.append(one)
    return one


def _note(told: Told, drawn: Mapping[str, Draws]) -> None:
    for one in told.controls:
        if one.mrid in drawn:
            one.draws.append(drawn[one.mrid])


def faults(told: Told) -> Iterator[str]:
    """Everything that must not be."""
    yield from _answers(told)
    yield from _repeats(told)
    yield from _drawn(told)
    yield from _loosened(told)
    yield from _returns(told)


def _answers(told: Told) -> Iterator[str]:
    """No event lost, no Response lost, none too many, and in order."""
    for control in told.controls:
        statuses = tuple(dict.fromkeys(one.status for one in told.posted if one.subject == control.mrid))
        if statuses not in control.answers():
            yield f"control {control.number}: Responses {statuses}, expected one of {control.answers()}"


def _repeats(told: Told) -> Iterator[str]:
    """A Response may come again, once a kill, after a kill that met its acknowledgement; then with the same bytes."""
    first: dict[tuple[str, int], Posted] = {}
    latest: dict[tuple[str, int], Posted] = {}
    for one in told.posted:
        key = one.subject, one.status
        if (before := latest.get(key)) is not None:
            if one.body != first[key].body:
                yield f"Response {one.status} of {one.subject} came again with other bytes"
            met = [kill for kill in told.kills if before.at_s <= kill.off_s <= before.at_s + FORGETS_S]
            if not any(kill.off_s <= one.at_s for kill in met):
                yield f"Response {one.status} of {one.subject} came again at {one.at_s:.1f}, no kill between it and its acknowledgement"
        first.setdefault(key, one)
        latest[key] = one


def _drawn(told: Told) -> Iterator[str]:
    """What was drawn lies in its window, is the same in every run, and is what start and end are told of: at once, or after a return."""
    for control in told.controls:
        if len(set(control.draws)) > 1:
            yield f"control {control.number}: drawn again, {control.draws}"
        for drawn_s, window_s in zip((control.draws or [(0.0, 0.0)])[0], control.windows_s, strict=True):
            if not min(0.0, window_s) <= drawn_s <= max(0.0, window_s):
                yield f"control {control.number}: drew {drawn_s} s of a window of {window_s} s"
        for status, due_s in ((2, control.begins_s), (3, control.ends_s)):
            due_s = max(due_s, control.made_s)
            met = [kill.on_s for kill in told.kills if kill.off_s <= due_s + ADOPTS_S and due_s <= kill.on_s]
            back_s = max(met, default=due_s)
            for one in told.posted:
                late_s = one.of_s - due_s
                if (one.subject, one.status) == (
                    control.mrid,
                    status,
                ) and not -1.0 <= late_s <= back_s - due_s + ADOPTS_S:
                    yield f"control {control.number}: Response {status} is of {late_s:.1f} s after what was drawn"


def _loosened(told: Told) -> Iterator[str]:
    """Whatever the gateway writes permits no more than before, or no more than what the operator wants, as far as it can be known."""
    for before, after in zip(told.permits, told.permits[1:], strict=False):
        if not after.ours or after.most_w <= before.most_w + 1e-6:
            continue
        known_s = after.at_s - ADOPTS_S
        for kill in told.kills:
            if kill.on_s <= after.at_s <= kill.on_s + ADOPTS_S:
                known_s = min(known_s, kill.off_s - ADOPTS_S)
        if after.most_w > (most_w := told.most_w(known_s, after.at_s)):
            yield f"loosened to {after.most_w:.0f} W at {after.at_s:.1f}, of at most {most_w:.0f} W"


def _returns(told: Told) -> Iterator[str]:
    """Ten seconds after a return what the operator wants holds: no more, and no less."""
    for kill in told.kills:
        at_s, when = kill.on_s + READOPTS_S, f"{READOPTS_S:.0f} s after the return at {kill.on_s:.1f}"
        permitted_w = told.permitted_w(at_s)
        if permitted_w > (most_w := told.most_w(at_s - ADOPTS_S, at_s)):
            yield f"{permitted_w:.0f} W permitted {when}, of at most {most_w:.0f} W"
        if permitted_w < (least_w := told.least_w(at_s - ADOPTS_S, at_s)):
            yield f"{permitted_w:.0f} W permitted {when}, where {least_w:.0f} W are due"
