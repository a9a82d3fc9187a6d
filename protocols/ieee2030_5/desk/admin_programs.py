"""The operator's programs: controls with automatic supersede, cancel, defaults, curves."""

from dataclasses import replace
from typing import Any

from protocols.ieee2030_5.desk.controls import control_view, modes_of, status_of, superseded_by
from protocols.ieee2030_5.desk.exchange import Refusal
from protocols.ieee2030_5.desk.operation import Operation, Outcome, done
from protocols.ieee2030_5.desk.plain import from_plain, to_plain
from protocols.ieee2030_5.desk.records import Control, Curve, Group, Program
from protocols.ieee2030_5.desk.shelf import Change, Drop, Put, next_number
from protocols.ieee2030_5.wire.der import DefaultDERControl, DERControlBase, DERCurve
from protocols.ieee2030_5.wire.values import BadValue

CONTROLS_KEPT_S = 90 * 86_400
"""How long a control is kept after its end; it goes when the next is made."""

_CONTROL_FIELDS = (
    "mRID",
    "description",
    "start_s",
    "start_in_s",
    "duration_s",
    "modes",
    "randomize_start_s",
    "randomize_duration_s",
    "response_required",
    "category",
)
_STATUS_NAMES = ("scheduled", "active", "cancelled", "cancelled-randomly", "superseded")


def list_programs(operation: Operation) -> Outcome:
    """GET: every DERProgram; ?fsa= picks one group's."""
    fsa = operation.wanted("fsa")
    return done([to_plain(one) for one in operation.store.all(Program) if fsa is None or one.fsa == fsa])


def add_program(operation: Operation) -> Outcome:
    """POST {primacy, fsa, description, mRID, default}: a DERProgram. fsa 1 is made, for all devices, if there is none."""
    fsa = operation.body.get("fsa", 1)
    changes: list[Change] = []
    if fsa == 1 and not operation.store.all(Group):
        group_number, group_serial = next_number(operation.store, Group)
        fsa = group_number
        changes += [group_serial, Put(Group(number=fsa, mRID=operation.mrid("Group", fsa)))]
    elif isinstance(fsa, bool) or not isinstance(fsa, int) or operation.store.get(Group, fsa) is None:
        raise Refusal(400, f"fsa: no fsa {fsa!r}; make it first, or leave it out for fsa 1")
    number, serial = next_number(operation.store, Program)
    default = operation.body.get("default")
    program = operation.made(
        Program,
        ("primacy", "fsa", "description", "mRID", "default"),
        number=number,
        fsa=fsa,
        mRID=operation.body.get("mRID") or operation.mrid("Program", number),
        default=None if default is None else _default(operation, number, 0, default),
    )
    return done(to_plain(program), *changes, serial, Put(program), status=201)


def show_program(operation: Operation, number: int) -> Outcome:
    """GET one DERProgram."""
    return done(to_plain(operation.found(Program, number)))


def change_program(operation: Operation, number: int) -> Outcome:
    """PATCH one DERProgram: primacy, description, fsa."""
    program = operation.patched(operation.found(Program, number), ("primacy", "description", "fsa"))
    if operation.store.get(Group, program.fsa) is None:
        raise Refusal(400, f"fsa: no fsa {program.fsa}")
    return done(to_plain(program), Put(program))


def remove_program(operation: Operation, number: int) -> Outcome:
    """DELETE one DERProgram with its controls and curves: they vanish without being cancelled."""
    program = operation.found(Program, number)
    controls = [Drop(Control, one.key) for one in operation.store.of(Control, number)]
    curves = [Drop(Curve, one.key) for one in operation.store.of(Curve, number)]
    return done(to_plain(program), *controls, *curves, Drop(Program, number))


def show_default(operation: Operation, number: int) -> Outcome:
    """GET the DefaultDERControl; 404 if there is none."""
    default = operation.found(Program, number).default
    if default is None:
        raise Refusal(404, f"program {number} has no default")
    return done(to_plain(default))


def put_default(operation: Operation, number: int) -> Outcome:
    """PUT {modes, setGradW, ...}: the DefaultDERControl, whole; its mRID stays, its version grows."""
    program = operation.found(Program, number)
    version = 0 if program.default is None else ((program.default.version or 0) + 1) & 0xFFFF
    default = from_plain(DefaultDERControl, _default(operation, number, version, operation.body))
    _check_modes(operation, number, default.DERControlBase)
    return done(to_plain(default), Put(replace(program, default=default)))


def remove_default(operation: Operation, number: int) -> Outcome:
    """DELETE the DefaultDERControl: the program has no link to one any more."""
    return done(None, Put(replace(operation.found(Program, number), default=None)), status=204)


def list_controls(operation: Operation, number: int | None = None) -> Outcome:
    """GET: the DERControls of one program, or all, oldest first, ended ones too."""
    if number is None:
        return done([_shown(operation, one) for one in operation.store.all(Control)])
    operation.found(Program, number)
    return done([_shown(operation, one) for one in operation.store.of(Control, number)])


def add_control(operation: Operation, number: int) -> Outcome:
    """POST {modes, duration_s, start_s or start_in_s (default: now), ...}: a DERControl; marks those it supersedes."""
    operation.found(Program, number)
    operation.allow(_CONTROL_FIELDS)
    body = dict(operation.body)
    start_in_s = body.pop("start_in_s", None)
    control_number, serial = next_number(operation.store, Control)
    control = from_plain(
        Control,
        {
            **body,
            "start_s": _start_s(operation, body.get("start_s"), start_in_s),
            "number": control_number,
            "program": number,
            "mRID": body.get("mRID") or operation.mrid("Control", control_number),
            "creation_s": operation.now_s,
        },
    )
    if control.duration_s == 0:
        raise Refusal(400, "duration_s: an event of no duration never starts; 1 or more is due")
    if not modes_of(control.modes):
        raise Refusal(400, "modes: at least one is due")
    _check_modes(operation, number, control.modes)
    older = operation.store.of(Control, number)
    if any(one.mRID == control.mRID for one in older):
        raise Refusal(409, f"mRID: {control.mRID} is a control of program {number} already")
    found = (superseded_by(control, one, operation.settings, operation.now_s) for one in older)
    losers = [one for one in found if one is not None]
    # Interpretation: clients order controls by creationTime in whole seconds, and break ties in different ways; so
    # what supersedes is never of the same second as what it supersedes, even if it was made within it.
    created_s = max((one.creation_s + 1 for one in losers), default=operation.now_s)
    control = replace(control, creation_s=max(operation.now_s, created_s))
    old = [Drop(Control, one.key) for one in older if one.end_s + CONTROLS_KEPT_S < operation.now_s]
    return done(_shown(operation, control), serial, Put(control), *map(Put, losers), *old, status=201)


def show_control(operation: Operation, number: int) -> Outcome:
    """GET one DERControl."""
    return done(_shown(operation, operation.found(Control, number)))


def cancel_control(operation: Operation, number: int) -> Outcome:
    """POST {randomized} (default: whether the control is randomised): status 2 or 3; 409 once it has ended or fallen."""
    operation.allow(("randomized",))
    control = operation.found(Control, number)
    status = status_of(control, operation.now_s)
    if status > 1:
        raise Refusal(409, f"control {number} is {_STATUS_NAMES[status]} already")
    if control.end_s <= operation.now_s:
        raise Refusal(409, f"control {number} has ended")
    randomized = operation.body.get("randomized")
    if randomized is None:
        randomized = bool(control.randomize_start_s or control.randomize_duration_s)
    plain = {**to_plain(control), "cancelled_s": operation.now_s, "cancel_randomized": randomized}
    cancelled = from_plain(Control, plain)
    return done(_shown(operation, cancelled), Put(cancelled))


def remove_control(operation: Operation, number: int) -> Outcome:
    """DELETE one DERControl: it vanishes without being cancelled."""
    return done(_shown(operation, operation.found(Control, number)), Drop(Control, number))


def list_curves(operation: Operation, number: int) -> Outcome:
    """GET the DERCurves of one program."""
    operation.found(Program, number)
    return done([_curve(one) for one in operation.store.of(Curve, number)])


def add_curve(operation: Operation, number: int) -> Outcome:
    """POST a DERCurve's own fields: its href goes into modes, as opModVoltVar and the like."""
    operation.found(Program, number)
    curve_number, serial = next_number(operation.store, Curve)
    body = {"mRID": operation.mrid("Curve", curve_number), **operation.body, "creationTime": operation.now_s}
    curve = Curve(number=curve_number, program=number, curve=from_plain(DERCurve, body))
    return done(_curve(curve), serial, Put(curve), status=201)


def show_curve(operation: Operation, number: int) -> Outcome:
    """GET one DERCurve."""
    return done(_curve(operation.found(Curve, number)))


def remove_curve(operation: Operation, number: int) -> Outcome:
    """DELETE one DERCurve; links to it stay and lead nowhere."""
    return done(_curve(operation.found(Curve, number)), Drop(Curve, number))


def _start_s(operation: Operation, start_s: object, start_in_s: object) -> object:
    if start_s is not None and start_in_s is not None:
        raise Refusal(400, "start_s, start_in_s: one of them, not both")
    if start_s is not None:
        return start_s
    if start_in_s is None:
        return operation.now_s
    if isinstance(start_in_s, bool) or not isinstance(start_in_s, int) or abs(start_in_s) > 2**31:
        raise Refusal(400, f"start_in_s: {start_in_s!r} is not a whole number of seconds")
    return operation.now_s + start_in_s


def _default(operation: Operation, program: int, version: int, body: object) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise BadValue(f"{body!r} is not an object of fields")
    plain = {"mRID": operation.mrid("Default", program), "version": version, **body}
    modes = plain.pop("modes", None)
    for name in ("href", "subscribable", "DERControlBase"):
        if name in body:
            raise BadValue("cannot be set here; give modes and the set... fields").within(name)
    return {**plain, "DERControlBase": {} if modes is None else modes}


def _check_modes(operation: Operation, program: int, modes: DERControlBase) -> None:
    """Links must lead to this program's curves."""
    known = {f"/derp/{program}/dc/{one.number}" for one in operation.store.of(Curve, program)}
    for name in sorted(modes_of(modes)):
        href = getattr(getattr(modes, name), "href", None)
        if href is not None and href not in known:
            raise Refusal(400, f"modes/{name}: {href!r} is no curve of program {program}; it has {sorted(known)}")


def _shown(operation: Operation, control: Control) -> dict[str, Any]:
    view = control_view(control, operation.now_s, operation.store)
    return {**to_plain(control), "href": view.href, "status": _STATUS_NAMES[view.EventStatus.currentStatus]}


def _curve(curve: Curve) -> dict[str, Any]:
    href = f"/derp/{curve.program}/dc/{curve.number}"
    return {**to_plain(curve.curve), "number": curve.number, "program": curve.program, "href": href}
