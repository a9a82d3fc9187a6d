"""A function that lives in a process of its own, as decisions see it: what it said last holds, and what it is to look at is asked of it.

It stands among the other functions under its own name and costs them nothing: a turn is an :class:`Ask` with what there is to see, its
answer comes with a later tick, and so decisions stay pure and a replay needs no process. What it last claimed stands until its
``valid_until``, also over a restart of the gateway; nothing it does keeps it longer. Letters, orders and answers to its problems wait until
it can be shown them, each once: what came with a turn that failed is lost, as with a function of ours that raised.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from grid_functions.alarm import ALARM, Alarm, message_of
from grid_functions.model.claim import Claim
from grid_functions.model.function import Answer, AreaInputs, Ask, Output, Receipt, SiteInputs, Step, WakeAt
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.lease import Grant, Message

STEP_S = 0.25
"""How long a turn may take, from when it is handed to the process. The first of a place, in which the function is made, may take more."""

_LOST_S = 120.0
"""An answer that has not come by then never will: who was to bring it was begun again. Longer than any back-off."""

_ABANDONED_S = 300.0
"""Grants and receipts know no end of their own: those of a function that fails for so long are taken back."""

SHOWN = 256
"""Letters at most in one turn; the others wait for the next."""

WAITING = 4_096
WAITING_BYTES = 4 << 20
"""Letters at most that wait, and their bytes; those that come then are lost."""

SUBJECTS = 16
"""Of a member that grants of one plug-in may stand under: each is looked at in every decision of the member's site."""

_APART_S = 0.05
"""From one turn to the next that it may have brought about itself (WakeAt, an answer, a letter), at least."""

_POSED = "problem "

Inputs = SiteInputs | AreaInputs
Said = Claim | Grant | Message | WakeAt | Ask | Receipt
"""What may come out of such a process."""


@dataclass(frozen=True, slots=True)
class Keepsake:
    """The ``durable`` of a function that only its own process can read: the name of its type, its version and canonical JSON."""

    kind: str
    version: int
    body: str


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the ledger has of it: its own, the claims that stand, and what it says of controls on receipt."""

    VERSION: ClassVar[int] = 2

    own: Keepsake | None = None
    claims: tuple[Claim, ...] = ()
    receipts: tuple[Receipt, ...] = ()

    @staticmethod
    def migrate(version: int, plain: Mapping[str, Any]) -> Mapping[str, Any]:
        """Before 2 it said nothing on receipt."""
        return plain


@dataclass(frozen=True, slots=True)
class GuestOptions:
    """``place``: the site or area it speaks for; ``settings``: its own options as JSON, which only its own process understands.

    ``hears``: functions of areas whose letters it may hear and answer at its site, beside those in its own name.
    """

    place: str
    settings: str = "{}"
    hears: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Posed:
    """A problem for the solver, which whoever runs the process keeps under this number; decisions never see it."""

    number: int


@dataclass(frozen=True, slots=True)
class Inbox:
    """What came for it: letters, orders, and answers under its own names for its problems."""

    messages: tuple[Message, ...] = ()
    orders: tuple[Message, ...] = ()
    answers: tuple[Answer, ...] = ()

    def and_then(self, later: "Inbox") -> "Inbox":
        """Both, in that order."""
        return Inbox(self.messages + later.messages, self.orders + later.orders, self.answers + later.answers)

    def split(self) -> tuple["Inbox", "Inbox"]:
        """What one turn is shown, and the rest."""
        rest = Inbox(self.messages[SHOWN:], self.orders[SHOWN:], self.answers[SHOWN:])
        return Inbox(self.messages[:SHOWN], self.orders[:SHOWN], self.answers[:SHOWN]), rest


_EMPTY = Inbox()


@dataclass(frozen=True, slots=True)
class Turn:
    """One step to be made in the function's process. ``own``: what it is to remember if the process does not know the place yet."""

    options: GuestOptions
    inputs: Inputs
    now: Instants
    own: Keepsake | None


@dataclass(frozen=True, slots=True)
class Stepped:
    """A step that was made, and whose outputs were found in order."""

    outputs: tuple[Said, ...]
    own: Keepsake | None


@dataclass(frozen=True, slots=True)
class Failed:
    """No step. ``why``: what went wrong, one line; empty = nothing did, but what was to be seen is old by now. ``again``: ask at once."""

    why: str
    again: bool


@dataclass(frozen=True, slots=True)
class GuestState:
    """``turn``: the number of the last one asked, ``waiting``: since when (monotonic); ``looked``: what it was shown then.

    ``told``: alarms it raised; ``granted``: member and subject; ``well_s``: its last good step, monotonic; ``faults``: failures in a row.
    ``inbox`` waits for its next turn, ``shown`` went with the last; ``lost``: letters for which there was no room; ``asked_s``: when the
    last turn was asked, monotonic.
    """

    turn: int = 0
    waiting: float | None = None
    asked_s: float | None = None
    inbox: Inbox = _EMPTY
    shown: Inbox = _EMPTY
    lost: int = 0
    looked: Inputs | None = None
    wakes: tuple[Moment, ...] = ()
    told: tuple[Message, ...] = ()
    granted: frozenset[tuple[str, str]] = frozenset()
    well_s: float | None = None
    fault: str = ""
    faults: int = 0
    claims: tuple[Claim, ...] | None = None
    durable: Remembered | None = None


NOUNS: tuple[type, ...] = (GuestState, GuestOptions, Remembered, Keepsake, Stepped, Failed, Posed)
"""What a recorded decision may carry of it."""


@dataclass(frozen=True, slots=True)
class Guest:
    """The machine that stands for the function called ``name``."""

    name: str
    options: GuestOptions

    @property
    def hears(self) -> frozenset[str]:
        """Functions whose letters it hears beside its own."""
        return frozenset(self.options.hears)

    def empty(self) -> GuestState:
        """The state at birth."""
        return GuestState()

    def step(self, state: GuestState, inputs: Inputs, now: Instants) -> Step[GuestState]:
        """What stands, what came of the last turn, and the next turn where there is something new to see."""
        if state.claims is None:
            # In its first step what the last run left still stands.
            state = replace(state, claims=state.durable.claims if state.durable is not None else (), well_s=now.mono_s)
        outputs: list[Output] = []
        state = _received(state, inputs)
        answer = next((one for one in inputs.answers if one.id == str(state.turn)), None)
        if answer is not None and state.waiting is not None:
            state, outputs = _heard(state, answer, now)
        if state.waiting is not None and now.mono_s - state.waiting > _LOST_S:
            state = replace(state, waiting=None, looked=None, shown=_EMPTY)
        if state.fault and state.well_s is not None and now.mono_s - state.well_s > _ABANDONED_S:
            outputs += [Grant(member, subject) for member, subject in sorted(state.granted)]
            kept = state.durable and replace(state.durable, receipts=())
            state = replace(state, granted=frozenset(), durable=kept)
        state = replace(state, claims=tuple(one for one in state.claims or () if _stands(one, now)))
        looks = _looks(inputs)
        rests_s = 0.0 if state.asked_s is None else state.asked_s + _APART_S - now.mono_s
        called = state.inbox != _EMPTY or any(moment.due(now) for moment in state.wakes)
        if state.waiting is None and (looks != state.looked or (called and rests_s <= 0.0)):
            shown, rest = state.inbox.split()
            seen = _with(inputs, shown)
            turn = Turn(self.options, seen, now, state.durable.own if state.durable else None)
            number = state.turn + 1
            outputs.append(Ask(str(number), turn, Moment(OWN, now.utc_s + STEP_S)))
            state = replace(
                state,
                turn=number,
                waiting=now.mono_s,
                asked_s=now.mono_s,
                looked=looks,
                wakes=(),
                inbox=rest,
                shown=shown,
                lost=0,
            )
        elif state.waiting is None and called:
            outputs.append(WakeAt(Moment(OWN, now.utc_s + rests_s)))
        outputs += [WakeAt(moment) for moment in state.wakes if not moment.due(now)]
        outputs += state.told
        if state.fault or state.lost:
            outputs.append(message_of(Alarm("decide", self.name, _trouble(state)), self.options.place))
        return Step(state, (*(state.claims or ()), *outputs))


def _received(state: GuestState, inputs: Inputs) -> GuestState:
    """With what came for it, so far as there is room."""
    answers = tuple(replace(one, id=one.id.removeprefix(_POSED)) for one in inputs.answers if one.id.startswith(_POSED))
    orders = inputs.orders if isinstance(inputs, AreaInputs) else ()
    if not (inputs.messages or orders or answers):
        return state
    held, came = state.inbox, (*inputs.messages, *orders)
    letters = (*held.messages, *held.orders, *came)
    if came and (len(letters) > WAITING or sum(len(one.body) for one in letters) > WAITING_BYTES):
        return replace(state, inbox=held.and_then(Inbox(answers=answers)), lost=state.lost + len(came))
    return replace(state, inbox=held.and_then(Inbox(inputs.messages, orders, answers)))


def _with(inputs: Inputs, inbox: Inbox) -> Inputs:
    if isinstance(inputs, SiteInputs):
        return replace(inputs, messages=inbox.messages, answers=inbox.answers)
    return replace(inputs, messages=inbox.messages, orders=inbox.orders, answers=inbox.answers)


def _trouble(state: GuestState) -> str:
    often = f" ({state.faults} times in a row)" if state.faults > 1 else ""
    lost = f"{state.lost} letters are lost: it does not read as fast as they come" if state.lost else ""
    return "; ".join(filter(None, (f"{state.fault}{often}", lost)))


def _heard(state: GuestState, answer: Answer, now: Instants) -> tuple[GuestState, list[Output]]:
    """The state after an answer, and what it wants of the world once."""
    shown = state.shown
    state = replace(state, waiting=None, shown=_EMPTY)
    said = answer.solution
    if not isinstance(said, Stepped):
        why, again = (said.why, said.again) if isinstance(said, Failed) else ("it was not asked", True)
        if not why:
            return replace(state, looked=None, inbox=shown.and_then(state.inbox)), []
        return replace(state, fault=why, faults=state.faults + 1, looked=None if again else state.looked), []
    claims = tuple(one for one in said.outputs if isinstance(one, Claim))
    grants = [one for one in said.outputs if isinstance(one, Grant)]
    gone = {(one.member, one.subject) for one in grants if one.nothing}
    given = {(one.member, one.subject) for one in grants if not one.nothing}
    granted = (state.granted - gone) | given
    crowded = next((one for one, held in Counter(member for member, _ in granted).items() if held > SUBJECTS), None)
    if crowded is not None:
        why = f"it grants {crowded} more than {SUBJECTS} subjects at a time"
        return replace(state, fault=why, faults=state.faults + 1), []
    before = state.durable or Remembered()
    receipts = tuple(one for one in said.outputs if isinstance(one, Receipt))
    letters = [one for one in said.outputs if isinstance(one, Message)]
    asks = [replace(one, id=_POSED + one.id) for one in said.outputs if isinstance(one, Ask)]
    kept = Remembered(said.own, claims if _worth_keeping(before.claims, claims, now) else before.claims, receipts)
    state = replace(
        state,
        wakes=tuple(one.moment for one in said.outputs if isinstance(one, WakeAt)),
        told=tuple(one for one in letters if one.kind == ALARM),
        granted=granted,
        well_s=now.mono_s,
        fault="",
        faults=0,
        claims=claims,
        durable=None if kept == Remembered() and state.durable is None else kept,
    )
    return state, [*grants, *(one for one in letters if one.kind != ALARM), *asks]


def _worth_keeping(before: tuple[Claim, ...], claims: tuple[Claim, ...], now: Instants) -> bool:
    """Whether the ledger must learn of it. Claims that are only renewed are written when half their life is over, as leases are."""
    if [_timeless(one) for one in before] != [_timeless(one) for one in claims]:
        return True
    return any(
        old.valid_until is not None
        and new.valid_until is not None
        and (new.valid_until < old.valid_until or old.valid_until.in_s(now) < new.valid_until.in_s(now) / 2.0)
        for old, new in zip(before, claims, strict=True)
    )


def _timeless(claim: Claim) -> Claim:
    cause = replace(claim.cause, since=_BIRTH, until=None, received_utc_s=0.0)
    return replace(claim, cause=cause, valid_until=None)


def _stands(claim: Claim, now: Instants) -> bool:
    return claim.valid_until is not None and not claim.valid_until.due(now)


def _looks(inputs: Inputs) -> Inputs:
    """What there is to see, without when it is looked at: a function is not called because time passes, which its wake-ups are for."""
    if isinstance(inputs, SiteInputs):
        return replace(inputs, snapshot=replace(inputs.snapshot, at=_NEVER), messages=(), answers=())
    members = {name: replace(one, utc_s=0.0) for name, one in inputs.members.items()}
    return replace(inputs, members=members, orders=(), messages=(), answers=())


_NEVER = Instants(0.0, 0.0)
_BIRTH = Moment(OWN, 0.0)
