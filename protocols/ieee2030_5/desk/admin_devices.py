"""The operator's devices and their assignments (FSAs)."""

from dataclasses import replace

from protocols.ieee2030_5.desk.exchange import Refusal
from protocols.ieee2030_5.desk.mirrors import drop_mirror
from protocols.ieee2030_5.desk.operation import Operation, Outcome, done
from protocols.ieee2030_5.desk.plain import to_plain
from protocols.ieee2030_5.desk.records import (
    DIALECTS,
    Device,
    DeviceReport,
    Group,
    LogEntry,
    Mirror,
    Program,
    Receipt,
)
from protocols.ieee2030_5.desk.shelf import Change, Drop, Put, next_number

_DEVICE_FIELDS = ("name", "pin", "category", "nmi", "managed_by", "dialect", "lenient", "enabled")
_GROUP_FIELDS = ("description", "devices", "mRID")
_LFDI_DIGITS = 40


def list_devices(operation: Operation) -> Outcome:
    """GET: every EndDevice; ?lfdi= picks one."""
    lfdi = operation.query.get("lfdi")
    devices = [one for one in operation.store.all(Device) if lfdi is None or one.lfdi == lfdi.upper()]
    return done([to_plain(one) for one in devices])


def add_device(operation: Operation) -> Outcome:
    """POST {lfdi, pin, ...}: an out-of-band EndDevice; 409 if its LFDI is known."""
    lfdi = operation.body.get("lfdi")
    if not isinstance(lfdi, str) or len(lfdi) != _LFDI_DIGITS or not set(lfdi) <= set("0123456789abcdefABCDEF"):
        raise Refusal(400, f"lfdi: {_LFDI_DIGITS} hexadecimal digits without separators are due, not {lfdi!r}")
    if any(one.lfdi == lfdi.upper() for one in operation.store.all(Device)):
        raise Refusal(409, f"lfdi: {lfdi} is an EndDevice already")
    number, serial = next_number(operation.store, Device)
    device = operation.made(
        Device,
        ("lfdi", *_DEVICE_FIELDS),
        number=number,
        sfdi=operation.sfdi_of(lfdi),
        registered_s=operation.now_s,
        changed_s=operation.now_s,
    )
    _check(device)
    return done(to_plain(device), serial, Put(device), status=201)


def show_device(operation: Operation, number: int) -> Outcome:
    """GET one EndDevice."""
    return done(to_plain(operation.found(Device, number)))


def change_device(operation: Operation, number: int) -> Outcome:
    """PATCH one EndDevice."""
    device = operation.patched(operation.found(Device, number), _DEVICE_FIELDS, changed_s=operation.now_s)
    _check(device)
    return done(to_plain(device), Put(device))


def remove_device(operation: Operation, number: int) -> Outcome:
    """DELETE one EndDevice, with its mirrors, log and Responses: the certificate is unknown from now on."""
    device = operation.found(Device, number)
    store = operation.store
    changes: list[Change] = [Drop(Device, number), Drop(DeviceReport, number)]
    for mirror in store.of(Mirror, number):
        changes += drop_mirror(store, mirror)
    changes += [Drop(LogEntry, one.key) for one in store.of(LogEntry, number)]
    changes += [Drop(Receipt, one.key) for one in store.of(Receipt, number)]
    for group in store.all(Group):
        if group.devices is not None and number in group.devices:
            members = tuple(one for one in group.devices if one != number)
            changes.append(Put(replace(group, devices=members)))
    return done(to_plain(device), *changes)


def list_groups(operation: Operation) -> Outcome:
    """GET: every FSA."""
    return done([to_plain(one) for one in operation.store.all(Group)])


def add_group(operation: Operation) -> Outcome:
    """POST {devices, description, mRID}: an FSA; without devices it is assigned to all."""
    number, serial = next_number(operation.store, Group)
    mrid = operation.body.get("mRID") or operation.mrid("Group", number)
    group = operation.made(Group, _GROUP_FIELDS, number=number, mRID=mrid)
    _check_members(operation, group)
    return done(to_plain(group), serial, Put(group), status=201)


def show_group(operation: Operation, number: int) -> Outcome:
    """GET one FSA."""
    return done(to_plain(operation.found(Group, number)))


def change_group(operation: Operation, number: int) -> Outcome:
    """PATCH one FSA; devices null = all."""
    group = operation.patched(operation.found(Group, number), ("description", "devices"))
    _check_members(operation, group)
    return done(to_plain(group), Put(group))


def remove_group(operation: Operation, number: int) -> Outcome:
    """DELETE one FSA; 409 while it has programs."""
    group = operation.found(Group, number)
    programs = operation.store.of(Program, number)
    if programs:
        raise Refusal(409, f"fsa {number} still has programs {', '.join(str(one.number) for one in programs)}")
    return done(to_plain(group), Drop(Group, number))


def _check(device: Device) -> None:
    if device.dialect and device.dialect not in DIALECTS:
        raise Refusal(400, f"dialect: {device.dialect!r} is none of {', '.join(DIALECTS)}")
    if device.managed_by == device.lfdi:
        raise Refusal(400, "managed_by: an EndDevice does not manage itself; leave it out")
    if device.managed_by is not None and len(device.managed_by) != _LFDI_DIGITS:
        raise Refusal(400, f"managed_by: {_LFDI_DIGITS} hexadecimal digits are due")


def _check_members(operation: Operation, group: Group) -> None:
    for number in group.devices or ():
        if operation.store.get(Device, number) is None:
            raise Refusal(400, f"devices: no device {number}")
