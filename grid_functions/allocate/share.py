"""Shares limits over devices: everybody rises together, by capability, until a limit that covers him is full."""

import math
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

_CRUMB_W = 1e-6
_ALL_OF_IT: Mapping[str, float] = MappingProxyType({})
_NOBODY = frozenset[str]()


class Fence(NamedTuple):
    """At most ``room_w`` over these devices together; a negative room is none.

    ``counts``: how much of each watt of a device counts, where that is not all of it (one conductor of three).
    """

    names: frozenset[str]
    room_w: float
    counts: Mapping[str, float] = _ALL_OF_IT

    def used_w(self, given: Mapping[str, float]) -> float:
        """What of it these shares take."""
        if not given:
            return 0.0
        counts = self.counts
        return sum([given[name] * counts.get(name, 1.0) for name in sorted(given.keys() & self.names)])


class Part(NamedTuple):
    """One device that takes a share. ``least_w``: below this it can only be at 0; ``step_w``: the step of its limit.

    ``uses_w``: what it is seen to do although it was given more; unlimited while it does all it is given. ``place``: in the
    queue of those that share only if there is room for their least, the smaller first, None = it does not queue; ``need_w``: what it needs
    before others of its tier have more than theirs; ``tier``: the larger is served first.
    """

    most_w: float
    wish_w: float = math.inf
    least_w: float = 0.0
    step_w: float = 0.0
    uses_w: float = math.inf
    place: tuple[float, ...] | None = None
    need_w: float = 0.0
    tier: int = 0


class Shares(NamedTuple):
    """``limits``: the most that each device may do, W. ``aimed``: what each device of an aim is to do, W, at most its limit."""

    limits: Mapping[str, float]
    aimed: Mapping[str, float]


def share(parts: Mapping[str, Part], fences: Sequence[Fence]) -> Mapping[str, float]:
    """The most that each device may do, W, such that every fence holds; rounded to the device's step, towards tighter.

    First up to what each can use (``wish_w``), then what is left to whoever can take it. A device that would land between 0 and
    its least is left out and its share given to the others, the smallest first (rule 1).
    """
    return serve(parts, fences, ()).limits


def serve(
    parts: Mapping[str, Part], fences: Sequence[Fence], aims: Sequence[Fence], *, free_first: bool = False
) -> Shares:
    """As :func:`share`, with ``aims`` that their devices are to reach together: these are served first, or last with ``free_first``.

    What a device of an aim is seen to leave undone, those that do all they are told do in its place.
    """
    led = frozenset[str]().union(*[aim.names for aim in aims]) if aims else _NOBODY
    fences = _tight(parts, fences)
    if not led and not fences:
        return Shares({name: _whole_w(parts[name]) for name in sorted(parts)}, {})
    out: set[str] = set()
    while True:
        taking = {name: part for name, part in parts.items() if name not in out} if out else parts
        free = {name: part for name, part in taking.items() if name not in led} if led else taking
        ground = _Ground.of(taking, fences)
        given = dict.fromkeys(sorted(taking), 0.0)
        if free_first:
            left_out = _enter(given, free, fences)
            if left_out:
                out |= left_out
                continue
            _fill(given, free, ground)
        if led:
            steered = {name: part for name, part in taking.items() if name in led}
            _fill(given, steered, ground.behind(aims))
            pressing = {name: part for name, part in steered.items() if math.isinf(part.uses_w)}
            _fill(given, pressing, ground.behind(_longer(aims, taking, given)))
        left_out = _enter(given, free, fences)
        if left_out:
            out |= left_out
            continue
        aimed = {name: given.get(name, 0.0) for name in sorted(led & parts.keys())} if led else {}
        _fill(given, free, ground)
        if led:
            _fill(given, taking, ground)
        rounded = {name: floor_to(given[name], part.step_w) for name, part in taking.items()}
        short = [name for name, part in taking.items() if rounded[name] < min(part.least_w, part.most_w)]
        if not short:
            limits = {name: rounded.get(name, 0.0) for name in sorted(parts)}
            return Shares(limits, {name: min(value_w, limits[name]) for name, value_w in aimed.items()})
        out.add(min(short, key=lambda name: (rounded[name], name)))


def floor_to(value_w: float, step_w: float) -> float:
    """The largest multiple of ``step_w`` not above ``value_w`` (a crumb of rounding aside), W >= 0."""
    steps = math.inf if step_w <= 0 else (value_w + _CRUMB_W) / step_w
    # Without a step, and where there are more steps than numbers, a value is as it is.
    return max(0.0, value_w if math.isinf(steps) else math.floor(steps) * step_w)


def _tight(parts: Mapping[str, Part], fences: Iterable[Fence]) -> list[Fence]:
    """The fences that anybody can come to stand at: not those with room, and a crumb to spare, for all that everybody can do, and of those
    over the same devices that count alike (conductors, mostly) the one with the least room.
    """
    found: list[Fence] = []
    for fence in fences:
        names, room_w, counts = fence
        if counts:
            full_w = sum([part.most_w * counts.get(name, 1.0) for name, part in parts.items() if name in names])
        else:
            full_w = sum([part.most_w for name, part in parts.items() if name in names])
        if full_w <= room_w - _CRUMB_W:
            continue
        for at, (others, other_w, theirs) in enumerate(found):
            if counts == theirs and names == others:
                if room_w < other_w:
                    found[at] = fence
                break
        else:
            found.append(fence)
    return found


def _whole_w(part: Part) -> float:
    """All that a device can do, by its step; nothing where that is below its least."""
    most_w = part.most_w
    given_w = floor_to(most_w if most_w > _CRUMB_W else 0.0, part.step_w)
    return given_w if given_w >= min(part.least_w, most_w) else 0.0


def _enter(given: dict[str, float], parts: Mapping[str, Part], fences: Sequence[Fence]) -> set[str]:
    """Give those who queue their least, each as long as every fence has room for it; told are those for whom there is none."""
    queue = sorted([(part.place, name) for name, part in parts.items() if part.place is not None and part.most_w])
    left_out: set[str] = set()
    if not queue:
        return left_out
    rooms = [fence.room_w - fence.used_w(given) for fence in fences]
    for _, name in queue:
        more_w = min(parts[name].least_w, parts[name].most_w) - given[name]
        if more_w <= 0:
            continue
        takes = [more_w * fence.counts.get(name, 1.0) if name in fence.names else 0.0 for fence in fences]
        if all(not take or take <= room + _CRUMB_W for take, room in zip(takes, rooms, strict=True)):
            given[name] += more_w
            rooms = [room - take for take, room in zip(takes, rooms, strict=True)]
        else:
            left_out.add(name)
    return left_out


def _fill(given: dict[str, float], parts: Mapping[str, Part], ground: "_Ground") -> None:
    """Raise these devices, the larger tier first: to what each needs, then to what it can use, then all to what they could do."""
    tiers = {part.tier for part in parts.values()}
    for tier in sorted(tiers, reverse=True):
        peers = parts if len(tiers) == 1 else {name: part for name, part in parts.items() if part.tier == tier}
        needs = {name: min(part.most_w, part.wish_w, part.need_w) for name, part in peers.items() if part.need_w}
        if needs:
            _rise(given, needs, ground)
        _rise(given, {name: min(part.most_w, part.wish_w) for name, part in peers.items()}, ground)
    if any(part.wish_w < part.most_w for part in parts.values()):
        _rise(given, {name: part.most_w for name, part in parts.items()}, ground)


def _longer(aims: Sequence[Fence], parts: Mapping[str, Part], given: Mapping[str, float]) -> list[Fence]:
    """The aims, with what is given to devices that will not do it on top."""
    idle = {name: max(0.0, given[name] - part.uses_w) for name, part in parts.items()}
    return [Fence(aim.names, aim.room_w + sum(idle[name] for name in sorted(aim.names & idle.keys()))) for aim in aims]


class _Line(NamedTuple):
    """A fence as those see it who rise against it: name, how much of each of its watts counts, and its weight in that, by name."""

    room_w: float
    members: tuple[tuple[str, float, float], ...]


class _Ground(NamedTuple):
    """What everybody rises on: who takes a share, by what weight, in the order of names, which is the order of all sums; the fences."""

    weights: Mapping[str, float]
    lines: tuple[_Line, ...]

    @staticmethod
    def of(parts: Mapping[str, Part], fences: Iterable[Fence]) -> "_Ground":
        """By capability; a device that has not told its own weighs as much as the largest that has."""
        known = [part.most_w for part in parts.values() if 0 < part.most_w < math.inf]
        stranger = max(known, default=1.0)
        tops = [(name, parts[name].most_w) for name in sorted(parts)]
        weights = {name: most_w if 0 < most_w < math.inf else stranger for name, most_w in tops}
        return _Ground(weights, ()).behind(fences)

    def behind(self, fences: Iterable[Fence]) -> "_Ground":
        """The same with these fences too."""
        lines = [
            _Line(
                room_w,
                tuple(
                    [
                        (name, count, weight * count)
                        for name, weight in self.weights.items()
                        if name in names
                        for count in (counts.get(name, 1.0),)
                    ]
                ),
            )
            for names, room_w, counts in fences
        ]
        return _Ground(self.weights, (*self.lines, *lines))


def _rise(given: dict[str, float], tops: Mapping[str, float], ground: _Ground) -> None:
    """Raise whoever is below his top, all by their weights, until each has reached it or stands at a fence."""
    weights = ground.weights
    rising = {name for name, top_w in tops.items() if top_w - given[name] > _CRUMB_W}
    while rising:
        reach = min([(tops[name] - given[name]) / weights[name] for name in rising])
        ahead = []
        for line in ground.lines:
            shared = sum([weight for name, _, weight in line.members if name in rising])
            if shared:
                ahead.append(line)
                used_w = sum([given[name] * count for name, count, _ in line.members])
                reach = min(reach, max(0.0, line.room_w - used_w) / shared)
        if math.isinf(reach):
            given.update(dict.fromkeys(rising, math.inf))
            return
        for name in rising:
            given[name] += weights[name] * reach
        full = {name for name in rising if tops[name] - given[name] <= _CRUMB_W}
        if len(full) == len(rising):
            return
        for line in ahead:
            if line.room_w - sum([given[name] * count for name, count, _ in line.members]) <= _CRUMB_W:
                full.update([name for name, count, _ in line.members if count and name in rising])
        rising -= full
