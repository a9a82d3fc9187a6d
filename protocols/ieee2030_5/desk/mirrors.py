"""The metering mirror: usage points that devices make here, and the readings they post. 2018 edition, clause 10.12.5."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from protocols.ieee2030_5.desk.exchange import Answer, Refusal, Visit, created, kept
from protocols.ieee2030_5.desk.paging import page_of
from protocols.ieee2030_5.desk.records import Mirror, MirrorValue
from protocols.ieee2030_5.desk.shelf import Change, Drop, Put, View, next_number
from protocols.ieee2030_5.wire.metering import (
    MirrorMeterReading,
    MirrorMeterReadingList,
    MirrorUsagePoint,
    MirrorUsagePointList,
    Reading,
)

MIRRORS_PER_DEVICE = 100
QUANTITIES_PER_MIRROR = 200
VALUES_KEPT = 5_000
"""Of each mirror; the oldest go first."""


def show_mirrors(visit: Visit) -> Answer:
    """GET the MirrorUsagePointList: this peer's own."""
    page = page_of(visit.request.query)
    mirrors = [mirror for device in visit.devices() for mirror in visit.store.of(Mirror, device.number)]
    shown = page.cut(mirrors)
    return visit.show(
        MirrorUsagePointList(
            href="/mup",
            all=len(mirrors),
            results=len(shown),
            pollRate=visit.settings.mup_poll_s or None,
            items=tuple(_view(one, visit) for one in shown),
        )
    )


def show_mirror(visit: Visit, mirror: int) -> Answer:
    """GET a MirrorUsagePoint."""
    return visit.show(_view(_own(visit, mirror), visit))


def post_mirror(visit: Visit) -> Answer:
    """POST a MirrorUsagePoint: 201 + Location, or 204 + Location when its mRID is known: then it is renewed.

    400 without any quantity, 403 under another's deviceLFDI.
    """
    sent = visit.read(MirrorUsagePoint)
    device = next((one for one in visit.devices() if one.lfdi == sent.deviceLFDI), None)
    if device is None:
        raise Refusal(403, f"deviceLFDI {sent.deviceLFDI} is not this peer's")
    if not sent.MirrorMeterReading:
        raise Refusal(400, "no MirrorMeterReading", 1)
    held = visit.store.of(Mirror, device.number)
    known = next((one for one in held if one.point.mRID == sent.mRID), None)
    if known is not None:
        return kept(*_renewed(visit, known, sent), location=f"/mup/{known.number}")
    if len(held) >= MIRRORS_PER_DEVICE:
        raise Refusal(400, f"EndDevice {device.number} has {len(held)} mirrors", 2)
    number, serial = next_number(visit.store, Mirror)
    empty = Mirror(number=number, device=device.number, point=_bare(replace(sent, MirrorMeterReading=())))
    return created(f"/mup/{number}", serial, *_renewed(visit, empty, sent))


def put_mirror(visit: Visit, mirror: int) -> Answer:
    """PUT a MirrorUsagePoint anew: 204; 403 under another's deviceLFDI or mRID."""
    found = _own(visit, mirror)
    sent = visit.read(MirrorUsagePoint)
    if (sent.deviceLFDI, sent.mRID) != (found.point.deviceLFDI, found.point.mRID):
        raise Refusal(403, f"deviceLFDI or mRID is not that of mirror {mirror}")
    return kept(*_renewed(visit, found, sent))


def delete_mirror(visit: Visit, mirror: int) -> Answer:
    """DELETE a MirrorUsagePoint with its readings: 204."""
    return kept(*drop_mirror(visit.store, _own(visit, mirror)))


def drop_mirror(store: View, mirror: Mirror) -> list[Change]:
    """What makes a mirror go, readings included."""
    values = store.of(MirrorValue, mirror.number)
    return [*(Drop(MirrorValue, one.key) for one in values), Drop(Mirror, mirror.key)]


def post_readings(visit: Visit, mirror: int) -> Answer:
    """POST one or several MirrorMeterReadings: 201 + Location; 400 for a quantity whose type was never told."""
    found = _own(visit, mirror)
    sent = visit.read_either(MirrorMeterReading, MirrorMeterReadingList)
    readings = sent.items if isinstance(sent, MirrorMeterReadingList) else (sent,)
    return created(f"/mup/{mirror}", *_taken(visit, found, readings))


def _own(visit: Visit, mirror: int) -> Mirror:
    found = visit.store.get(Mirror, mirror)
    if found is None:
        raise Refusal(404, f"no mirror {mirror}")
    visit.device(found.device)
    return found


def _view(mirror: Mirror, visit: Visit) -> MirrorUsagePoint:
    return replace(mirror.point, href=f"/mup/{mirror.number}", postRate=visit.settings.post_rate_s or None)


def _bare(point: MirrorUsagePoint) -> MirrorUsagePoint:
    return replace(point, href=None, postRate=None)


def _renewed(visit: Visit, mirror: Mirror, sent: MirrorUsagePoint) -> list[Change]:
    """The mirror with the head just sent, its quantities kept, and what readings came along."""
    point = replace(_bare(sent), MirrorMeterReading=mirror.point.MirrorMeterReading)
    return _taken(visit, replace(mirror, point=point), sent.MirrorMeterReading)


def _taken(visit: Visit, mirror: Mirror, readings: Iterable[MirrorMeterReading]) -> list[Change]:
    """The mirror with every quantity it now has, and the values, of which only the newest VALUES_KEPT stay."""
    readings = tuple(readings)
    quantities = {one.mRID: one for one in mirror.point.MirrorMeterReading}
    for reading in readings:
        known = quantities.get(reading.mRID)
        kind = reading.ReadingType or (known.ReadingType if known else None)
        if kind is None:
            raise Refusal(400, f"quantity {reading.mRID} comes without its ReadingType", 1)
        quantities[reading.mRID] = MirrorMeterReading(
            mRID=reading.mRID,
            description=reading.description or (known.description if known else None),
            version=reading.version,
            ReadingType=replace(kind, href=None),
        )
    if len(quantities) > QUANTITIES_PER_MIRROR:
        raise Refusal(400, f"{len(quantities)} quantities, more than {QUANTITIES_PER_MIRROR}", 2)
    point = replace(mirror.point, MirrorMeterReading=tuple(quantities.values()))
    values = [pair for reading in readings for pair in _values(reading)][-VALUES_KEPT:]
    changes: list[Change] = [Put(replace(mirror, point=point))]
    if not values:
        return changes
    number, serial = next_number(visit.store, MirrorValue, len(values))
    held = list(visit.store.of(MirrorValue, mirror.number))
    surplus = max(0, len(held) + len(values) - VALUES_KEPT)
    changes.append(serial)
    changes += [Drop(MirrorValue, one.key) for one in held[:surplus]]
    changes += [
        Put(_value(visit, mirror.number, number + offset, reading, value))
        for offset, (reading, value) in enumerate(values)
    ]
    return changes


def _values(reading: MirrorMeterReading) -> Iterator[tuple[MirrorMeterReading, Reading]]:
    if reading.Reading is not None and reading.Reading.value is not None:
        yield reading, reading.Reading
    for one_set in reading.MirrorReadingSet:
        for one in one_set.Reading:
            if one.value is not None:
                # A reading without a period of its own has that of its set.
                yield reading, one if one.timePeriod else replace(one, timePeriod=one_set.timePeriod)


def _value(visit: Visit, mirror: int, number: int, reading: MirrorMeterReading, value: Reading) -> MirrorValue:
    period = value.timePeriod
    told = reading.lastUpdateTime if reading.lastUpdateTime is not None else visit.now_s
    return MirrorValue(
        number=number,
        mirror=mirror,
        meter_reading=reading.mRID,
        value=value.value or 0,
        start_s=period.start if period else told,
        duration_s=period.duration if period else 0,
        quality=value.qualityFlags,
    )
