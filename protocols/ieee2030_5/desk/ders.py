"""What a device puts of itself and gets back: DER resources, information, log events.

Source: IEEE 2030.5-2018, clauses 10.10.4 (DER), 9.4 (device information) and 9.9 (log events).
"""

from dataclasses import replace

from protocols.ieee2030_5.desk.controls import associated, current
from protocols.ieee2030_5.desk.exchange import Answer, Refusal, Visit, created, kept
from protocols.ieee2030_5.desk.paging import after, page_of
from protocols.ieee2030_5.desk.records import DeviceReport, LogEntry
from protocols.ieee2030_5.desk.shelf import Change, Drop, Put, next_number
from protocols.ieee2030_5.wire.datatypes import Link, ListLink
from protocols.ieee2030_5.wire.der import DER, DERAvailability, DERCapability, DERList, DERSettings, DERStatus
from protocols.ieee2030_5.wire.resources import DeviceInformation, LogEvent, LogEventList

LOG_ENTRIES_KEPT = 1000
"""Of each device; the oldest goes first."""


def show_ders(visit: Visit, device: int) -> Answer:
    """GET the DERList: one DER, which is the sum of what is behind the EndDevice."""
    der = _der(visit, device)
    page = page_of(visit.request.query)
    shown = page.cut((der,))
    return visit.show(
        DERList(
            href=f"/edev/{device}/der",
            all=1,
            results=len(shown),
            pollRate=visit.settings.der_poll_s or None,
            items=shown,
        )
    )


def show_der(visit: Visit, device: int) -> Answer:
    """GET the DER."""
    return visit.show(_der(visit, device))


def show_der_capability(visit: Visit, device: int) -> Answer:
    """GET what was put; 404 before."""
    report = _report(visit, device)
    if report.capability is None:
        raise _not_put("DERCapability", device)
    return visit.show(replace(report.capability, href=f"/edev/{device}/der/1/dercap"))


def put_der_capability(visit: Visit, device: int) -> Answer:
    """PUT the ratings; CSIP-AUS peers must say which operating-envelope modes they support."""
    report = _report(visit, device)
    sent = visit.read(DERCapability)
    if visit.dialect().csipaus is not None and sent.doeModesSupported is None:
        raise Refusal(400, "doeModesSupported is missing, which CSIP-AUS demands", 1)
    return kept(Put(replace(report, capability=replace(sent, href=None))))


def show_der_settings(visit: Visit, device: int) -> Answer:
    """GET what was put; 404 before."""
    report = _report(visit, device)
    if report.settings is None:
        raise _not_put("DERSettings", device)
    return visit.show(replace(report.settings, href=f"/edev/{device}/der/1/derg"))


def put_der_settings(visit: Visit, device: int) -> Answer:
    """PUT the settings in force."""
    report = _report(visit, device)
    return kept(Put(replace(report, settings=replace(visit.read(DERSettings), href=None))))


def show_der_status(visit: Visit, device: int) -> Answer:
    """GET what was put; 404 before."""
    report = _report(visit, device)
    if report.status is None:
        raise _not_put("DERStatus", device)
    return visit.show(replace(report.status, href=f"/edev/{device}/der/1/ders"))


def put_der_status(visit: Visit, device: int) -> Answer:
    """PUT how the DER is now."""
    report = _report(visit, device)
    return kept(Put(replace(report, status=replace(visit.read(DERStatus), href=None))))


def show_der_availability(visit: Visit, device: int) -> Answer:
    """GET what was put; 404 before."""
    report = _report(visit, device)
    if report.availability is None:
        raise _not_put("DERAvailability", device)
    return visit.show(replace(report.availability, href=f"/edev/{device}/der/1/dera"))


def put_der_availability(visit: Visit, device: int) -> Answer:
    """PUT what is in reserve."""
    report = _report(visit, device)
    return kept(Put(replace(report, availability=replace(visit.read(DERAvailability), href=None))))


def show_information(visit: Visit, device: int) -> Answer:
    """GET what was put; 404 before."""
    report = _report(visit, device)
    if report.information is None:
        raise _not_put("DeviceInformation", device)
    return visit.show(replace(report.information, href=f"/edev/{device}/di"))


def put_information(visit: Visit, device: int) -> Answer:
    """PUT maker, model and serial number; 403 under another device's LFDI."""
    report = _report(visit, device)
    sent = visit.read(DeviceInformation)
    if sent.lFDI != visit.device(device).lfdi:
        raise Refusal(403, f"lFDI {sent.lFDI} is not that of EndDevice {device}")
    return kept(Put(replace(report, information=replace(sent, href=None))))


def show_log(visit: Visit, device: int) -> Answer:
    """GET the LogEventList: newest first, then the largest logEventID."""
    page = page_of(visit.request.query)
    entries = sorted(
        visit.store.of(LogEntry, visit.device(device).number),
        key=lambda one: (one.event.createdDateTime, one.event.logEventID, one.number),
        reverse=True,
    )
    chosen = after(page, entries, lambda one: one.event.createdDateTime)
    shown = page.cut(chosen)
    return visit.show(
        LogEventList(
            href=f"/edev/{device}/lel",
            all=len(chosen),
            results=len(shown),
            items=tuple(_log_view(one) for one in shown),
        )
    )


def show_log_entry(visit: Visit, device: int, entry: int) -> Answer:
    """GET a LogEvent."""
    found = visit.store.get(LogEntry, entry)
    if found is None or found.device != visit.device(device).number:
        raise Refusal(404, f"no LogEvent {entry} of EndDevice {device}")
    return visit.show(_log_view(found))


def post_log_entry(visit: Visit, device: int) -> Answer:
    """POST a LogEvent: 201 + Location."""
    owner = visit.device(device).number
    event = replace(visit.read(LogEvent), href=None)
    number, serial = next_number(visit.store, LogEntry)
    changes: list[Change] = [serial, Put(LogEntry(number=number, device=owner, event=event))]
    held = visit.store.of(LogEntry, owner)
    if len(held) >= LOG_ENTRIES_KEPT:
        changes.append(Drop(LogEntry, next(iter(held)).key))
    return created(f"/edev/{device}/lel/{number}", *changes)


def _report(visit: Visit, device: int) -> DeviceReport:
    number = visit.device(device).number
    return visit.store.get(DeviceReport, number) or DeviceReport(device=number)


def _not_put(name: str, device: int) -> Refusal:
    return Refusal(404, f"EndDevice {device} has put no {name} yet")


def _der(visit: Visit, device: int) -> DER:
    href = f"/edev/{device}/der/1"
    programs = associated(visit.store, visit.device(device))
    running = current(visit, programs)
    return DER(
        href=href,
        AssociatedDERProgramListLink=ListLink(href=f"{href}/derp", all=len(programs)),
        CurrentDERProgramLink=None if running is None else Link(href=f"/derp/{running.number}"),
        DERAvailabilityLink=Link(href=f"{href}/dera"),
        DERCapabilityLink=Link(href=f"{href}/dercap"),
        DERSettingsLink=Link(href=f"{href}/derg"),
        DERStatusLink=Link(href=f"{href}/ders"),
    )


def _log_view(entry: LogEntry) -> LogEvent:
    return replace(entry.event, href=f"/edev/{entry.device}/lel/{entry.number}")
