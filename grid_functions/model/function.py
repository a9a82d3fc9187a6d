"""Every grid function is one machine: ``step(state, inputs, now) -> Step(state, outputs)``."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from grid_functions.model.claim import Claim, InForce
from grid_functions.model.control import Control, Mode
from grid_functions.model.event import Respondent, Settings
from grid_functions.model.instants import Instants, Moment
from grid_functions.model.lease import Grant, MemberReport, Message
from grid_functions.model.policy import SiteTerms
from grid_functions.model.reading import MeterKey, Reading
from grid_functions.model.snapshot import Snapshot

S = TypeVar("S")
I_contra = TypeVar("I_contra", contravariant=True)
O_co = TypeVar("O_co", covariant=True)


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Call me again no later than this."""

    moment: Moment


@dataclass(frozen=True, slots=True)
class Ask:
    """A frozen, picklable problem that would take longer than a step; the roof solves it by ``deadline`` and answers under ``id``."""

    id: str
    problem: object
    deadline: Moment


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to the :class:`Ask` of that function and id; ``solution`` None = not in time, or failed."""

    function: str
    id: str
    solution: object


@dataclass(frozen=True, slots=True)
class Receipt:
    """What to say of controls of a mode on receipt, until the next step: nobody can wait then for a function in another process.

    ``why``: nothing here obeys, in one line; empty = it is served: by claims at a site, in an area by what is handed on to members. A
    function in the gateway's own process is :class:`Refusing`, or :class:`Passing`, instead.
    """

    mode: Mode
    why: str = ""


Output = Claim | Grant | Message | WakeAt | Ask | Receipt
"""A site function claims; an area function grants."""


@dataclass(frozen=True, slots=True)
class Step(Generic[S]):
    """What one step leaves: the next state and what it wants of the world."""

    state: S
    outputs: tuple[Output, ...] = ()


@dataclass(frozen=True, slots=True)
class SiteInputs:
    """What a site function may look at. ``settings``: the device settings of each respondent's best standing.

    ``ahead``: what will be in force of the modes that only tell (prices), known now, each with its own ``since`` and ``until``; stretches
    that have passed may still be among it. ``normal_w``: the like-hours mean of each device by name, of the connection point by "", W,
    positive = consume; who has none yet is not in it.
    """

    terms: SiteTerms
    in_force: tuple[InForce, ...]
    snapshot: Snapshot
    messages: tuple[Message, ...] = ()
    answers: tuple[Answer, ...] = ()
    settings: Mapping[Respondent, Settings] = field(default_factory=dict)
    ahead: tuple[InForce, ...] = ()
    normal_w: Mapping[str, float] = field(default_factory=dict)

    def addressed(self, function: str, hears: frozenset[str]) -> "SiteInputs":
        """What one function may see of it: letters to it and of the functions it ``hears``, and answers to its own problems."""
        if not self.messages and not self.answers:
            return self
        return replace(self, messages=_to(function, hears, self.messages), answers=_answering(function, self.answers))


@dataclass(frozen=True, slots=True)
class AreaInputs:
    """What an area function may look at.

    ``rolls``: the members that take part, by function, whether they have reported yet or not; ``enrolled``: those of the function that
    looks; ``members``: what they last told; ``orders``: what operator or API ask of the function now.
    """

    in_force: tuple[InForce, ...]
    area_meter: Mapping[MeterKey, Reading]
    members: Mapping[str, MemberReport]
    rolls: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    enrolled: tuple[str, ...] = ()
    orders: tuple[Message, ...] = ()
    messages: tuple[Message, ...] = ()
    answers: tuple[Answer, ...] = ()

    def addressed(self, function: str, hears: frozenset[str]) -> "AreaInputs":
        """What one function may see of it."""
        return replace(
            self,
            enrolled=self.rolls.get(function, self.enrolled),
            orders=_to(function, frozenset(), self.orders),
            messages=_to(function, hears, self.messages),
            answers=_answering(function, self.answers),
        )


def _to(function: str, hears: frozenset[str], messages: tuple[Message, ...]) -> tuple[Message, ...]:
    return tuple(one for one in messages if one.function == function or one.function in hears)


def _answering(function: str, answers: tuple[Answer, ...]) -> tuple[Answer, ...]:
    return tuple(one for one in answers if one.function == function) if answers else answers


class Function(Protocol[S, I_contra, O_co]):
    """A grid function. State is a frozen dataclass, empty at birth; its field ``durable``, if any, is kept in the ledger.

    A step returns within 5 ms; anything longer is an :class:`Ask`.
    """

    @property
    def options(self) -> O_co:
        """The function's settings, a frozen dataclass validated when the configuration loads."""

    def empty(self) -> S:
        """The state at birth."""

    def step(self, state: S, inputs: I_contra, now: Instants) -> Step[S]:
        """One decision: no clock, no chance, no input or output but these."""


@runtime_checkable
class Refusing(Protocol):
    """A function that turns controls into others, and so knows what the site can do about them."""

    def refusal(self, control: Control, respondent: Respondent, terms: SiteTerms, snapshot: Snapshot) -> str | None:
        """Why nothing at the site can ever obey, in one line; empty = something can or may yet tell; None = not its control."""


@runtime_checkable
class Passing(Protocol):
    """An area function that hands on what is asked of the area's connection, so that it need not be obeyed there."""

    @property
    def passes_on(self) -> frozenset[Mode]:
        """What is handed on to members."""


@runtime_checkable
class Telling(Protocol):
    """A function whose state says something to people."""

    def told(self, state: Any) -> Mapping[str, Any]:
        """Plain values for commands and the API."""
