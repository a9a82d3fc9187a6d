"""A plug-in as bad as any: while the site exports it binds export to 500 W; once the site imports it does what ``how`` says."""

import math
import os
import resource
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

from grid_functions.alarm import Alarm, message_of
from grid_functions.building.program import Draft, Problem
from grid_functions.catalogue import Maker
from grid_functions.letters import Way
from grid_functions.model.claim import (
    Basis,
    Bound,
    Claim,
    ConnectionPoint,
    Devices,
    InForce,
    Scope,
    Source,
    SourceKind,
)
from grid_functions.model.control import ExportLimit, Mode
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.event import Rank
from grid_functions.model.function import Ask, Receipt, SiteInputs, Step
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.lease import Message
from grid_functions.model.units import Quantity

NAME = "rogue"
LIMIT_W = 500.0
VALID_S = 60.0
_NET = (Quantity.NET, None)
LETTER = Message(NAME, "feeder", "house", "word", "1", b'{"value":1.5}')


@dataclass(frozen=True, slots=True)
class Word:
    """Its only letter."""

    value: float


@dataclass(frozen=True, slots=True)
class RogueOptions:
    """``how``: what it does when the site imports."""

    how: str = "raise"

    def __post_init__(self) -> None:
        if self.how == "unheard of":
            raise ConfigurationFault(("rogue.how: nobody does that",))


@dataclass(frozen=True, slots=True)
class Count:
    """Steps made in all its lives."""

    steps: int = 0


@dataclass(frozen=True, slots=True)
class RogueState:
    """``here``: steps of this process."""

    here: int = 0
    durable: Count = Count()


@dataclass(frozen=True, slots=True)
class Rogue:
    """The function."""

    options: RogueOptions = field(default_factory=RogueOptions)

    def empty(self) -> RogueState:
        """At birth."""
        return RogueState()

    def step(self, state: RogueState, inputs: SiteInputs, now: Instants) -> Step[RogueState]:
        """Well, or badly."""
        after = RogueState(state.here + 1, Count(state.durable.steps + 1))
        net = inputs.snapshot.meter.get(_NET)
        good = claim(now)
        if net is None or net.value <= 0:
            return Step(after, (good,))
        return Step(after, self._badly(good, inputs, now))

    def _badly(self, good: Claim, inputs: SiteInputs, now: Instants) -> Any:
        match self.options.how:
            case "raise":
                raise ZeroDivisionError("its own fault\nover two lines")
            case "loop":
                while True:
                    pass
            case "sleep":
                time.sleep(3600.0)
            case "hog":
                return (bytearray(1 << 34),)
            case "exit":
                os._exit(7)
            case "print":
                for _ in range(100_000):
                    print("x" * 100)
                return (good,)
            case "whisper":
                print("a word to the log")
                return (good,)
            case "text":
                return "no outputs"
            case "object":
                return (object(),)
            case "nan":
                return (replace(good, want=Bound(math.nan)),)
            case "infinite":
                return (replace(good, want=Bound(math.inf), goal=Bound(math.inf)),)
            case "many":
                return (good,) * 1_000_000
            case "quite many":
                return (good,) * 300
            case "large":
                return Step("x" * 1_000_000, (replace(good, scope=Devices(frozenset({"y" * 1_100_000}))),)).outputs
            case "foreign":
                scope: Scope = Devices(frozenset({"the neighbour's"}))
                return (replace(good, scope=scope),)
            case "operator":
                cause = replace(good.cause, source=Source(SourceKind.OPERATOR, "operator"))
                return (replace(good, cause=cause),)
            case "for ever":
                return (replace(good, valid_until=None),)
            case "for long":
                return (replace(good, valid_until=Moment(OWN, now.utc_s + 90_000.0)),)
            case "negative":
                return (replace(good, want=Bound(-1.0)),)
            case "neighbour":
                return (replace(LETTER, sender="neighbour"),)
            case "other":
                return (replace(LETTER, function="day_ahead"),)
            case "unnamed":
                return (replace(LETTER, kind="unheard of"),)
            case "no number":
                return (replace(LETTER, body=b'{"value":NaN}'),)
            case "long":
                return (replace(LETTER, body=b'{"value":1' + b"0" * 60 + b"}"),)
            case "talkative":
                return (good, *(LETTER,) * 121)
            case "posing":
                return tuple(replace(self._problem(now, 1.0), id=str(number)) for number in range(5))
            case "no cost":
                return (self._problem(now, math.nan),)
            case "any problem":
                return (Ask("any", "a riddle", Moment(OWN, now.utc_s + 5.0)),)
            case "solve":
                return (good, LETTER, self._problem(now, 1.0))
            case "refusing":
                return (Receipt(Mode.EXPORT_LIMIT, "it may not"),)
            case how if how.startswith("break out "):
                told = "; ".join(f"{name}: {attempt()}" for name, attempt in attempts(Path(how.split(" ", 2)[2])))
                return (good, message_of(Alarm(NAME, "attempts", told), inputs.terms.name))
        raise AssertionError(self.options.how)

    def _problem(self, now: Instants, cost: float) -> Ask:
        """The least x from 2 to 3."""
        draft = Draft()
        draft.block(1, 2.0, 3.0, cost)
        return Ask("least", Problem(draft.program(), draft.cost), Moment(OWN, now.utc_s + 5.0))


def attempts(ledger: Path) -> Iterator[tuple[str, Callable[[], str]]]:
    """By name, what a guest has no business to do."""
    parent = os.getppid()
    yield "read", _tried(ledger.read_bytes)
    yield "list", _tried(lambda: os.listdir(ledger.parent.parent))
    yield "environ", _tried(Path(f"/proc/{parent}/environ").read_bytes)
    yield "write", _tried(lambda: (ledger.parent / "mine").write_text("x"))
    yield "remove", _tried(ledger.unlink)
    yield "execute", _tried(lambda: os.execv("/bin/true", ["true"]))  # noqa: S606  # it is to fail
    yield "connect", _tried(socket.socket)
    yield "fork", _tried(os.fork)
    yield "thread", _tried(lambda: Thread(target=int).start())
    # Which signal it is makes no difference to who may send it; nobody minds this one.
    yield "kill", _tried(lambda: os.kill(parent, signal.SIGURG))
    yield "bend", _tried(lambda: os.chmod(ledger, 0))
    yield "limit", _tried(lambda: resource.prlimit(parent, resource.RLIMIT_CPU, (1, 1)))
    yield "files", lambda: str([one for one in range(3, 64) if _tried(partial(os.fstat, one))() == "done"])
    yield "knows", lambda: f"{os.getcwd()} {'OSED_SECRET' in os.environ}"


def _tried(what: Callable[[], object]) -> Callable[[], str]:
    def outcome() -> str:
        try:
            what()
        except OSError as fault:
            return type(fault).__name__
        return "done"

    return outcome


def claim(now: Instants, limit_w: float = LIMIT_W) -> Claim:
    """Its bound on export, in its own name, for a minute."""
    until = Moment(OWN, now.utc_s + VALID_S)
    source = Source(SourceKind.LOCAL, "rogue")
    since = Moment(OWN, now.utc_s)
    cause = InForce(ExportLimit(limit_w), source, Rank(0.0), Basis.CONFIGURED, since, until, now.utc_s)
    want = Bound(limit_w)
    return Claim(ConnectionPoint(), Quantity.PRODUCED, want, want, Mode.EXPORT_LIMIT, cause, valid_until=until)


MAKER = Maker(NAME, RogueOptions, Rogue, {(NAME, Way.UP): {"word": (Word, 64)}})
