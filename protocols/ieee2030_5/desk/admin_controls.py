"""The operator's controls: made with automatic supersede, changed in place, cancelled, taken away."""

from dataclasses import replace
from typing import Any

from protocols.ieee2030_5.desk.admin_programs import check_modes
from protocols.ieee2030_5.desk.controls import control_view, modes_of, status_of, superseded_by
from protocols.ieee2030_5.desk.exchange import Refusal
from protocols.ieee2030_5.desk.operation import Operation, Outcome, done
from protocols.ieee2030_5.desk.plain import from_plain, to_plain
from protocols.ieee2030_5.desk.records import Control, Program
from protocols.ieee2030_5.desk.shelf import Drop, Put, next_number

CONTROLS_KEPT_S = 90 * 86_400
"""How long a control is kept after its end; it goes when the next is made."""

_CHANGEABLE_FIELDS = (
    "description",
    "start_s",
    "duration_s",
    "modes",
    "randomize_start_s",
    "randomize_duration_s",
    "response_required",
    "category",
    "potentially_superseded",
    "potentially_superseded_s",
)
_CONTROL_FIELDS = ("mRID", "start_in_s", *_CHANGEABLE_FIELDS)
_STATUS_NAMES = ("scheduled", "active", "cancelled", "cancelled-randomly", "superseded")


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
    _check(operation, control)
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


def change_control(operation: Operation, number: int) -> Outcome:
    """PATCH one DERControl in place: same mRID, next version, nothing superseded by it.

    The standard has events unchangeable; a server under test may need one that is not.
    """
    control = operation.found(Control, number)
    changed = operation.patched(control, _CHANGEABLE_FIELDS, version=(control.version + 1) & 0xFFFF)
    _check(operation, changed)
    return done(_shown(operation, changed), Put(changed))


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


def _check(operation: Operation, control: Control) -> None:
    if control.duration_s == 0:
        raise Refusal(400, "duration_s: an event of no duration never starts; 1 or more is due")
    if not modes_of(control.modes):
        raise Refusal(400, "modes: at least one is due")
    if control.potentially_superseded_s is not None and not control.potentially_superseded:
        raise Refusal(400, "potentially_superseded_s: only with potentially_superseded true")
    check_modes(operation, control.program, control.modes)


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


def _shown(operation: Operation, control: Control) -> dict[str, Any]:
    view = control_view(control, operation.now_s, operation.store)
    return {**to_plain(control), "href": view.href, "status": _STATUS_NAMES[view.EventStatus.currentStatus]}
