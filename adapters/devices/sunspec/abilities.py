"""Which modes a SunSpec device obeys, by which model, and how well: one row per mode and series; pure.

The first row of a mode whose model is there and whose points are implemented serves it; the rows of the preferred series
come first. A mode without such a row is not possible, and the last of its rows says why.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from adapters.devices.sunspec.steps import Values
from grid_functions.model.control import Mode
from grid_functions.model.device import Ability, How

Series = Literal[700, 100]


@dataclass(frozen=True, slots=True)
class Row:
    """``mode`` is served by ``model`` where all of ``needs`` (``model.point``) are implemented, so well and by these means.

    A row without a model says that the series has no word for the mode.
    """

    mode: Mode
    series: Series
    model: int | None
    needs: tuple[str, ...] = ()
    how: How = How.NATIVE
    means: str = ""


_APPROXIMATED = How.APPROXIMATED
_LIMIT_704 = ("704.WMaxLimPct", "704.WMaxLimPctEna", "704.WMaxLimPct_SF")
_LIMIT_123 = ("123.WMaxLimPct", "123.WMaxLim_Ena", "123.WMaxLimPct_SF")
_SET_704 = ("704.WSetEna", "704.WSetMod", "704.WSet", "704.WSet_SF")
_SET_PCT_704 = ("704.WSetEna", "704.WSetMod", "704.WSetPct", "704.WSetPct_SF")
_VAR_704 = ("704.VarSetEna", "704.VarSetMod")
_OUT_124 = ("124.OutWRte", "124.StorCtl_Mod", "124.InOutWRte_SF")
_IN_124 = ("124.InWRte", "124.StorCtl_Mod", "124.InOutWRte_SF")
_PF_123 = ("123.OutPFSet", "123.OutPFSet_Ena", "123.OutPFSet_SF")
_CAP = "a cap only: it produces no more, but never more than it can, and consumes nothing"
_NO_SWITCH = "nothing to switch it with"
_TABLE_1547 = "the three curves of the set are written together"


def _limits(modes: Iterable[Mode]) -> tuple[Row, ...]:
    """Limits of production."""
    return tuple(
        row
        for mode in modes
        for row in (
            Row(mode, 700, 704, _LIMIT_704),
            Row(mode, 100, 123, _LIMIT_123),
            Row(mode, 100, 124, _OUT_124),
            Row(mode, 100, None, means="no power limit that can be read and written"),
        )
    )


def _charges(modes: Iterable[Mode]) -> tuple[Row, ...]:
    """Limits of consumption: of charging."""
    return tuple(
        row
        for mode in modes
        for row in (
            Row(mode, 700, 702, ("702.WChaRteMax", "702.W_SF")),
            Row(mode, 100, 124, _IN_124),
            Row(mode, 100, None, means="no charging power that could be limited"),
        )
    )


def _powers(modes: Iterable[Mode]) -> tuple[Row, ...]:
    """Active power to keep."""
    return tuple(
        row
        for mode in modes
        for row in (
            Row(mode, 700, 704, _SET_704),
            Row(mode, 700, 704, _SET_PCT_704),
            Row(mode, 100, 124, (*_IN_124, "124.OutWRte", "124.WChaMax")),
            Row(mode, 100, 123, _LIMIT_123, _APPROXIMATED, _CAP),
            Row(mode, 700, 704, _LIMIT_704, _APPROXIMATED, _CAP),
            Row(mode, 100, None, means="no power setpoint that can be read and written"),
        )
    )


def _curve(mode: Mode, new: int | None, old: int | None, means: str = "it has no such curve") -> tuple[Row, ...]:
    """A curve; ``means``: why a series without it has none."""
    rows = [Row(mode, 700, new, (f"{new}.Ena", f"{new}.NPt"))] if new is not None else []
    rows += [Row(mode, 100, old, (f"{old}.ModEna", f"{old}.NCrv", f"{old}.NPt"))] if old is not None else []
    return (*rows, Row(mode, 100, None, means=means))


def _trip(mode: Mode, new: int, old: int) -> tuple[Row, ...]:
    return (
        Row(mode, 700, new, (f"{new}.Ena", f"{new}.NPt"), means=_TABLE_1547),
        Row(mode, 100, old, (f"{old}.ModEna", f"{old}.NCrv", f"{old}.NPt")),
        Row(mode, 100, None, means="it has no such curve"),
    )


ROWS: Final[tuple[Row, ...]] = (
    Row(
        Mode.CONNECT, 700, 715, ("715.OpCtl", "703.ES"), _APPROXIMATED, "703.ES and 715.OpCtl stop it; no contact opens"
    ),
    Row(Mode.CONNECT, 700, 703, ("703.ES",), _APPROXIMATED, "703.ES ceases to energize; no contact opens"),
    Row(Mode.CONNECT, 100, 123, ("123.Conn",)),
    Row(Mode.CONNECT, 100, 802, ("802.SetOp",), means="802.SetOp opens the battery's contactor"),
    Row(Mode.CONNECT, 100, None, means=_NO_SWITCH),
    Row(Mode.ENERGIZE, 700, 703, ("703.ES",)),
    Row(Mode.ENERGIZE, 100, 123, ("123.Conn",), _APPROXIMATED, "123.Conn disconnects"),
    Row(Mode.ENERGIZE, 100, 802, ("802.SetOp",), _APPROXIMATED, "802.SetOp disconnects the battery"),
    Row(Mode.ENERGIZE, 100, None, means=_NO_SWITCH),
    *_limits((Mode.MAX_POWER, Mode.GENERATION_LIMIT, Mode.EXPORT_LIMIT)),
    *_charges((Mode.LOAD_LIMIT, Mode.IMPORT_LIMIT)),
    *_powers((Mode.FIXED_POWER, Mode.TARGET_POWER, Mode.STORAGE_POWER)),
    Row(Mode.POWER_FACTOR_INJECT, 700, 704, ("704.PFWInjEna", "704.PFWInj.PF", "704.PFWInj.Ext", "704.PF_SF")),
    Row(Mode.POWER_FACTOR_INJECT, 100, 123, _PF_123),
    Row(Mode.POWER_FACTOR_INJECT, 100, None, means="no power factor that can be set"),
    Row(Mode.POWER_FACTOR_ABSORB, 700, 704, ("704.PFWAbsEna", "704.PFWAbs.PF", "704.PFWAbs.Ext", "704.PF_SF")),
    Row(Mode.POWER_FACTOR_ABSORB, 100, None, means="123.OutPFSet knows the quadrants of production only"),
    Row(Mode.FIXED_REACTIVE, 700, 704, (*_VAR_704, "704.VarSetPct", "704.VarSetPct_SF")),
    Row(Mode.FIXED_REACTIVE, 100, 123, ("123.VArPct_Mod", "123.VArPct_Ena", "123.VArPct_SF")),
    Row(Mode.FIXED_REACTIVE, 100, None, means="no reactive power that can be set"),
    Row(Mode.TARGET_REACTIVE, 700, 704, (*_VAR_704, "704.VarSet", "704.VarSet_SF")),
    Row(Mode.TARGET_REACTIVE, 700, 704, (*_VAR_704, "704.VarSetPct", "704.VarSetPct_SF", "702.VarMaxInj")),
    Row(Mode.TARGET_REACTIVE, 100, 123, ("123.VArMaxPct", "123.VArPct_Mod", "123.VArPct_Ena", "123.VArPct_SF")),
    Row(Mode.TARGET_REACTIVE, 100, None, means="no reactive power that can be set"),
    *_curve(Mode.VOLT_VAR, 705, 126),
    *_curve(Mode.VOLT_WATT, 706, 132),
    *_curve(Mode.WATT_VAR, 712, None, "the older models have no watt-var curve"),
    *_curve(Mode.WATT_PF, None, 131, "the 700 series has no watt-PF curve"),
    Row(Mode.FREQUENCY_DROOP, 700, 711, ("711.Ena", "711.NCtl")),
    Row(Mode.FREQUENCY_DROOP, 100, 127, ("127.ModEna", "127.HzStr", "127.WGra"), _APPROXIMATED, "over-frequency only"),
    Row(Mode.FREQUENCY_DROOP, 100, None, means="no frequency droop that can be set"),
    Row(Mode.FREQUENCY_WATT, 100, 134, ("134.ModEna", "134.NCrv", "134.NPt")),
    Row(
        Mode.FREQUENCY_WATT,
        700,
        711,
        ("711.Ena", "711.NCtl"),
        _APPROXIMATED,
        "as one dead band and slope (711), if it is that",
    ),
    Row(Mode.FREQUENCY_WATT, 100, None, means="no frequency-watt curve"),
    *_trip(Mode.LVRT_MUST_TRIP, 707, 129),
    *_trip(Mode.LVRT_MAY_TRIP, 707, 137),
    *_trip(Mode.LVRT_MOMENTARY_CESSATION, 707, 139),
    *_trip(Mode.HVRT_MUST_TRIP, 708, 130),
    *_trip(Mode.HVRT_MAY_TRIP, 708, 138),
    *_trip(Mode.HVRT_MOMENTARY_CESSATION, 708, 140),
    *_trip(Mode.LFRT_MUST_TRIP, 709, 135),
    *_trip(Mode.LFRT_MAY_TRIP, 709, 141),
    *_trip(Mode.HFRT_MUST_TRIP, 710, 136),
    *_trip(Mode.HFRT_MAY_TRIP, 710, 142),
)

CONTROL_MODELS: Final = frozenset(row.model for row in ROWS if row.model is not None)


def served(values: Values, prefer: Series = 700) -> Mapping[Mode, Row]:
    """Each mode with the row that serves it, or with the row that says why none does. ``values``: as read at discovery."""
    there = (row for row in ROWS if row.model is None or row.model in values)
    return _chosen(tuple(row for row in there if all(_implemented(values, name) for name in row.needs)), prefer)


def abilities(chosen: Mapping[Mode, Row], *, base_known: bool) -> Mapping[Mode, Ability]:
    """What :func:`served` found, as the house says it. ``base_known``: whether 100 % of active power can be read."""
    return _said(tuple(chosen.values()), base_known)


# Both are made once for all devices that offer the same.
@lru_cache(maxsize=128)
def _chosen(there: tuple[Row, ...], prefer: Series) -> Mapping[Mode, Row]:
    found: dict[Mode, Row] = {}
    for row in sorted(there, key=lambda row: (row.model is None, row.series != prefer)):
        found.setdefault(row.mode, row)
    return {mode: found[mode] for mode in Mode if mode in found}


@lru_cache(maxsize=128)
def _said(rows: tuple[Row, ...], base_known: bool) -> Mapping[Mode, Ability]:
    found = {}
    for row in rows:
        if row.model is None:
            found[row.mode] = Ability(How.NOT_POSSIBLE, row.means)
        elif not base_known and any("WMaxLimPct" in name for name in row.needs):
            found[row.mode] = Ability(How.NOT_POSSIBLE, "what 100 % means cannot be read")
        else:
            found[row.mode] = Ability(row.how, "" if row.how is How.NATIVE else row.means)
    return found


def _implemented(values: Values, name: str) -> bool:
    model, _, point = name.partition(".")
    return values.get(int(model), {}).get(point) is not None
