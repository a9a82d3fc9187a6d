"""EiOpt: opts to single events and schedules of availability, kept until the VTN took them (OpenADR 2.0b profile, clause 8.4)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from protocols.openadr2b.wire.reader import OURS, MalformedBody, decode
from protocols.openadr2b.wire.registration import OadrCancelOpt, OadrCreateOpt
from protocols.openadr2b.wire.writer import encode

KEY = "opts"
VERSION = 1

MOST = 500


class Phase(StrEnum):
    """How far an opt has come."""

    TO_CREATE = "to_create"
    STANDS = "stands"
    TO_CANCEL = "to_cancel"


@dataclass(frozen=True, slots=True)
class Opt:
    """One opt."""

    message: OadrCreateOpt
    phase: Phase = Phase.TO_CREATE


@dataclass(frozen=True, slots=True)
class Opts:
    """All of them, by optID, oldest first."""

    kept: Mapping[str, Opt] = field(default_factory=dict)


def create(opts: Opts, message: OadrCreateOpt) -> Opts:
    """One more. An earlier one for the same event is withdrawn, or dropped if the VTN never had it."""
    kept: dict[str, Opt] = {}
    for name, opt in opts.kept.items():
        if (
            message.eventID is not None
            and opt.message.eventID == message.eventID
            and opt.message.target == message.target
        ):
            if opt.phase is not Phase.TO_CREATE:
                kept[name] = replace(opt, phase=Phase.TO_CANCEL)
        else:
            kept[name] = opt
    kept[message.optID] = Opt(message)
    return Opts(dict(list(kept.items())[-MOST:]))


def cancel(opts: Opts, opt_id: str) -> Opts:
    """Withdraw one; unknown ones are withdrawn already."""
    opt = opts.kept.get(opt_id)
    if opt is None:
        return opts
    if opt.phase is Phase.TO_CREATE:
        return Opts({name: one for name, one in opts.kept.items() if name != opt_id})
    return Opts({**opts.kept, opt_id: replace(opt, phase=Phase.TO_CANCEL)})


def due(opts: Opts, ven_id: str, request_id: str) -> tuple[str, OadrCreateOpt | OadrCancelOpt] | None:
    """What is to be posted next: withdrawals first, since a new opt may take the place of an old one."""
    for name, opt in opts.kept.items():
        if opt.phase is Phase.TO_CANCEL:
            return name, OadrCancelOpt(requestID=request_id, optID=name, venID=ven_id)
    for name, opt in opts.kept.items():
        if opt.phase is Phase.TO_CREATE:
            return name, replace(opt.message, requestID=request_id, venID=ven_id)
    return None


def waits(opts: Opts) -> bool:
    """Whether anything is to be posted."""
    return any(opt.phase is not Phase.STANDS for opt in opts.kept.values())


def settled(opts: Opts, opt_id: str, *, good: bool) -> Opts:
    """The VTN took it, or refused it for good."""
    opt = opts.kept.get(opt_id)
    if opt is None:
        return opts
    if opt.phase is Phase.TO_CREATE and good:
        return Opts({**opts.kept, opt_id: replace(opt, phase=Phase.STANDS)})
    return Opts({name: one for name, one in opts.kept.items() if name != opt_id})


def saved(opts: Opts) -> bytes:
    """The opts as bytes of :data:`VERSION`."""
    return json.dumps([[opt.phase, encode(opt.message).decode()] for opt in opts.kept.values()]).encode()


def loaded(version: int, body: bytes) -> Opts:
    """The opts of an earlier run; none when they cannot be read."""
    if version != VERSION:
        return Opts()
    kept: dict[str, Opt] = {}
    try:
        for phase, document in json.loads(body):
            message = decode(document.encode(), limits=OURS).message
            if isinstance(message, OadrCreateOpt):
                kept[message.optID] = Opt(message, Phase(phase))
    except (ValueError, TypeError, AttributeError, MalformedBody):
        return Opts()
    return Opts(kept)
