"""Mirrors as CSIP-AUS wants them: roles, types, mRIDs that end in the PEN, whole values."""

import pytest

from grid_functions.model.reading import Metered, MeterKey
from grid_functions.model.units import Phase, Quantity
from protocols.ieee2030_5.translate.mirror import Mean, Period, is_mirrored, mrid_of, readings_of, usage_point
from protocols.ieee2030_5.wire.namespaces import CSIP_AUS
from protocols.ieee2030_5.wire.reader import decode
from protocols.ieee2030_5.wire.writer import encode

LFDI = "3E4F45AB31EDFE5B67E343E5E4562E31984E23E5"
PEN = 64000
W: MeterKey = (Quantity.NET, None)


def test_an_mrid_is_lfdi_role_and_pen_in_decimal_digits() -> None:
    assert mrid_of(Metered.CONNECTION, LFDI.lower(), PEN) == "3E4F45AB31EDFE5B" + "0000" + "0003" + "00064000"
    assert mrid_of(Metered.DEVICES, LFDI, PEN) == "3E4F45AB31EDFE5B" + "0000" + "0049" + "00064000"


@pytest.mark.parametrize(("part", "role"), [(Metered.CONNECTION, 0x0003), (Metered.DEVICES, 0x0049)])
def test_the_role_of_site_and_der(part: Metered, role: int) -> None:
    point = usage_point(part, LFDI, PEN, [W], 300)
    assert (point.roleFlags, point.serviceCategoryKind, point.status, point.deviceLFDI) == (role, 0, 1, LFDI)


@pytest.mark.parametrize(
    ("key", "value", "uom", "kind", "qualifier", "multiplier", "phase", "told"),
    [
        (W, -3500.4, 38, 37, 2, 0, 0, -3500),
        ((Quantity.REACTIVE, None), 120.6, 63, 37, 2, 0, 0, 121),
        ((Quantity.VOLTAGE, None), 230.06, 29, 37, 2, -1, 0, 2301),
        ((Quantity.VOLTAGE, Phase.A), 230.0, 29, 37, 2, -1, 129, 2300),
        ((Quantity.VOLTAGE, Phase.B), 230.0, 29, 37, 2, -1, 65, 2300),
        ((Quantity.VOLTAGE, Phase.C), 230.0, 29, 37, 2, -1, 33, 2300),
        ((Quantity.FREQUENCY, None), 49.987, 33, 37, 2, -2, 0, 4999),
        ((Quantity.STORED_ENERGY, None), 6000.0, 72, 12, 0, 0, 0, 6000),
    ],
)
def test_a_quantity_with_its_type_and_sign(
    key: MeterKey, value: float, uom: int, kind: int, qualifier: int, multiplier: int, phase: int, told: int
) -> None:
    """BASIC-029, STO-01; import is positive and forward."""
    (meter,) = readings_of(Metered.CONNECTION, LFDI, PEN, (Period(120, 60, {key: Mean(value, 1.0)}),), 60).items
    kept = meter.ReadingType
    assert kept is not None
    assert (kept.uom, kept.kind, kept.dataQualifier, kept.powerOfTenMultiplier) == (uom, kind, qualifier, multiplier)
    assert (kept.phase, kept.flowDirection, kept.commodity, kept.accumulationBehaviour) == (phase, 1, 1, 12)
    (one_set,) = meter.MirrorReadingSet
    (reading,) = one_set.Reading
    assert reading.value == told
    assert (one_set.timePeriod.start, one_set.timePeriod.duration) == (120, 60)
    assert meter.mRID.endswith("00064000")


@pytest.mark.parametrize(("coverage", "flags"), [(1.0, 0x0001), (0.9, 0x0001), (0.89, 0x0010)])
def test_an_interval_with_holes_is_questionable(coverage: float, flags: int) -> None:
    (meter,) = readings_of(Metered.CONNECTION, LFDI, PEN, (Period(0, 60, {W: Mean(1.0, coverage)}),), 60).items
    assert meter.MirrorReadingSet[0].Reading[0].qualityFlags == flags


def test_what_is_not_mirrored() -> None:
    assert not is_mirrored((Quantity.NET, Phase.A))
    assert not is_mirrored((Quantity.CURRENT, None))
    assert is_mirrored((Quantity.VOLTAGE, Phase.A))


def test_every_mrid_of_a_mirror_is_its_own() -> None:
    keys: list[MeterKey] = [W, (Quantity.REACTIVE, None), *((Quantity.VOLTAGE, phase) for phase in (None, *Phase))]
    points = [usage_point(part, LFDI, PEN, keys, 60) for part in Metered]
    found = [point.mRID for point in points] + [one.mRID for point in points for one in point.MirrorMeterReading]
    assert len(found) == len(set(found)) == 2 * (1 + len(keys))
    assert all(len(one) == 32 for one in found)


def test_what_is_written_is_read_the_same() -> None:
    periods = tuple(Period(60 * n, 60, {W: Mean(n, 1.0)}) for n in range(3))
    for message in (
        usage_point(Metered.DEVICES, LFDI, PEN, [W], 60),
        readings_of(Metered.DEVICES, LFDI, PEN, periods, 60),
    ):
        assert decode(encode(message, dialect=CSIP_AUS)).message == message
