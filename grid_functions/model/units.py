"""Units and signs, stated here and nowhere else.

Values are SI as plain floats with the unit in the name: ``limit_w``, ``power_var``, ``current_a``, ``soc_pct``, ``duration_s``.

Signs are seen from the grid looking into the site or the device:

* active power is positive when consumed (imported, charging) and negative when produced (exported, generated, discharging);
* reactive power is positive when absorbed (inductive, under-excited) and negative when injected;
* a limit is a non-negative magnitude with its direction in its name (``export_limit_w``).

Generator-signed sources (IEEE 2030.5 fixed and target values, SunSpec 701 and storage targets) are turned exactly once, with
:func:`turned`, in a protocol's translate module or a device codec. Curves keep the axes of their standard and say so.
"""

from enum import StrEnum
from typing import Final

UNLIMITED_W: Final = float("inf")
"""A bound that binds nothing."""


class Phase(StrEnum):
    """One conductor of the connection; the sum over all phases is spelled ``None``."""

    A = "a"
    B = "b"
    C = "c"


class Quantity(StrEnum):
    """What is wanted of a scope or measured on it."""

    PRODUCED = "produced"  # W, non-negative; of a connection point: exported
    CONSUMED = "consumed"  # W, non-negative; of a connection point: imported
    NET = "net"  # W, positive = consumption
    REACTIVE = "reactive"  # var, positive = absorbed
    CURRENT = "current"  # A, rms, per phase
    VOLTAGE = "voltage"  # V, rms, phase to neutral
    FREQUENCY = "frequency"  # Hz
    CONNECT = "connect"  # on or off
    STORED_ENERGY = "stored_energy"  # Wh
    STATE_OF_CHARGE = "state_of_charge"  # percent of the usable capacity
    TEMPERATURE = "temperature"  # degrees Celsius, of a zone or a tank
    ENERGY_PRODUCED = "energy_produced"  # Wh, a counter that only rises
    ENERGY_CONSUMED = "energy_consumed"  # Wh, a counter that only rises
    SESSION_ENERGY = "session_energy"  # Wh, since the vehicle was plugged in
    PRICE = "price"  # currency per kWh


class PercentBase(StrEnum):
    """What 100 % means. IEEE 2030.5 names them setMaxW, setMaxChargeRateW, ... (DERUnitRefType)."""

    MAX_POWER = "max_power"
    MAX_CHARGE = "max_charge"
    MAX_DISCHARGE = "max_discharge"
    MAX_REACTIVE = "max_reactive"
    AVAILABLE_REACTIVE = "available_reactive"
    AVAILABLE_POWER = "available_power"
    EFFECTIVE_VOLTAGE = "effective_voltage"


def turned(value: float) -> float:
    """Turn a generator-signed value into this house's sign, or back; +0.0 stays +0.0."""
    return 0.0 - value
