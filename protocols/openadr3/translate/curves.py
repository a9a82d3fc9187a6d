"""CURVE -> a curve of IEEE 2030.5's axes.

Interpretation: the standard gives a curve's points and leaves the axes to the deployment. Here the units of its descriptor name what y
is: KVAR a volt-var curve, KW a volt-watt curve. x is the voltage in per unit of nominal, y in per unit of the device's rating.
"""

from itertools import pairwise

from grid_functions.model.control import Control, Curve, CurveKind, CurvePoint
from grid_functions.model.units import PercentBase
from protocols.openadr3.translate.faults import Invalid, Unsupported
from protocols.openadr3.wire.objects import EventDescriptor, Point, Value

MOST_POINTS = 10
"""DERCurve of IEEE 2030.5 has ten at most."""

_KINDS = {
    "KVAR": (CurveKind.VOLT_VAR, PercentBase.MAX_REACTIVE),
    "KW": (CurveKind.VOLT_WATT, PercentBase.MAX_POWER),
}


def curve(value: Value | tuple[Value, ...], descriptor: EventDescriptor) -> Control:
    """A volt-var or volt-watt curve. Raises Invalid or Unsupported."""
    found = _KINDS.get(descriptor.units.strip().upper())
    if found is None:
        raise Unsupported("a curve needs KVAR (volt-var) or KW (volt-watt) as its descriptor's units")
    kind, base = found
    given = value if isinstance(value, tuple) else (value,)
    points = [one for one in given if isinstance(one, Point)]
    if len(points) != len(given) or not 2 <= len(points) <= MOST_POINTS:
        raise Invalid(f"2 to {MOST_POINTS} points are due")
    if any(later.x < sooner.x for sooner, later in pairwise(points)):
        raise Invalid("the points' x must rise")
    if not all(0.5 <= one.x <= 1.5 for one in points):
        raise Invalid("x is in per unit of nominal voltage, 0.5 to 1.5")
    least = -1.0 if kind is CurveKind.VOLT_VAR else 0.0
    if not all(least <= one.y <= 1.0 for one in points):
        raise Invalid(f"y is in per unit of the rating, {least:g} to 1")
    return Curve(kind, tuple(CurvePoint(one.x * 100.0, one.y * 100.0) for one in points), y_base=base)
