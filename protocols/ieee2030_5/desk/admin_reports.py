"""What the devices told, as the operator reads it: reports, logs, readings, and Responses for a verdict."""

from typing import Any

from protocols.ieee2030_5.desk.exchange import is_member
from protocols.ieee2030_5.desk.mirrors import drop_mirror
from protocols.ieee2030_5.desk.operation import Operation, Outcome, done
from protocols.ieee2030_5.desk.plain import to_plain
from protocols.ieee2030_5.desk.records import (
    Control,
    Device,
    DeviceReport,
    Group,
    LogEntry,
    Mirror,
    MirrorValue,
    Program,
    Receipt,
)
from protocols.ieee2030_5.desk.shelf import Drop


def show_report(operation: Operation, number: int) -> Outcome:
    """GET what the device put of itself: capability, settings, status, availability, information."""
    operation.found(Device, number)
    return done(to_plain(operation.store.get(DeviceReport, number) or DeviceReport(device=number)))


def show_log(operation: Operation, number: int) -> Outcome:
    """GET the device's LogEvents, oldest first."""
    operation.found(Device, number)
    return done([to_plain(one.event) for one in operation.store.of(LogEntry, number)])


def list_mirrors(operation: Operation) -> Outcome:
    """GET: every MirrorUsagePoint; ?device= picks one device's."""
    device = operation.wanted("device")
    mirrors = [one for one in operation.store.all(Mirror) if device is None or one.device == device]
    return done([to_plain(one) for one in mirrors])


def remove_mirror(operation: Operation, number: int) -> Outcome:
    """DELETE one MirrorUsagePoint with its readings: its device gets 404 from now on and must make it anew."""
    mirror = operation.found(Mirror, number)
    return done(to_plain(mirror), *drop_mirror(operation.store, mirror))


def remove_mirrors(operation: Operation) -> Outcome:
    """DELETE every MirrorUsagePoint with its readings."""
    mirrors = operation.store.all(Mirror)
    return done(None, *(change for one in mirrors for change in drop_mirror(operation.store, one)), status=204)


def list_values(operation: Operation, number: int) -> Outcome:
    """GET the readings of one mirror, oldest first."""
    operation.found(Mirror, number)
    return done([to_plain(one) for one in operation.store.of(MirrorValue, number)])


def list_responses(operation: Operation) -> Outcome:
    """GET: every Response in order of arrival; ?device= ?subject= ?status= ?after= (an id) narrow it.

    t_s = arrival on the clock handed in, created_s = the peer's createdDateTime.
    """
    device, after, status = (operation.wanted(name) for name in ("device", "after", "status"))
    subject = operation.query.get("subject")
    chosen = sorted(operation.store.all(Receipt), key=lambda one: one.number)
    return done(
        [
            _response(one)
            for one in chosen
            if (device is None or one.device == device)
            and (after is None or one.number > after)
            and (status is None or one.status == status)
            and (subject is None or one.subject == subject.upper())
        ]
    )


def show_answers(operation: Operation, number: int) -> Outcome:
    """GET for a verdict: what each EndDevice answered to one control, in order; the silent ones have no statuses."""
    control = operation.found(Control, number)
    program = operation.found(Program, control.program)
    group = operation.store.get(Group, program.fsa)
    members = [one for one in operation.store.all(Device) if group is not None and is_member(one, group)]
    told = sorted(operation.store.all(Receipt), key=lambda one: one.number)
    answers = {one.number: [each for each in told if each.device == one.number] for one in members}
    return done(
        {
            "control": number,
            "subject": control.mRID,
            "devices": [
                {
                    "device": one.number,
                    "lfdi": one.lfdi,
                    "statuses": [each.status for each in answers[one.number] if each.subject == control.mRID],
                    "t_s": [each.t_ms / 1000 for each in answers[one.number] if each.subject == control.mRID],
                }
                for one in members
            ],
        }
    )


def clear_responses(operation: Operation) -> Outcome:
    """DELETE: forget every Response."""
    return done(None, *(Drop(Receipt, one.key) for one in operation.store.all(Receipt)), status=204)


def _response(receipt: Receipt) -> dict[str, Any]:
    return {
        "id": receipt.number,
        "device": receipt.device,
        "subject": receipt.subject,
        "lfdi": receipt.lfdi,
        "status": receipt.status,
        "t_s": receipt.t_ms / 1000,
        "created_s": receipt.created_s,
    }
