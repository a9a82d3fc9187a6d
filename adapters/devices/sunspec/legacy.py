"""Inverters of the older SunSpec models: measured (101-103, 111-113), rated (120, 121), status (122), controlled (123); pure.

Model 123 has no revert value: its timer ends the limit. It is therefore armed only where that is wanted.
"""

from collections.abc import Mapping
from typing import Final

from adapters.devices.sunspec.readings import Table, number, per_phase, watts
from adapters.devices.sunspec.registers import Pen, Values
from adapters.family import Conversation
from adapters.sunspec.points import Value
from grid_functions.model.device import Nameplate
from grid_functions.model.setpoint import Revert
from grid_functions.model.units import Quantity

AC: Final = (103, 102, 101, 113, 112, 111)
RATED: Final = 120
BASIC: Final = 121
STATUS: Final = 122
CONTROL: Final = 123

TABLE: Final[Table] = {
    (Quantity.NET, None): "W",
    (Quantity.REACTIVE, None): "VAr",
    (Quantity.CURRENT, None): "A",
    **per_phase(Quantity.CURRENT, ("AphA", "AphB", "AphC")),
    **per_phase(Quantity.VOLTAGE, ("PhVphA", "PhVphB", "PhVphC")),
    (Quantity.FREQUENCY, None): "Hz",
    (Quantity.ENERGY_PRODUCED, None): "WH",
}
"""Interpretation: the AC power of an inverter counts generation positive, and VAr follows W."""

LIMIT_POINTS: Final = (
    "WMaxLimPct",
    "WMaxLimPct_WinTms",
    "WMaxLimPct_RvrtTms",
    "WMaxLimPct_RmpTms",
    "WMaxLim_Ena",
)
SWITCH_POINTS: Final = ("Conn_WinTms", "Conn_RvrtTms", "Conn")
_STATE: Final = ("St", "Evt1")

POLLED: Final[Mapping[int, tuple[str, ...]]] = {
    **dict.fromkeys(AC, (*TABLE.values(), *_STATE)),
    RATED: ("WRtg",),
    BASIC: ("WMax",),
    STATUS: ("PVConn", "ECPConn"),
    CONTROL: (*SWITCH_POINTS, *LIMIT_POINTS),
}
RATED_POINTS: Final = ("WRtg", "VARtg", "VArRtgQ1", "VArRtgQ4")

MPPT: Final = 4
THROTTLED: Final = 5
OFF: Final = 1
FAULT: Final = 7
LONGEST_S: Final = 0xFFFE


def nameplate(values: Values) -> Nameplate:
    """What 120 and 121 say. Quadrant 1 injects vars (over-excited), quadrant 4 absorbs them (under-excited)."""
    rated = values.get(RATED, {})
    absorb_var = number(rated.get("VArRtgQ4"))
    return Nameplate(
        rated_w=number(rated.get("WRtg")),
        rated_va=number(rated.get("VARtg")),
        rated_inject_var=number(rated.get("VArRtgQ1")),
        rated_absorb_var=None if absorb_var is None else abs(absorb_var),
        max_w=base_w(values),
    )


def base_w(values: Values) -> float | None:
    """100 % of the limit: the setting WMax, else the rating."""
    return number(values.get(BASIC, {}).get("WMax")) or number(values.get(RATED, {}).get("WRtg"))


def limited(values: Mapping[str, Value | None], max_w: float | None) -> tuple[float | None, Revert | None]:
    """The limit in force, W, and its timer: at its end there is no limit."""
    percent = number(values.get("WMaxLimPct"))
    if values.get("WMaxLim_Ena") != 1 or percent is None or max_w is None:
        return None, None
    after_s = values.get("WMaxLimPct_RvrtTms")
    return watts(percent, max_w), Revert(float(after_s)) if after_s else None


def connected(status: Mapping[str, Value | None], control: Mapping[str, Value | None]) -> bool | None:
    """122 ECPConn, else 122 PVConn bit 0, else what 123 was told."""
    for told, bits in ((status.get("ECPConn"), 1), (status.get("PVConn"), 1), (control.get("Conn"), 1)):
        if isinstance(told, int):
            return bool(told & bits)
    return None


def energized(state: Value | None) -> bool | None:
    """False when off or in fault, True while it runs; asleep or starting tells nothing."""
    if state in (MPPT, THROTTLED):
        return True
    return False if state in (OFF, FAULT) else None


def write_limit(pen: Pen, percent: Value, revert_s: int, *, rearm: bool) -> Conversation[bool]:
    """Value, no random start, timer (0 = none), the device's own ramp, Ena: five neighbours, one request."""
    block: dict[str, Value] = {
        "WMaxLimPct": percent,
        "WMaxLimPct_WinTms": 0,
        "WMaxLimPct_RvrtTms": min(revert_s, LONGEST_S),
        "WMaxLimPct_RmpTms": 0,
        "WMaxLim_Ena": 1,
    }
    if not pen.differs(CONTROL, block) and not (revert_s and rearm):
        return True
    return (yield from pen.put(CONTROL, block))


def write_switch(pen: Pen, on: bool) -> Conversation[bool]:
    """Connect or disconnect: at once, until told otherwise."""
    block: dict[str, Value] = {"Conn_WinTms": 0, "Conn_RvrtTms": 0, "Conn": int(on)}
    return not pen.differs(CONTROL, block) or (yield from pen.put(CONTROL, block))


def release_points(pen: Pen, baseline: Mapping[str, Value]) -> Conversation[bool]:
    """A limit that was off is switched off before anything of it changes."""
    enable = {name: value for name, value in baseline.items() if name == "WMaxLim_Ena"}
    rest = {name: value for name, value in baseline.items() if name not in enable}
    steps = (enable, rest) if enable.get("WMaxLim_Ena") == 0 else (rest, enable)
    return (yield from pen.settle(CONTROL, steps))
