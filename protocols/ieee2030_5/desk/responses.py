"""Responses: where they are posted, which are taken. IEEE 2030.5-2018, clause 10.2.3 and table 27."""

from protocols.ieee2030_5.desk.exchange import Answer, Refusal, Visit, created, is_member
from protocols.ieee2030_5.desk.paging import after, page_of
from protocols.ieee2030_5.desk.records import Control, Device, Group, Program, Receipt
from protocols.ieee2030_5.desk.shelf import Change, Drop, Put, next_number
from protocols.ieee2030_5.wire.datatypes import ListLink
from protocols.ieee2030_5.wire.resources import (
    DERControlResponse,
    Response,
    ResponseList,
    ResponseSet,
    ResponseSetList,
)

RECEIPTS_KEPT = 10_000
"""Of each device; the oldest goes first."""

STATUSES = frozenset((*range(1, 15), 252, 253, 254))
"""received, started, completed, opt-out, opt-in, cancelled, superseded, partial (2), without participation,
acknowledged, not displayable, aborted (2); not applicable, invalid, expired."""

_SET_MRID = "5250000000000001"


def show_sets(visit: Visit) -> Answer:
    """GET the ResponseSetList: one set for all events."""
    page = page_of(visit.request.query)
    shown = page.cut((_set(visit),))
    return visit.show(ResponseSetList(href="/rsps", all=1, results=len(shown), items=shown))


def show_set(visit: Visit) -> Answer:
    """GET the ResponseSet."""
    return visit.show(_set(visit))


def show_responses(visit: Visit) -> Answer:
    """GET the ResponseList: this peer's own, newest first."""
    page = page_of(visit.request.query)
    receipts = sorted(_receipts(visit), key=lambda one: (_told_s(one), one.number), reverse=True)
    chosen = after(page, receipts, _told_s)
    shown = page.cut(chosen)
    return visit.show(
        ResponseList(
            href="/rsps/1/rsp",
            all=len(chosen),
            results=len(shown),
            items=tuple(
                Response(
                    href=f"/rsps/1/rsp/{one.number}",
                    createdDateTime=one.created_s,
                    endDeviceLFDI=one.lfdi,
                    status=one.status,
                    subject=one.subject,
                )
                for one in shown
            ),
        )
    )


def show_response(visit: Visit, receipt: int) -> Answer:
    """GET a Response, with the type it was posted as."""
    found = visit.store.get(Receipt, receipt)
    if found is None:
        raise Refusal(404, f"no Response {receipt}")
    visit.device(found.device)
    message = DERControlResponse(
        href=f"/rsps/1/rsp/{receipt}",
        createdDateTime=found.created_s,
        endDeviceLFDI=found.lfdi,
        status=found.status,
        subject=found.subject,
    )
    return visit.show(message)


def post_response(visit: Visit) -> Answer:
    """POST a DERControlResponse (or its base, Response): 201 + Location.

    400 for a subject that is none of the peer's events or a status outside the table, 403 for another's LFDI; all with
    an empty body, for field clients stop at any other.
    """
    try:
        sent = visit.read_either(DERControlResponse, Response)
    except Refusal as refusal:
        raise Refusal(refusal.status, refusal.reason) from None
    device = next((one for one in visit.devices() if one.lfdi == sent.endDeviceLFDI), None)
    if device is None:
        raise Refusal(403, f"endDeviceLFDI {sent.endDeviceLFDI} is not this peer's")
    if sent.status not in STATUSES:
        raise Refusal(400, f"status {sent.status} is not in the table")
    if not _knows(visit, device, sent.subject):
        raise Refusal(400, f"subject {sent.subject} is no event of EndDevice {device.number}")
    number, serial = next_number(visit.store, Receipt)
    receipt = Receipt(
        number=number,
        device=device.number,
        lfdi=device.lfdi,
        subject=sent.subject,
        status=sent.status or 0,
        created_s=sent.createdDateTime,
        t_ms=visit.arrived_ms,
    )
    changes: list[Change] = [serial, Put(receipt)]
    held = visit.store.of(Receipt, device.number)
    if len(held) >= RECEIPTS_KEPT:
        changes.append(Drop(Receipt, next(iter(held)).key))
    return created(f"/rsps/1/rsp/{number}", *changes)


def _receipts(visit: Visit) -> list[Receipt]:
    return [receipt for device in visit.devices() for receipt in visit.store.of(Receipt, device.number)]


def _told_s(receipt: Receipt) -> int:
    return receipt.t_ms // 1000 if receipt.created_s is None else receipt.created_s


def _set(visit: Visit) -> ResponseSet:
    return ResponseSet(
        href="/rsps/1",
        mRID=f"{visit.settings.seed:08X}{_SET_MRID}{visit.settings.pen:08X}",
        ResponseListLink=ListLink(href="/rsps/1/rsp", all=len(_receipts(visit))),
    )


def _knows(visit: Visit, device: Device, subject: str) -> bool:
    """Whether an event of this mRID is assigned to the device."""
    for control in visit.store.all(Control):
        if control.mRID == subject:
            program = visit.store.get(Program, control.program)
            group = visit.store.get(Group, program.fsa) if program else None
            if group is not None and is_member(device, group):
                return True
    return False
