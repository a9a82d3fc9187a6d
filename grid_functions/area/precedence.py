"""A limit of members together, served by priority; and their staged return when it ends."""

from collections.abc import Mapping
from itertools import groupby

from grid_functions.area import sharing

USUAL = 100
"""The priority of whoever is not named; the smaller is served first."""

Classes = tuple[tuple[str, ...], ...]


def classes_of(members: tuple[str, ...], priorities: Mapping[str, int]) -> Classes:
    """Members of one priority together, the best first."""
    ordered = sorted(members, key=lambda one: (priorities.get(one, USUAL), one))
    return tuple(tuple(ones) for _, ones in groupby(ordered, key=lambda one: priorities.get(one, USUAL)))


def parts(limit_w: float, classes: Classes, most_w: Mapping[str, float]) -> dict[str, float]:
    """What each may import, W: all it could take while there is room; where a class does not fit, by what each could take; then nothing."""
    left_w, told = max(0.0, limit_w), dict[str, float]()
    for members in classes:
        wants_w = {member: max(0.0, most_w[member]) for member in members}
        whole_w = sum(wants_w.values())
        fits = whole_w <= left_w
        told |= wants_w if fits else sharing.limit(left_w, 0.0, dict.fromkeys(members, 0.0), wants_w).parts
        left_w = left_w - whole_w if fits else 0.0
    return told


def returned(classes: Classes, since_s: float, each_s: float) -> frozenset[str]:
    """Who is free again ``since_s`` after the limit ended: the first class at once, one more after each ``each_s``."""
    count = len(classes) if each_s <= 0 else 1 + int(max(0.0, since_s) // each_s)
    return frozenset(member for members in classes[:count] for member in members)
