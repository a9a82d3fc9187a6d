"""The operator's mischief: which tricks the server plays, and how often they struck. Off unless made; never kept."""

from typing import Any

from protocols.ieee2030_5.desk.exchange import Refusal
from protocols.ieee2030_5.desk.mischief import REDIRECTS, TRICKS
from protocols.ieee2030_5.desk.operation import Operation, Outcome, done
from protocols.ieee2030_5.desk.plain import from_plain, to_plain
from protocols.ieee2030_5.desk.records import Device, Trick
from protocols.ieee2030_5.desk.shelf import Drop, Put, next_number

_FIELDS = ("does", "path", "method", "device", "skip", "times", "for_s", "status", "by_s", "location", "taken")
_LONGEST_WAIT_S = 600
_OWN = {
    "status": ("status", "redirect"),
    "location": ("redirect",),
    "by_s": ("delay", "clock"),
    "taken": ("status", "cut"),
}
"""Field -> the tricks that it means something to."""


def list_tricks(operation: Operation) -> Outcome:
    """GET: every trick, with how often it struck."""
    return done([_shown(one) for one in operation.store.all(Trick)])


def add_trick(operation: Operation) -> Outcome:
    """POST {does, path, method, device, skip, times, for_s, ...}: the server misbehaves from now on."""
    operation.allow(_FIELDS)
    body: dict[str, Any] = {name: value for name, value in operation.body.items() if value is not None}
    for_s = body.pop("for_s", None)
    if for_s is not None and (isinstance(for_s, bool) or not isinstance(for_s, int) or not 1 <= for_s <= 2**31):
        raise Refusal(400, f"for_s: {for_s!r} is not a whole number of seconds, 1 or more")
    number, serial = next_number(operation.store, Trick)
    until_s = None if for_s is None else int(operation.utc_s) + for_s
    trick = from_plain(Trick, {**body, "number": number, "until_s": until_s})
    _check(operation, trick)
    return done(_shown(trick), serial, Put(trick), status=201)


def show_trick(operation: Operation, number: int) -> Outcome:
    """GET one trick."""
    return done(_shown(operation.found(Trick, number)))


def remove_trick(operation: Operation, number: int) -> Outcome:
    """DELETE one trick."""
    return done(_shown(operation.found(Trick, number)), Drop(Trick, number))


def remove_tricks(operation: Operation) -> Outcome:
    """DELETE: the server behaves again."""
    return done(None, *(Drop(Trick, one.key) for one in operation.store.all(Trick)), status=204)


def _check(operation: Operation, trick: Trick) -> None:
    if trick.does not in TRICKS:
        raise Refusal(400, f"does: {trick.does!r} is none of {', '.join(sorted(TRICKS))}")
    for name, tricks in _OWN.items():
        if operation.body.get(name) is not None and trick.does not in tricks:
            raise Refusal(400, f"{name}: means nothing to {trick.does}, only to {', '.join(tricks)}")
    if trick.does == "status" and not 400 <= (trick.status or 500) <= 599:
        raise Refusal(400, f"status: {trick.status} is no error of HTTP (400 to 599)")
    if trick.does == "redirect" and (trick.status or 302) not in REDIRECTS:
        raise Refusal(400, f"status: {trick.status} is none of {', '.join(map(str, REDIRECTS))}")
    if trick.does == "delay" and not 1 <= trick.by_s <= _LONGEST_WAIT_S:
        raise Refusal(400, f"by_s: a delay takes 1 to {_LONGEST_WAIT_S} s")
    if not trick.path.startswith(("/", "*")):
        raise Refusal(400, f"path: {trick.path!r} begins neither with / nor with *")
    if trick.device is not None and operation.store.get(Device, trick.device) is None:
        raise Refusal(400, f"device: no device {trick.device}")


def _shown(trick: Trick) -> dict[str, Any]:
    return {**to_plain(trick), "struck": max(0, trick.met - trick.skip)}
