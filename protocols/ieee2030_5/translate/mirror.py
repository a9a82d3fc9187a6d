"""Averages -> MirrorUsagePoints and their readings (IEEE 2030.5-2018 clause 10.12.5; CSIP and CSIP-AUS telemetry).

Every mRID ends in the PEN as eight decimal digits, after the roleFlags (CSIP-AUS); what comes before tells one from another.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from grid_functions.model.reading import Metered, MeterKey
from grid_functions.model.units import Phase, Quantity
from protocols.ieee2030_5.wire.datatypes import DateTimeInterval
from protocols.ieee2030_5.wire.metering import (
    MirrorMeterReading,
    MirrorMeterReadingList,
    MirrorReadingSet,
    MirrorUsagePoint,
    Reading,
    ReadingType,
)

_ROLES = {Metered.CONNECTION: 0x0003, Metered.DEVICES: 0x0049}
"""roleFlags: a mirror of the premises; a mirror of a DER behind a submeter."""

_NAMES = {Metered.CONNECTION: "site", Metered.DEVICES: "DER"}

_PHASES = {None: 0, Phase.A: 129, Phase.B: 65, Phase.C: 33}
"""0 = not applicable, else phase to neutral."""

_FORWARD = 1
"""Interpretation: site and DER alike are told in one direction, delivered to the customer positive, so that both add up as they stand."""

_ELECTRICITY, _INSTANTANEOUS, _AVERAGE, _POWER, _ENERGY, _ON = 1, 12, 2, 37, 12, 1
_VALID, _QUESTIONABLE = 0x0001, 0x0010

WHOLE = 0.9
"""The share of an interval that good values must cover for it to be valid; below, it is told as questionable."""


@dataclass(frozen=True, slots=True)
class _Kind:
    uom: int
    decimals: int = 0
    kind: int = _POWER
    qualifier: int = _AVERAGE


_KINDS = {
    Quantity.NET: _Kind(38),
    Quantity.REACTIVE: _Kind(63),
    Quantity.VOLTAGE: _Kind(29, decimals=1),
    Quantity.FREQUENCY: _Kind(33, decimals=2),
    Quantity.STORED_ENERGY: _Kind(72, kind=_ENERGY, qualifier=0),
}


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean and the share of its interval that was covered by good values, 0..1."""

    value: float
    coverage: float


@dataclass(frozen=True, slots=True)
class Period:
    """One interval in server time and what was measured in it."""

    start_s: int
    duration_s: int
    means: Mapping[MeterKey, Mean]


def is_mirrored(key: MeterKey) -> bool:
    """Totals of power, volts of each phase or of all, hertz, and watt-hours in store."""
    quantity, phase = key
    return quantity in _KINDS and (phase is None or quantity is Quantity.VOLTAGE)


def mrid_of(part: Metered, lfdi: str, pen: int) -> str:
    """Of a MirrorUsagePoint: the same after every restart, so that it is found again."""
    return _mrid(lfdi[:16], "0000", part, pen)


def usage_point(part: Metered, lfdi: str, pen: int, keys: Iterable[MeterKey], every_s: int) -> MirrorUsagePoint:
    """The mirror with the types of these quantities and no value yet."""
    return MirrorUsagePoint(
        mRID=mrid_of(part, lfdi, pen),
        description=_NAMES[part],
        roleFlags=_ROLES[part],
        serviceCategoryKind=0,
        status=_ON,
        deviceLFDI=lfdi.upper(),
        MirrorMeterReading=tuple(_meter(part, lfdi, pen, key, every_s) for key in sorted(keys, key=repr)),
    )


def readings_of(
    part: Metered, lfdi: str, pen: int, periods: tuple[Period, ...], every_s: int
) -> MirrorMeterReadingList:
    """One MirrorMeterReading per quantity, in each one MirrorReadingSet per period; types are told again: they may be unknown by now."""
    keys = sorted({key for period in periods for key in period.means}, key=repr)
    meters = tuple(
        _meter(
            part,
            lfdi,
            pen,
            key,
            every_s,
            tuple(_set(part, lfdi, pen, key, period) for period in periods if key in period.means),
        )
        for key in keys
    )
    return MirrorMeterReadingList(all=len(meters), results=len(meters), items=meters)


def _meter(
    part: Metered, lfdi: str, pen: int, key: MeterKey, every_s: int, sets: tuple[MirrorReadingSet, ...] = ()
) -> MirrorMeterReading:
    quantity, phase = key
    kind = _KINDS[quantity]
    return MirrorMeterReading(
        mRID=_mrid(lfdi[:16], _tag(key), part, pen),
        description=f"{_NAMES[part]} {quantity}"[:32],
        MirrorReadingSet=sets,
        ReadingType=ReadingType(
            accumulationBehaviour=_INSTANTANEOUS,
            commodity=_ELECTRICITY,
            dataQualifier=kind.qualifier,
            flowDirection=_FORWARD,
            intervalLength=every_s,
            kind=kind.kind,
            phase=_PHASES[phase],
            powerOfTenMultiplier=-kind.decimals,
            uom=kind.uom,
        ),
    )


def _set(part: Metered, lfdi: str, pen: int, key: MeterKey, period: Period) -> MirrorReadingSet:
    mean = period.means[key]
    interval = DateTimeInterval(period.duration_s, period.start_s)
    value = Reading(
        qualityFlags=_VALID if mean.coverage >= WHOLE else _QUESTIONABLE,
        timePeriod=interval,
        value=round(mean.value * 10 ** _KINDS[key[0]].decimals),
    )
    start = f"{period.start_s % 2**32:08X}"
    return MirrorReadingSet(mRID=_mrid(lfdi[:8] + start, _tag(key), part, pen), timePeriod=interval, Reading=(value,))


def _tag(key: MeterKey) -> str:
    quantity, phase = key
    return f"{_KINDS[quantity].uom:02X}{_PHASES[phase]:02X}"


def _mrid(front: str, tag: str, part: Metered, pen: int) -> str:
    return f"{front.upper():0<16}{tag}{_ROLES[part]:04X}{pen % 10**8:08d}"
