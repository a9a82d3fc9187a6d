"""Modes in groups: which intersect, which switch, which add up, and which ask nothing of a device."""

from grid_functions.model.control import Mode

LIMIT_MODES = frozenset({Mode.EXPORT_LIMIT, Mode.IMPORT_LIMIT, Mode.GENERATION_LIMIT, Mode.LOAD_LIMIT, Mode.MAX_POWER})
"""Modes whose controls intersect between sources (rule 2)."""

CAPACITY_MODES = frozenset(
    {Mode.IMPORT_SUBSCRIPTION, Mode.IMPORT_RESERVATION, Mode.EXPORT_SUBSCRIPTION, Mode.EXPORT_RESERVATION}
)
"""Modes whose controls add up to one limit within an upstream, which intersects between sources (rule 2)."""

PRICE_MODES = frozenset(
    {
        *(Mode.IMPORT_PRICE, Mode.EXPORT_PRICE, Mode.ALTERNATE_PRICE, Mode.DEMAND_CHARGE, Mode.EMISSIONS),
        *(Mode.IMPORT_RESERVATION_FEE, Mode.EXPORT_RESERVATION_FEE),
        *(Mode.IMPORT_AVAILABLE_PRICE, Mode.EXPORT_AVAILABLE_PRICE),
    }
)
"""Modes that ask nothing of a device and tell what energy costs."""

ALERT_MODES = frozenset(mode for mode in Mode if mode.value.startswith("alert_"))
"""Modes that are words for people."""

SWITCH_MODES = frozenset({Mode.CONNECT, Mode.ENERGIZE})
"""Modes where any "off" in force wins (rule 5)."""

ENACTED_MODES = frozenset(
    {
        *(Mode.SHED_LEVEL, Mode.LOAD_DISPATCH, Mode.LOAD_CONTROL, Mode.LOAD_SHAPE),
        *(Mode.STORAGE_CHARGE, Mode.STORAGE_ENERGY, Mode.THERMOSTAT, Mode.IMPORT_AVAILABLE, Mode.EXPORT_AVAILABLE),
    }
    | CAPACITY_MODES
    | PRICE_MODES
    | ALERT_MODES
)
"""Modes that functions turn into others: what devices say they obey does not tell whether these can be served."""
