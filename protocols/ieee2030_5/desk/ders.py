"""What a device puts of itself and gets back: DER resources, information, log events.

Source: IEEE 2030.5-2018, clauses 10.10.4 (DER), 9.4 (device information) and 9.9 (log events).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

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


@dataclass(frozen=True, slots=True)
class Told:
    """One thing a device puts of itself: its field of the report, its type, its path below the EndDevice, and what is demanded of it."""

    field: str
    kind: type[Any]
    path: str
    demand: Callable[[Visit, int, Any], None] = lambda visit, device, sent: None

    def show(self, visit: Visit, device: int) -> Answer:
        """GET what was put; 404 before."""
        held = getattr(_report(visit, device), self.field)
        if held is None:
            raise Refusal(404, f"EndDevice {device} has put no {self.kind.__name__} yet")
        return visit.show(replace(held, href=f"/edev/{device}/{self.path}"))

    def put(self, visit: Visit, device: int) -> Answer:
        """PUT it, in place of what was put before."""
        report = _report(visit, device)
        sent = visit.read(self.kind)
        self.demand(visit, device, sent)
        field: dict[str, Any] = {self.field: replace(sent, href=None)}
        return kept(Put(replace(report, **field)))


def _envelope_modes(visit: Visit, device: int, sent: DERCapability) -> None:
    if visit.dialect().csipaus is not None and sent.doeModesSupported is None:
        raise Refusal(400, "doeModesSupported is missing, which CSIP-AUS demands", 1)


def _own_lfdi(visit: Visit, device: int, sent: DeviceInformation) -> None:
    if sent.lFDI != visit.device(device).lfdi:
        raise Refusal(403, f"lFDI {sent.lFDI} is not that of EndDevice {device}")


CAPABILITY: Final = Told("capability", DERCapability, "der/1/dercap", _envelope_modes)
SETTINGS: Final = Told("settings", DERSettings, "der/1/derg")
STATUS: Final = Told("status", DERStatus, "der/1/ders")
AVAILABILITY: Final = Told("availability", DERAvailability, "der/1/dera")
INFORMATION: Final = Told("information", DeviceInformation, "di", _own_lfdi)


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
