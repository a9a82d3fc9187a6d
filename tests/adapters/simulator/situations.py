"""A site to test with, and hands to write with: two inverters behind one meter, a clock that moves when told."""

from typing import Any

from adapters.simulator.plan import Plan, parse_plan
from adapters.simulator.registers import BASE, PointKey, Refusal
from adapters.simulator.site import Site, born, write

PLAN: dict[str, Any] = {
    "inverters": [
        {"name": "old", "kind": "legacy", "rated_w": 5000, "dc_w": 5500, "link": "a", "serial": "L-1"},
        {"name": "new", "kind": "der700", "rated_w": 8000, "dc_w": 9000, "link": "b", "serial": "D-1"},
    ],
    "meter": {"name": "meter", "link": "a", "unit": 240, "serial": "M-1"},
    "house": {"base_w": 1000},
}


class Hand:
    """A clock moved by hand."""

    def __init__(self, t_s: float = 0.0) -> None:
        self.t_s = t_s

    def __call__(self) -> float:
        return self.t_s


def plan(**changes: Any) -> Plan:
    """PLAN with top-level fields replaced."""
    return parse_plan({**PLAN, **changes})


def site(t_s: float = 0.0, **changes: Any) -> Site:
    """A fresh site."""
    return born(plan(**changes), t_s)


def put(before: Site, device: str, model: int, **points: int) -> Site:
    """Each point written on its own, in the order given; every write must be accepted."""
    for name, raw in points.items():
        outcome = attempt(before, device, (model, name), raw)
        assert not isinstance(outcome, Refusal), (name, outcome)
        before = outcome
    return before


def attempt(before: Site, device: str, key: PointKey, raw: int) -> Site | Refusal:
    """One point written on its own."""
    point = next(p for p in before.image(device).points if p.key == key)
    data = (raw % 2 ** (16 * point.size)).to_bytes(point.size * 2, "big")
    registers = [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]
    outcome = write(before, device, BASE + point.offset, registers)
    return outcome if isinstance(outcome, Refusal) else outcome[0]


def address(device: str, model: int, name: str) -> int:
    """Where a point of a fresh device stands."""
    return BASE + next(p.offset for p in site().image(device).points if p.key == (model, name))


def header(device: str, model: int) -> int:
    """Where a model of a fresh device begins."""
    return BASE + min(p.offset for p in site().image(device).points if p.key[0] == model) - 2


def raw(of: Site, device: str, model: int, name: str) -> int:
    """A register value as it would be read now."""
    value = of.values(device)[model, name]
    assert isinstance(value, int)
    return value
