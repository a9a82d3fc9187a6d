"""The operator's programs: defaults and curves."""

from dataclasses import replace
from typing import Any

from protocols.ieee2030_5.desk.controls import modes_of
from protocols.ieee2030_5.desk.exchange import Refusal
from protocols.ieee2030_5.desk.operation import Operation, Outcome, done
from protocols.ieee2030_5.desk.plain import from_plain, to_plain
from protocols.ieee2030_5.desk.records import Control, Curve, Group, Program
from protocols.ieee2030_5.desk.shelf import Change, Drop, Put, next_number
from protocols.ieee2030_5.wire.der import DefaultDERControl, DERControlBase, DERCurve
from protocols.ieee2030_5.wire.values import BadValue


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
    check_modes(operation, number, default.DERControlBase)
    return done(to_plain(default), Put(replace(program, default=default)))


def remove_default(operation: Operation, number: int) -> Outcome:
    """DELETE the DefaultDERControl: the program has no link to one any more."""
    return done(None, Put(replace(operation.found(Program, number), default=None)), status=204)


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


def _default(operation: Operation, program: int, version: int, body: object) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise BadValue(f"{body!r} is not an object of fields")
    plain = {"mRID": operation.mrid("Default", program), "version": version, **body}
    modes = plain.pop("modes", None)
    for name in ("href", "subscribable", "DERControlBase"):
        if name in body:
            raise BadValue("cannot be set here; give modes and the set... fields").within(name)
    return {**plain, "DERControlBase": {} if modes is None else modes}


def check_modes(operation: Operation, program: int, modes: DERControlBase) -> None:
    """Links must lead to this program's curves."""
    known = {f"/derp/{program}/dc/{one.number}" for one in operation.store.of(Curve, program)}
    for name in sorted(modes_of(modes)):
        href = getattr(getattr(modes, name), "href", None)
        if href is not None and href not in known:
            raise Refusal(400, f"modes/{name}: {href!r} is no curve of program {program}; it has {sorted(known)}")


def _curve(curve: Curve) -> dict[str, Any]:
    href = f"/derp/{curve.program}/dc/{curve.number}"
    return {**to_plain(curve.curve), "number": curve.number, "program": curve.program, "href": href}
