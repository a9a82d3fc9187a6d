"""The tree down to the EndDevice: capability, time, registration, assignments. IEEE 2030.5-2018, clauses 8 and 10.3."""

from dataclasses import replace

from protocols.ieee2030_5.desk.exchange import Answer, Refusal, Visit, created, is_member, kept
from protocols.ieee2030_5.desk.paging import page_of
from protocols.ieee2030_5.desk.records import Device, Group, LogEntry, Mirror, Program
from protocols.ieee2030_5.desk.shelf import Put, next_number
from protocols.ieee2030_5.wire.datatypes import Link, ListLink
from protocols.ieee2030_5.wire.resources import (
    ConnectionPoint,
    DeviceCapability,
    EndDevice,
    EndDeviceList,
    FunctionSetAssignments,
    FunctionSetAssignmentsList,
    Registration,
    Time,
)


def show_capability(visit: Visit) -> Answer:
    """GET DeviceCapability, the entry."""
    devices = visit.devices()
    return visit.show(
        DeviceCapability(
            href="/dcap",
            pollRate=visit.settings.dcap_poll_s or None,
            ResponseSetListLink=ListLink(href="/rsps", all=1) if devices else None,
            TimeLink=Link(href="/tm"),
            EndDeviceListLink=ListLink(href="/edev", all=len(devices)),
            MirrorUsagePointListLink=ListLink(
                href="/mup", all=sum(len(visit.store.of(Mirror, one.number)) for one in devices)
            ),
        )
    )


def show_time(visit: Visit) -> Answer:
    """GET Time: UTC, without zone or daylight saving, for control times are UTC anyway."""
    return visit.show(
        Time(
            href="/tm",
            pollRate=visit.settings.time_poll_s or None,
            currentTime=visit.now_s,
            dstEndTime=0,
            dstOffset=0,
            dstStartTime=0,
            quality=visit.settings.time_quality,
            tzOffset=0,
        )
    )


def show_devices(visit: Visit) -> Answer:
    """GET the EndDeviceList: only those this certificate speaks for."""
    page = page_of(visit.request.query)
    devices = visit.devices()
    shown = page.cut(devices)
    return visit.show(
        EndDeviceList(
            href="/edev",
            all=len(devices),
            results=len(shown),
            pollRate=visit.settings.edev_poll_s or None,
            items=tuple(_device_view(one, visit) for one in shown),
        )
    )


def show_device(visit: Visit, device: int) -> Answer:
    """GET an EndDevice."""
    return visit.show(_device_view(visit.device(device), visit))


def register(visit: Visit) -> Answer:
    """POST an EndDevice to the list: in-band registration of the peer itself (2018 edition, clause 8.5).

    201 + Location; 409 + Location if it is known already; 403 if it names another than the certificate.
    Interpretation: from a lenient server an EndDevice without lFDI is taken when its sFDI is the certificate's, as
    field clients send it.
    """
    if not visit.settings.in_band:
        raise Refusal(403, "in-band registration is switched off")
    sent = visit.read(EndDevice)
    known = visit.own()
    if known is not None and sent.lFDI in (None, known.lfdi):
        refusal = Refusal(409, f"EndDevice {known.number} is registered already").reply()
        return Answer(replace(refusal, location=f"/edev/{known.number}"))
    if sent.lFDI not in (None, visit.who) or sent.sFDI != visit.sfdi:
        raise Refusal(403, "lFDI or sFDI is not the certificate's")
    if sent.lFDI is None and not visit.lenient():
        raise Refusal(400, "lFDI is missing", 1)
    number, serial = next_number(visit.store, Device)
    device = Device(
        number=number,
        lfdi=visit.who,
        sfdi=visit.sfdi,
        registered_s=visit.now_s,
        changed_s=visit.now_s,
        pin=visit.settings.in_band_pin,
        category=sent.deviceCategory,
        in_band=True,
    )
    return created(f"/edev/{number}", serial, Put(device))


def show_registration(visit: Visit, device: int) -> Answer:
    """GET the Registration with the PIN; 404 if the device has none."""
    found = visit.device(device)
    if found.pin is None:
        raise Refusal(404, f"EndDevice {device} has no PIN")
    return visit.show(
        Registration(
            href=f"/edev/{device}/rg",
            pollRate=visit.settings.edev_poll_s or None,
            dateTimeRegistered=found.registered_s,
            pIN=found.pin,
        )
    )


def show_connection_point(visit: Visit, device: int) -> Answer:
    """GET the ConnectionPoint (CSIP-AUS); 404 until one was put, and for peers that do not speak CSIP-AUS."""
    found = visit.device(device)
    if found.nmi is None or visit.dialect().csipaus is None:
        raise Refusal(404, f"EndDevice {device} has no ConnectionPoint")
    return visit.show(ConnectionPoint(href=f"/edev/{device}/cp", connectionPointId=found.nmi))


def put_connection_point(visit: Visit, device: int) -> Answer:
    """PUT the ConnectionPoint: 201 the first time, 204 for the same again, 409 for another.

    Interpretation: what a site is connected to does not move; the operator changes it, not the device.
    """
    found = visit.device(device)
    sent = visit.read(ConnectionPoint).connectionPointId.strip()
    if not sent:
        raise Refusal(400, "connectionPointId is empty", 1)
    if found.nmi is None:
        return created(f"/edev/{device}/cp", Put(replace(found, nmi=sent, changed_s=visit.now_s)))
    if found.nmi != sent:
        raise Refusal(409, f"EndDevice {device} is connected at {found.nmi!r}, not {sent!r}")
    return kept()


def show_groups(visit: Visit, device: int) -> Answer:
    """GET the FunctionSetAssignmentsList: mRID from the largest."""
    groups = sorted(_groups(visit, visit.device(device)), key=lambda one: one.mRID, reverse=True)
    page = page_of(visit.request.query)
    shown = page.cut(groups)
    return visit.show(
        FunctionSetAssignmentsList(
            href=f"/edev/{device}/fsa",
            all=len(groups),
            results=len(shown),
            pollRate=visit.settings.fsa_poll_s or None,
            items=tuple(_group_view(device, one, visit) for one in shown),
        )
    )


def show_group(visit: Visit, device: int, group: int) -> Answer:
    """GET a FunctionSetAssignments."""
    return visit.show(_group_view(device, visit.group(visit.device(device), group), visit))


def _groups(visit: Visit, device: Device) -> list[Group]:
    return [one for one in visit.store.of(Group) if is_member(device, one)]


def _device_view(device: Device, visit: Visit) -> EndDevice:
    href = f"/edev/{device.number}"
    return EndDevice(
        href=href,
        DERListLink=ListLink(href=f"{href}/der", all=1),
        deviceCategory=device.category,
        DeviceInformationLink=Link(href=f"{href}/di"),
        lFDI=device.lfdi,
        LogEventListLink=ListLink(href=f"{href}/lel", all=len(visit.store.of(LogEntry, device.number))),
        sFDI=device.sfdi,
        changedTime=device.changed_s,
        enabled=device.enabled,
        FunctionSetAssignmentsListLink=ListLink(href=f"{href}/fsa", all=len(_groups(visit, device))),
        postRate=visit.settings.post_rate_s or None,
        RegistrationLink=None if device.pin is None else Link(href=f"{href}/rg"),
        ConnectionPointLink=Link(href=f"{href}/cp"),
    )


def _group_view(device: int, group: Group, visit: Visit) -> FunctionSetAssignments:
    href = f"/edev/{device}/fsa/{group.number}"
    return FunctionSetAssignments(
        href=href,
        DERProgramListLink=ListLink(href=f"{href}/derp", all=len(visit.store.of(Program, group.number))),
        ResponseSetListLink=ListLink(href="/rsps", all=1),
        TimeLink=Link(href="/tm"),
        mRID=group.mRID,
        description=group.description or None,
    )
