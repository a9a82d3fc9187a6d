"""A plug-in as bad as any: while the site exports it binds export to 500 W; once the site imports it does what ``how`` says."""

import math
import os
import time
from dataclasses import dataclass, field, replace
from typing import Any

from grid_functions.catalogue import Maker
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
from grid_functions.model.function import SiteInputs, Step
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.units import Quantity

LIMIT_W = 500.0
VALID_S = 60.0
_NET = (Quantity.NET, None)


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
                return Step("x" * 1_000_000, (replace(good, scope=Devices(frozenset({"y" * 300_000}))),)).outputs
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
        raise AssertionError(self.options.how)


def claim(now: Instants, limit_w: float = LIMIT_W) -> Claim:
    """Its bound on export, in its own name, for a minute."""
    until = Moment(OWN, now.utc_s + VALID_S)
    source = Source(SourceKind.LOCAL, "rogue")
    since = Moment(OWN, now.utc_s)
    cause = InForce(ExportLimit(limit_w), source, Rank(0.0), Basis.CONFIGURED, since, until, now.utc_s)
    want = Bound(limit_w)
    return Claim(ConnectionPoint(), Quantity.PRODUCED, want, want, Mode.EXPORT_LIMIT, cause, valid_until=until)


MAKER = Maker("rogue", RogueOptions, Rogue)
