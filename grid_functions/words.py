"""What people at a site say: opts, limits and targets of operator and occupant, locks. It holds until it ends or is taken back, also
over a restart.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from grid_functions.model.claim import Basis, InForce, Source, SourceKind
from grid_functions.model.control import Control, mode_of
from grid_functions.model.entry import Entry, EntryKey
from grid_functions.model.event import EventKey, Rank
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.policy import SiteTerms
from grid_functions.timeline.state import Opt

ROOM = "word"


@dataclass(frozen=True, slots=True)
class Override:
    """A control that the operator or the occupant wants; ``devices`` empty = all. UTC seconds, ``until_utc_s`` None = open."""

    by: SourceKind
    control: Control
    since_utc_s: float
    until_utc_s: float | None = None
    devices: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """By which it is taken back; a newer one of the same name takes its place."""
        return "/".join((self.by.value, mode_of(self.control).value, *sorted(self.devices)))


@dataclass(frozen=True, slots=True)
class Lock:
    """The operator's lock of a device to zero (rule 1)."""

    device: str
    since_utc_s: float
    until_utc_s: float | None = None

    @property
    def name(self) -> str:
        """By which it is taken back."""
        return f"lock/{self.device}"


@dataclass(frozen=True, slots=True)
class Release:
    """Takes back the override or lock of that name."""

    name: str


Word = Opt | Override | Lock | Release


@dataclass(frozen=True, slots=True)
class Words:
    """All that holds: opt-outs by event, overrides and locks by name."""

    opts: Mapping[EventKey, Opt] = field(default_factory=lambda: MappingProxyType({}))
    holds: Mapping[str, Override | Lock] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class WordsStep:
    """What one step leaves. ``wake``: when something ends by itself."""

    words: Words
    entries: tuple[Entry, ...]
    wake: tuple[Moment, ...]


def step(words: Words, said: Collection[Word], is_known: Callable[[EventKey], bool], now: Instants) -> WordsStep:
    """Take what was said, in its order, and drop what is over. ``is_known``: whether an event may still be shown."""
    if not said and not words.opts and not words.holds:
        return WordsStep(words, (), ())
    opts, holds = dict(words.opts), dict(words.holds)
    for one in said:
        match one:
            case Opt(event=event, out=True):
                opts[event] = one
            case Opt(event=event):
                opts.pop(event, None)
            case Override() | Lock():
                holds[one.name] = one
            case Release(name=name):
                holds.pop(name, None)
    opts = {event: one for event, one in opts.items() if is_known(event)}
    holds = {name: one for name, one in holds.items() if one.until_utc_s is None or one.until_utc_s > now.utc_s}
    wake = tuple(Moment(OWN, one.until_utc_s) for one in holds.values() if one.until_utc_s is not None)
    if opts == words.opts and holds == words.holds:
        return WordsStep(words, (), wake)
    after = Words(MappingProxyType(opts), MappingProxyType(holds))
    before = _rows(words)
    rows = _rows(after)
    changed = sorted(key for key in before.keys() | rows.keys() if before.get(key) != rows.get(key))
    return WordsStep(after, tuple(Entry(key, rows.get(key)) for key in changed), wake)


def restore(entries: Iterable[Entry]) -> Words:
    """The words that the ledger has."""
    values = [entry.value for entry in entries if entry.key[0] == ROOM]
    return Words(
        MappingProxyType({one.event: one for one in values if isinstance(one, Opt)}),
        MappingProxyType({one.name: one for one in values if isinstance(one, Override | Lock)}),
    )


def in_force(words: Words) -> tuple[InForce, ...]:
    """The overrides as controls that hold now. They may tighten what others want, and win contests by the precedence of their source."""
    return tuple(_in_force(one) for _, one in sorted(words.holds.items()) if isinstance(one, Override))


def locked(terms: SiteTerms, words: Words) -> SiteTerms:
    """The site's terms with the devices that are locked now."""
    names = {one.device for one in words.holds.values() if isinstance(one, Lock)} & terms.devices.keys()
    if not names:
        return terms
    return replace(terms, devices={**terms.devices, **{n: replace(terms.devices[n], locked=True) for n in names}})


def _in_force(one: Override) -> InForce:
    return InForce(
        control=one.control,
        source=Source(one.by, one.by.value),
        rank=Rank(0.0),
        basis=Basis.OVERRIDE,
        since=Moment(OWN, one.since_utc_s),
        until=None if one.until_utc_s is None else Moment(OWN, one.until_utc_s),
        received_utc_s=one.since_utc_s,
        program=one.name,
        addressees=one.devices,
    )


def _rows(words: Words) -> dict[EntryKey, object]:
    rows: dict[EntryKey, object] = {
        (ROOM, "opt", event.respondent.upstream, event.respondent.id, event.id): one
        for event, one in words.opts.items()
    }
    return rows | {(ROOM, "hold", name): one for name, one in words.holds.items()}
