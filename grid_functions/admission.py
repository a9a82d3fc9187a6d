"""What of a foreign function's answer is let in: all of it or, with the reason, nothing. What it claimed before then stands.

A function may speak in its own name, or hand on what is in force at its site; it may not speak for others, reach beyond its place, or
want anything for ever. Its letters are of the channels that it named when it was loaded, or, where the site lets it answer one of our own
area functions, of that one's.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, is_dataclass
from itertools import islice
from typing import Any

from grid_functions import letters
from grid_functions.alarm import ALARM, OPERATOR
from grid_functions.guest import GuestOptions, Inputs, Said
from grid_functions.letters import Shapes, Way
from grid_functions.model.claim import Basis, Bound, Claim, ConnectionPoint, Devices, InForce, Need, SourceKind
from grid_functions.model.control import mode_of
from grid_functions.model.errors import MalformedMessage
from grid_functions.model.event import EventKey, Interval
from grid_functions.model.function import AreaInputs, Ask, Receipt, SiteInputs, WakeAt
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.lease import Grant, Message
from grid_functions.model.modes import CAPACITY_MODES, ENACTED_MODES

MOST = 256
"""Outputs of one step."""

AHEAD_S = 86_400.0
"""How far a claim may reach, s."""

NUMBERS = 10_000
"""In one claim or grant: a curve without end would be looked through in every decision."""

PROBLEMS = 4
"""Problems in one step."""

SOLVED_S = 30.0
"""How far ahead the deadline of a problem may lie, s."""

LETTER = 65_536
"""Bytes of a letter, whatever its channel says."""

_REFUSABLE = ENACTED_MODES - CAPACITY_MODES
"""What a plug-in may refuse on receipt: what functions make something of, and never a limit or a switch."""

_OWN_KINDS = (SourceKind.LOCAL, SourceKind.OPTIMISER)
_LONGEST = 1_000
_SHORT = 200
_CONTROLS = 32
"""There are fewer modes."""
_LARGEST = 1e12


@dataclass(frozen=True, slots=True)
class Bounds:
    """What holds for one function at one place. ``channels``: those that it named itself."""

    name: str
    options: GuestOptions
    channels: Shapes = field(default_factory=dict)


def refusal(bounds: Bounds, outputs: tuple[Said, ...], inputs: Inputs, now: Instants) -> str:
    """Why the outputs of a function that was shown ``inputs`` are not let in; empty = they are."""
    if len(outputs) > MOST:
        return f"{len(outputs)} outputs in one step: at most {MOST} are taken"
    if (problems := sum(isinstance(one, Ask) for one in outputs)) > PROBLEMS:
        return f"{problems} problems in one step: at most {PROBLEMS} are taken"
    for one in outputs:
        numbers = list(islice(_numbers(one), NUMBERS + 1))
        if len(numbers) > NUMBERS:
            return f"a {type(one).__name__} of more than {NUMBERS} numbers"
        if not all(map(_is_sound, numbers)):
            return f"a {type(one).__name__} holds a number that is none, or beyond all measure"
        fault = _of(bounds, one, inputs, now)
        if fault:
            return fault
    return ""


def _of(bounds: Bounds, one: Said, inputs: Inputs, now: Instants) -> str:
    match one:
        case Claim():
            return (
                _of_claim(bounds.name, one, inputs, now) if isinstance(inputs, SiteInputs) else "an area claims nothing"
            )
        case Grant():
            return _of_grant(one, inputs) if isinstance(inputs, AreaInputs) else "a site grants nothing"
        case Message():
            own = (one.kind, one.to) == (ALARM, OPERATOR)
            return _of_alarm(bounds.name, one) if own else _of_letter(bounds, one, inputs)
        case WakeAt():
            return _of_moment(one.moment, now)
        case Ask():
            return _of_problem(one, now)
        case Receipt():
            return _of_receipt(one, inputs)


def _of_claim(name: str, claim: Claim, inputs: SiteInputs, now: Instants) -> str:
    cause = claim.cause
    own = cause.source.kind in _OWN_KINDS and cause.source.name == name and cause.source.respondent is None
    if own:
        if cause.basis is not Basis.CONFIGURED or cause.cause is not None or cause.program or cause.addressees:
            return (
                "a claim of its own names what only others have: its basis is 'configured', without cause and program"
            )
    elif cause not in inputs.in_force:
        return f"a claim in the name of {cause.source.kind.value} {cause.source.name}, which is not in force here"
    elif claim.mode is not mode_of(cause.control):
        return f"a claim of {claim.mode.value} for {mode_of(cause.control).value}, which is in force"
    if cause.test:
        return "a claim for a test event (rule 10)"
    if isinstance(claim.scope, Devices):
        strange = sorted(claim.scope.names - inputs.terms.devices.keys())
        if strange or not claim.scope.names:
            return f"a claim on {strange[0] if strange else 'no device at all'}, which is none of {inputs.terms.name}"
    elif not isinstance(claim.scope, ConnectionPoint):
        return "a claim beyond its site"
    if type(claim.want) is not type(claim.goal):
        return "a claim whose goal is of another kind than what it wants now"
    if any(_least(want) < 0 for want in (claim.want, claim.goal)) or claim.magnitude_var < 0:
        return "a bound or need below zero"
    if claim.valid_until is None:
        return "a claim without valid_until: nothing is wanted for ever"
    if claim.valid_until.in_s(now) > AHEAD_S:
        return f"a claim for longer than {AHEAD_S:.0f} s"
    return _of_moment(claim.valid_until, now)


def _least(want: object) -> float:
    match want:
        case Bound(limit):
            return limit
        case Need(power_w):
            return power_w
    return 0.0


def _of_grant(grant: Grant, inputs: AreaInputs) -> str:
    if grant.member not in inputs.enrolled:
        return f"a grant to {grant.member}, which does not take part"
    if not 0 < len(grant.subject) <= 64 or "/" in grant.subject:
        return "a grant without a proper subject: 1 to 64 letters, no '/'"
    if len(grant.series) > letters.LONGEST or len(grant.controls) > _CONTROLS or any(map(_is_wide, grant.series)):
        return f"a grant of {len(grant.series)} intervals: at most {letters.LONGEST} are taken, of {_CONTROLS} controls each"
    origin = grant.origin
    if origin is not None and not any(_is_origin(origin.event, one, origin) for one in inputs.in_force):
        return "a grant made from an event that is not in force here"
    return ""


def _is_wide(one: Interval) -> bool:
    return len(one.controls) > _CONTROLS


def _is_origin(event: EventKey, one: InForce, origin: Any) -> bool:
    return (one.cause, one.source, one.rank) == (event, origin.source, origin.rank) and not one.test


def _of_alarm(name: str, message: Message) -> str:
    if message.function != name:
        return f"an alarm in the name of {message.function}"
    if len(message.body) > _LONGEST or len(message.id) > _LONGEST:
        return f"an alarm of {len(message.body)} bytes: at most {_LONGEST} are taken"
    return ""


def _of_letter(bounds: Bounds, message: Message, inputs: Inputs) -> str:
    """A site's goes to an area, and no further than its own name; an area's to a member that takes part."""
    down = isinstance(inputs, AreaInputs)
    if message.function != bounds.name and (down or message.function not in bounds.options.hears):
        return f"a letter in the name of {message.function}"
    if message.kind == ALARM or message.to in (OPERATOR, ""):
        return f"a letter to {message.to!r}: people are told by alarms, whoever has no name by nobody"
    if isinstance(inputs, AreaInputs) and message.to not in inputs.enrolled:
        return f"a letter to {message.to}, which does not take part"
    if not down and message.sender != bounds.options.place:
        return f"a letter from {message.sender}, which it does not speak for"
    if len(message.to) > 64 or len(message.id) > 128 or len(message.body) > LETTER:
        return f"a letter of {len(message.body)} bytes, or with a longer name than a letter has: {LETTER} at most"
    try:
        letters.examine(message, Way.DOWN if down else Way.UP, {**bounds.channels, **letters.SHAPES})
    except MalformedMessage as fault:
        return f"no letter: {fault}"
    return ""


def _of_problem(ask: Ask, now: Instants) -> str:
    if not 0 < len(ask.id) <= 64:
        return "a problem without a proper name: 1 to 64 letters"
    if ask.deadline.clock != OWN or ask.deadline.in_s(now) > SOLVED_S:
        return f"a problem with a deadline more than {SOLVED_S:g} s ahead, or on another clock than ours"
    return ""


def _of_receipt(receipt: Receipt, inputs: Inputs) -> str:
    if len(receipt.why) > _SHORT:
        return f"a reason of {len(receipt.why)} letters: {_SHORT} at most"
    if receipt.why and (isinstance(inputs, AreaInputs) or receipt.mode not in _REFUSABLE):
        return f"it refuses {receipt.mode.value}: limits and switches are never a plug-in's to refuse, nor anything an area's"
    return ""


def _of_moment(moment: Moment, now: Instants) -> str:
    if moment.clock != OWN and moment.clock not in now.upstream:
        return f"a moment on a clock {moment.clock!r} that is not here"
    return ""


def _numbers(value: Any) -> Iterable[float]:
    """All numbers anywhere in a noun."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield value
    elif is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            yield from _numbers(getattr(value, each.name))
    elif isinstance(value, tuple | frozenset):
        for one in value:
            yield from _numbers(one)


def _is_sound(number: float) -> bool:
    return math.isfinite(number) and abs(number) <= _LARGEST
