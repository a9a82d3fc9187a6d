"""One step in the making: what changes, and what is to be said about it. Lives only inside a step."""

from collections.abc import Mapping
from dataclasses import replace

from grid_functions.model.entry import Entry
from grid_functions.model.event import EventKey
from grid_functions.model.instants import Instants, Moment
from grid_functions.model.outcome import Cause, Fact, OutcomeKind
from grid_functions.model.policy import Policy
from grid_functions.timeline.layers import changed
from grid_functions.timeline.state import ROOM, Kept, Means, Note, Phase, Refusal, Run, Stood, TimelineState, Tracked

_NO_CAUSE = Cause()
_MANY = 32


class Draft:
    """The next state while it is being made. ``stale``: the plan must be revised by the events ``behind``."""

    __slots__ = (
        "_mine",
        "_touched",
        "behind",
        "events",
        "facts",
        "means",
        "notes",
        "now",
        "now_s",
        "policy",
        "refusals",
        "relation",
        "run",
        "seed",
        "stale",
        "standings",
        "state",
    )

    def __init__(self, state: TimelineState, policy: Policy, now: Instants, seed: bytes, means: Means) -> None:
        kept = state.kept
        self.state = state
        self.policy = policy
        self.now = now
        self.now_s = now.on(policy.clock)
        self.seed = seed
        self.means = means
        self.relation = kept.relation
        self.events = kept.events
        self.standings = dict(kept.standings)
        self.refusals = dict(kept.refusals)
        self.facts: list[Fact] = []
        self.notes: list[Note] = []
        self.stale = state.run is None
        self.run = state.run or Run(
            self.now_s,
            now.mono_s,
            running=tuple(sorted(name for name, tracked in kept.events.items() if tracked.phase is Phase.RUNNING)),
            opted=tuple(sorted(name for name, tracked in kept.events.items() if tracked.opted_out)),
            behind=frozenset(kept.events),
            absent=frozenset(kept.events),
        )
        self.behind = set(self.run.behind)
        self._mine: dict[str, Tracked] | None = None
        self._touched: set[tuple[str, str]] = set()

    def put(self, tracked: Tracked) -> None:
        """Keep an event as it is now."""
        self._change(tracked.event.key.id, tracked)
        self._touched.add(("event", tracked.event.key.id))

    def forget(self, name: str) -> None:
        """Forget an event for good."""
        self._change(name, None)
        self._touched.add(("event", name))

    @property
    def touched(self) -> frozenset[str]:
        """The events that changed in this step."""
        return frozenset(name for kind, name in self._touched if kind == "event")

    def stand(self, program: str, stood: Stood | None) -> None:
        """Keep a program's standing, or drop it."""
        if stood is None:
            self.standings.pop(program, None)
        else:
            self.standings[program] = stood
        self._touched.add(("standing", program))

    def refuse(self, name: str, refusal: Refusal | None) -> None:
        """Keep a refusal, or drop it."""
        if refusal is None:
            self.refusals.pop(name, None)
        else:
            self.refusals[name] = refusal
        self._touched.add(("refusal", name))

    def tell(self, name: str, what: OutcomeKind, at_s: float, cause: Cause = _NO_CAUSE) -> None:
        """State a fact; never in the future."""
        moment = Moment(self.policy.clock, min(at_s, self.now_s))
        self.facts.append(Fact(EventKey(self.state.respondent, name), what, moment, cause))

    def finish(self, tracked: Tracked, kind: OutcomeKind | None, at_s: float, cause: Cause = _NO_CAUSE) -> None:
        """End an event; ``kind`` None ends it without a word."""
        self.put(replace(tracked, phase=Phase.DONE, told=kind or tracked.told, done_s=min(at_s, self.now_s)))
        if kind is not None:
            self.tell(tracked.event.key.id, kind, at_s, cause)

    def note(self, name: str, text: str) -> None:
        """Something for the log."""
        self.notes.append(Note(name, text))

    def kept(self) -> Kept:
        """The durable part as it is now."""
        return Kept(self.relation, self.events, self.standings, self.refusals)

    def entries(self) -> tuple[Entry, ...]:
        """All that changed and must survive, in a fixed order."""
        found = [self._entry(kind, name) for kind, name in sorted(self._touched)]
        if self.relation != self.state.kept.relation:
            found.append(Entry(self._key("relation", ""), self.relation))
        return tuple(found)

    def _change(self, name: str, tracked: Tracked | None) -> None:
        """A few changes make a layer; with many of them one copy of all is cheaper."""
        self.behind.add(name)
        if self._mine is None and len(self._touched) < _MANY:
            self.events = changed(self.events, {name: tracked})
            return
        if self._mine is None:
            self.events = self._mine = dict(self.events)
        if tracked is None:
            del self._mine[name]
        else:
            self._mine[name] = tracked

    def _entry(self, kind: str, name: str) -> Entry:
        places: dict[str, Mapping[str, object]] = {
            "event": self.events,
            "standing": self.standings,
            "refusal": self.refusals,
        }
        return Entry(self._key(kind, name), places[kind].get(name))

    def _key(self, kind: str, name: str) -> tuple[str, ...]:
        return ROOM, self.state.respondent.upstream, self.state.respondent.id, kind, name
