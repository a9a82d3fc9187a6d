"""Demand response of CSIP-AUS: the modes DRM 0 to 8 of AS/NZS 4755 as operationalModeStatus 100 to 108.

A mode is asked for by opModConnect false or by one value of opModFixedW, in hundredths of a percent; positive generates.
"""

from collections.abc import Iterable

from grid_functions.model.control import Connect, Control, FixedPower
from grid_functions.model.device import Seen, Trouble

DISCONNECTED = 100
"""DRM 0."""

_MODES = {
    -1: 101,  # do not consume: a code, not a power
    -5_000: 102,
    -7_500: 103,
    -10_000: 104,
    0: 105,  # do not generate
    5_000: 106,
    7_500: 107,
    10_000: 108,
}
"""opModFixedW -> operationalModeStatus."""

_NOT_OBEYED = frozenset({Trouble.NOT_HELD, Trouble.WRITE_REFUSED, Trouble.SILENT})


def asked_mode(controls: Iterable[Control]) -> int | None:
    """The mode these controls ask for; None = none of the nine. A disconnection stands before any power."""
    asked: int | None = None
    for control in controls:
        match control:
            case Connect(on=False):
                return DISCONNECTED
            case FixedPower(power_pct):
                asked = _MODES.get(round(-100 * power_pct))
    return asked


def held_mode(asked: int | None, ders: Iterable[Seen], running: bool) -> int | None:
    """The mode asked for once the DERs are read back in it: disconnected, or at work and not refusing; None before.

    ``running``: a DER is connected and operates.
    """
    if asked is None or asked == DISCONNECTED:
        return None if running else asked
    obeying = any(der.condition.connected is not False and not der.condition.troubles & _NOT_OBEYED for der in ders)
    return asked if obeying else None
