"""How targets and curves of events are served (rule 8): partially where they are clamped, not at all where another source displaced them.

A limit needs no word here: it is served also when another one is tighter.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from grid_functions.allocate.served import Served
from grid_functions.fold import Fold, heard
from grid_functions.model.claim import Bound, Claim, Loss, Ruling, Switch, Target
from grid_functions.model.entry import Entry
from grid_functions.model.event import EventKey
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.lease import Message
from grid_functions.model.outcome import FINAL, Cause, Fact, OutcomeKind

ROOM = "service"

HELD_S: Final = 60.0
"""What was displaced is restored once it has held again for this long (rule 8)."""


@dataclass(frozen=True, slots=True)
class Service:
    """What one event got. UTC seconds.

    ``short_utc_s``: since when it gets less than it asks; ``short_s``: how long it did before that; ``asked`` and ``given``: at the
    worst of it, W; ``by``: what stood in the way then. ``displaced``: told so; ``held_utc_s``: since when it holds again. ``fold``: what
    the members of an area did of it, of one that was divided.
    """

    event: EventKey
    began_utc_s: float
    short_utc_s: float | None = None
    short_s: float = 0.0
    asked: float = 0.0
    given: float = 0.0
    by: str = ""
    displaced: bool = False
    held_utc_s: float | None = None
    fold: Fold | None = None


@dataclass(frozen=True, slots=True)
class ServiceStep:
    """What one step leaves. ``wake``: when what was displaced has held long enough."""

    services: Mapping[EventKey, Service]
    facts: tuple[Fact, ...]
    entries: tuple[Entry, ...]
    wake: tuple[Moment, ...]


def step(
    services: Mapping[EventKey, Service],
    ruling: Ruling,
    served: Iterable[Served],
    told: Iterable[Fact],
    running: Collection[EventKey],
    now: Instants,
    letters: Collection[Message] = (),
) -> ServiceStep:
    """One look. ``told``: facts of the timelines, whose finals close an account; ``running``: events that have started and not ended.

    ``letters``: what an area folded of events is among them; it goes before what the site's own devices do of those.
    """
    if not services and not letters and not ruling.winners and not ruling.losses:
        return ServiceStep({}, (), (), ())
    after: dict[EventKey, Service] = {}
    facts: list[Fact] = []
    folds = {event: one for event, one in heard(letters).items() if event in running}
    before = services
    services = {**services, **{e: replace(services.get(e) or Service(e, now.utc_s), fold=f) for e, f in folds.items()}}
    for event, one in services.items():
        if one.fold is not None and event in running:
            after[event] = _counted(one, one.fold, now.utc_s)
    clamped = _clamped(served)
    for event, claims in _contesting(ruling).items():
        clock = claims[0].cause.since.clock
        one = services.get(event) or Service(event, now.utc_s)
        one = after.get(event) or _counted(one, clamped.get(event), now.utc_s)
        one, found = _displaced(one, _displacer(event, claims, ruling), Moment(clock, now.on(clock)), now.utc_s)
        after[event] = one
        facts += found
    ended = {fact.event: fact for fact in told if fact.what in FINAL}
    for event, fact in ended.items():
        account = after.get(event) or services.get(event)
        if account is not None:
            facts += _settled(account, fact.at, now.utc_s)
    kept = {event: one for event, one in services.items() if event in running}
    after = {event: one for event, one in {**kept, **after}.items() if event not in ended}
    wake = tuple(Moment(OWN, one.held_utc_s + HELD_S) for one in after.values() if one.held_utc_s is not None)
    return ServiceStep(after, tuple(facts), _entries(before, after), wake)


def restore(entries: Iterable[Entry]) -> dict[EventKey, Service]:
    """The accounts that the ledger has."""
    values = (entry.value for entry in entries if entry.key[0] == ROOM)
    return {one.event: one for one in values if isinstance(one, Service)}


def _contesting(ruling: Ruling) -> dict[EventKey, list[Claim]]:
    """The targets and shapes of each event, in the ruling's order."""
    found: dict[EventKey, list[Claim]] = defaultdict(list)
    for claim in (*ruling.winners, *(loss.claim for loss in ruling.losses)):
        if isinstance(claim.cause.cause, EventKey) and not isinstance(claim.want, Bound | Switch):
            found[claim.cause.cause].append(claim)
    return {event: found[event] for event in sorted(found)}


def _clamped(served: Iterable[Served]) -> dict[EventKey, Fold]:
    """Of each event the target that falls short by most."""
    found: dict[EventKey, Fold] = {}
    for one in served:
        event = one.claim.cause.cause
        if isinstance(event, EventKey) and isinstance(one.claim.want, Target):
            short = Fold(event, one.asked_w, one.given_w, "" if one.by is None else one.by.cause.source.name)
            found[event] = max(found.get(event, short), short, key=lambda each: each.short_w)
    return found


def _counted(one: Service, short: Fold | None, utc_s: float) -> Service:
    if short is None or not short.short_w:
        if one.short_utc_s is None:
            return one
        return replace(one, short_utc_s=None, short_s=one.short_s + max(0.0, utc_s - one.short_utc_s))
    if one.short_utc_s is None:
        one = replace(one, short_utc_s=utc_s)
    if abs(short.asked_w - short.given_w) > abs(one.asked - one.given):
        one = replace(one, asked=short.asked_w, given=short.given_w, by=short.by)
    return one


def _displacer(event: EventKey, claims: Iterable[Claim], ruling: Ruling) -> Loss | None:
    """Who displaced the event whole: nothing of it holds, neither limit nor switch, and all it lost, it lost to other sources."""
    for claim in (*ruling.bounds, *ruling.winners):
        if claim.cause.cause == event:
            return None
    losses = [loss for loss in ruling.losses if loss.claim.cause.cause == event]
    if any(isinstance(loss.claim.want, Switch) for loss in losses):
        return None
    return losses[0] if all(loss.to.cause.source != loss.claim.cause.source for loss in losses) else None


def _displaced(one: Service, loss: Loss | None, at: Moment, utc_s: float) -> tuple[Service, list[Fact]]:
    if loss is not None:
        if one.displaced:
            return replace(one, held_utc_s=None), []
        by = loss.to.cause.cause if isinstance(loss.to.cause.cause, EventKey) else None
        text = f"{loss.to.cause.source.name} holds {loss.claim.quantity.value}"
        cause = Cause(by=by, had_started=True, text=text)
        return replace(one, displaced=True, held_utc_s=None), [Fact(one.event, OutcomeKind.DISPLACED, at, cause)]
    if not one.displaced:
        return one, []
    held_s = one.held_utc_s if one.held_utc_s is not None else utc_s
    if utc_s - held_s < HELD_S:
        return replace(one, held_utc_s=held_s), []
    return replace(one, displaced=False, held_utc_s=None), [Fact(one.event, OutcomeKind.RESTORED, at)]


def _settled(one: Service, at: Moment, utc_s: float) -> list[Fact]:
    short_s = one.short_s + (0.0 if one.short_utc_s is None else max(0.0, utc_s - one.short_utc_s))
    if short_s <= 0:
        return []
    share = min(100.0, 100.0 * short_s / max(utc_s - one.began_utc_s, short_s))
    text = f"{share:.0f} % of the time, at worst {one.given:g} W instead of {one.asked:g} W"
    text += f", for {one.by}" if one.by else ""
    return [Fact(one.event, OutcomeKind.PARTIALLY_SERVED, at, Cause(had_started=True, text=text))]


def _entries(before: Mapping[EventKey, Service], after: Mapping[EventKey, Service]) -> tuple[Entry, ...]:
    """What changed and must survive: not every worse moment, but every turn."""
    found = []
    for event in sorted(before.keys() | after.keys()):
        old, new = before.get(event), after.get(event)
        if new is None or old is None or _turns(old) != _turns(new):
            found.append(Entry((ROOM, event.respondent.upstream, event.respondent.id, event.id), new))
    return tuple(found)


def _turns(one: Service) -> Service:
    return replace(one, asked=0.0, given=0.0, by="", fold=None)
