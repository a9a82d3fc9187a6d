"""DERPrograms as peers see them: controls with their status, defaults and curves. IEEE 2030.5-2018, clause 10.10.

The status is computed from the clock at each look, and what a newer control does to older ones when it is made.
"""

from collections.abc import Iterable
from dataclasses import fields, replace

from protocols.ieee2030_5.desk.exchange import Answer, Refusal, Visit, is_member
from protocols.ieee2030_5.desk.paging import after, page_of
from protocols.ieee2030_5.desk.records import Control, Curve, Device, Group, Program, Settings
from protocols.ieee2030_5.desk.shelf import View
from protocols.ieee2030_5.wire.datatypes import DateTimeInterval, EventStatus, Link, ListLink
from protocols.ieee2030_5.wire.der import (
    DERControl,
    DERControlBase,
    DERControlList,
    DERCurve,
    DERCurveList,
    DERProgram,
    DERProgramList,
)

REPLY_TO = "/rsps/1/rsp"

SCHEDULED, ACTIVE, CANCELLED, CANCELLED_RANDOMLY, SUPERSEDED = range(5)


def status_of(control: Control, now_s: int) -> int:
    """EventStatus.currentStatus at server time `now_s`.

    Interpretation: the 2018 edition has no code for an event that has run its course; it stays active (1) until it
    leaves the list, and where it is still asked for by its href.
    """
    if control.cancelled_s is not None:
        return CANCELLED_RANDOMLY if control.cancel_randomized else CANCELLED
    if control.superseded_s is not None:
        return SUPERSEDED
    return ACTIVE if now_s >= control.start_s else SCHEDULED


def is_listed(control: Control, now_s: int) -> bool:
    """Whether the control still stands in its list: until its last possible end, also if cancelled or superseded.

    Cancelled events are kept for as long as they would have run (2018 edition).
    """
    late = max(control.randomize_start_s or 0, 0) + max(control.randomize_duration_s or 0, 0)
    return now_s < control.end_s + late


def modes_of(modes: DERControlBase) -> frozenset[str]:
    """The names of the modes that a control asks for; rampTms is none."""
    return frozenset(one.name for one in fields(modes) if getattr(modes, one.name) is not None) - {"rampTms"}


def superseded_by(new: Control, older: Control, settings: Settings, now_s: int) -> Control | None:
    """`older` as the newer control of its program leaves it; None = untouched.

    Both must overlap in time and in modes (settings.supersede: one shared mode, or all of the older's); what has ended
    or is already cancelled or superseded stays as it is. Interpretation: marked when the newer control is made, as
    utility servers do, not when it starts.
    """
    if older.cancelled_s is not None or older.superseded_s is not None or older.end_s <= now_s:
        return None
    shared = modes_of(new.modes) & modes_of(older.modes)
    whole = shared == modes_of(older.modes) if settings.supersede == "all-modes" else True
    if not (_overlap(new, older) and shared and whole):
        return None
    return replace(older, superseded_s=now_s, superseded_by=new.mRID)


def control_view(control: Control, now_s: int, store: View) -> DERControl:
    """A control as peers read it at server time `now_s`."""
    status = status_of(control, now_s)
    since = {
        SCHEDULED: control.creation_s,
        ACTIVE: max(control.creation_s, control.start_s),
        SUPERSEDED: control.superseded_s,
    }.get(status, control.cancelled_s)
    threatened, threat_s = _threat(control, store) if status <= ACTIVE else (False, None)
    return DERControl(
        href=f"/derp/{control.program}/derc/{control.number}",
        replyTo=REPLY_TO if control.response_required else None,
        responseRequired=control.response_required,
        mRID=control.mRID,
        description=control.description or None,
        version=control.version,
        creationTime=control.creation_s,
        EventStatus=EventStatus(
            currentStatus=status,
            dateTime=now_s if since is None else since,
            potentiallySuperseded=threatened,
            potentiallySupersededTime=threat_s,
        ),
        interval=DateTimeInterval(duration=control.duration_s, start=control.start_s),
        randomizeDuration=control.randomize_duration_s,
        randomizeStart=control.randomize_start_s,
        DERControlBase=control.modes,
        deviceCategory=control.category,
    )


def program_view(program: Program, visit: Visit) -> DERProgram:
    """A program with its links."""
    href = f"/derp/{program.number}"
    listed = _listed(program, visit)
    active = _active(listed, visit)
    curves = visit.store.of(Curve, program.number)
    return DERProgram(
        href=href,
        mRID=program.mRID,
        description=program.description or None,
        version=0,
        ActiveDERControlListLink=ListLink(href=f"{href}/actderc", all=len(active)),
        DefaultDERControlLink=Link(href=f"{href}/dderc") if program.default else None,
        DERControlListLink=ListLink(href=f"{href}/derc", all=len(listed)),
        DERCurveListLink=ListLink(href=f"{href}/dc", all=len(curves)) if curves else None,
        primacy=program.primacy,
    )


def associated(store: View, device: Device) -> list[Program]:
    """The programs that any group assigns to the device: by primacy, then mRID from the largest."""
    groups = (one for one in store.all(Group) if is_member(device, one))
    return _ranked(program for group in groups for program in store.of(Program, group.number))


def current(visit: Visit, programs: Iterable[Program]) -> Program | None:
    """The best ranked program of which a control runs now; None = none does."""
    return next((one for one in programs if _active(_listed(one, visit), visit)), None)


def show_programs(visit: Visit, device: int, group: int) -> Answer:
    """GET the DERProgramList of one FunctionSetAssignments."""
    found = visit.group(visit.device(device), group)
    programs = _ranked(visit.store.of(Program, found.number))
    return _show_programs(visit, f"/edev/{device}/fsa/{group}/derp", programs)


def show_associated(visit: Visit, device: int) -> Answer:
    """GET the AssociatedDERProgramList of a device's DER: every program that applies to it."""
    programs = associated(visit.store, visit.device(device))
    return _show_programs(visit, f"/edev/{device}/der/1/derp", programs)


def show_program(visit: Visit, program: int) -> Answer:
    """GET a DERProgram."""
    return visit.show(program_view(visit.program(program), visit))


def show_controls(visit: Visit, program: int) -> Answer:
    """GET the DERControlList."""
    return _show_controls(visit, f"/derp/{program}/derc", _listed(visit.program(program), visit))


def show_active(visit: Visit, program: int) -> Answer:
    """GET the ActiveDERControlList: what runs now."""
    active = _active(_listed(visit.program(program), visit), visit)
    return _show_controls(visit, f"/derp/{program}/actderc", active)


def show_control(visit: Visit, program: int, control: int) -> Answer:
    """GET a DERControl at its own href, also when it has left the list."""
    found = visit.store.get(Control, control)
    if found is None or found.program != visit.program(program).number:
        raise Refusal(404, f"no DERControl {control} in DERProgram {program}")
    return visit.show(control_view(found, visit.now_s, visit.store))


def show_default(visit: Visit, program: int) -> Answer:
    """GET the DefaultDERControl; 404 while the program has none."""
    default = visit.program(program).default
    if default is None:
        raise Refusal(404, f"DERProgram {program} has no default")
    return visit.show(replace(default, href=f"/derp/{program}/dderc"))


def show_curves(visit: Visit, program: int) -> Answer:
    """GET the DERCurveList: newest first, then mRID from the largest."""
    curves = [_curve_view(one) for one in visit.store.of(Curve, visit.program(program).number)]
    curves.sort(key=lambda one: (one.creationTime, one.mRID), reverse=True)
    page = page_of(visit.request.query)
    shown = page.cut(curves)
    return visit.show(DERCurveList(href=f"/derp/{program}/dc", all=len(curves), results=len(shown), items=shown))


def show_curve(visit: Visit, program: int, curve: int) -> Answer:
    """GET a DERCurve."""
    found = visit.store.get(Curve, curve)
    if found is None or found.program != visit.program(program).number:
        raise Refusal(404, f"no DERCurve {curve} in DERProgram {program}")
    return visit.show(_curve_view(found))


def _ranked(programs: Iterable[Program]) -> list[Program]:
    ranked = sorted(programs, key=lambda one: one.mRID, reverse=True)
    ranked.sort(key=lambda one: one.primacy)
    return ranked


def _show_programs(visit: Visit, href: str, programs: list[Program]) -> Answer:
    page = page_of(visit.request.query)
    shown = page.cut(programs)
    return visit.show(
        DERProgramList(
            href=href,
            all=len(programs),
            results=len(shown),
            pollRate=visit.settings.derp_poll_s or None,
            items=tuple(program_view(one, visit) for one in shown),
        )
    )


def _curve_view(curve: Curve) -> DERCurve:
    return replace(curve.curve, href=f"/derp/{curve.program}/dc/{curve.number}")


def _overlap(one: Control, other: Control) -> bool:
    return one.start_s < other.end_s and other.start_s < one.end_s


def _threat(control: Control, store: View) -> tuple[bool, int | None]:
    """Whether a newer control takes some of this one's modes (all of them would supersede it), and when it was made.

    Unless the operator has said what is to be told.
    """
    if control.potentially_superseded is not None:
        return control.potentially_superseded, control.potentially_superseded_s
    made_s = min(
        (
            other.creation_s
            for other in store.of(Control, control.program)
            if other.number > control.number
            and other.cancelled_s is None
            and _overlap(control, other)
            and modes_of(control.modes) & modes_of(other.modes)
        ),
        default=None,
    )
    return made_s is not None, made_s


def _listed(program: Program, visit: Visit) -> list[Control]:
    """By start, then the newest, then the largest mRID (2018 edition, DERControlList)."""
    listed = [one for one in visit.store.of(Control, program.number) if is_listed(one, visit.now_s)]
    listed.sort(key=lambda one: one.mRID, reverse=True)
    listed.sort(key=lambda one: (one.start_s, -one.creation_s))
    return listed


def _active(listed: list[Control], visit: Visit) -> list[Control]:
    return [one for one in listed if status_of(one, visit.now_s) == ACTIVE]


def _show_controls(visit: Visit, href: str, controls: list[Control]) -> Answer:
    page = page_of(visit.request.query)
    chosen = after(page, controls, lambda one: one.start_s)
    shown = page.cut(chosen)
    return visit.show(
        DERControlList(
            href=href,
            all=len(chosen),
            results=len(shown),
            items=tuple(control_view(one, visit.now_s, visit.store) for one in shown),
        )
    )
