"""From the tree as it was read to a Read of the model."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from grid_functions.model.event import Event, Rank, Read, RefusalKind, Reject, Standing, Wanted
from protocols.ieee2030_5.session.terms import Terms
from protocols.ieee2030_5.session.tree import (
    CONTROL,
    LISTED,
    OPTIONAL,
    ROUND,
    Kind,
    Look,
    Node,
    Place,
    Tree,
    resolve,
)
from protocols.ieee2030_5.translate.controls import Missing, curve_links
from protocols.ieee2030_5.translate.events import Awaited, event_of, rank_of, reject_of, standing_of, wants_of
from protocols.ieee2030_5.wire.der import DefaultDERControl, DERControl, DERCurve, DERProgram


@dataclass(frozen=True, slots=True)
class Letter:
    """Where an event wants its answers: the program it came from, ``reply_to`` (absolute, empty = nowhere), what is asked for.

    ``subject``: its mRID on the wire; ``refusal``: how we refused it ourselves.
    """

    subject: str
    program: str
    reply_to: str
    wants: frozenset[Wanted]
    refusal: RefusalKind | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a control that needs no curve, so that the same control of the same program becomes the very same again."""

    control: DERControl
    program: str
    primacy: int
    event: Event | Reject | Awaited | None
    remarks: tuple[str, ...]
    letter: Letter


@dataclass(frozen=True, slots=True)
class Stood:
    """What became of a default that needs no curve, likewise."""

    default: DefaultDERControl
    program: DERProgram
    standing: Standing | None
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parts:
    """What the tree says, whatever its age. ``lists``: per program, the lists that hold its events; ``held``: programs with an event
    whose curve is still to come; ``made``: its controls by name; ``stood``: its defaults by program."""

    programs: Mapping[str, Rank]
    lists: Mapping[str, frozenset[Place]]
    held: frozenset[str]
    standings: tuple[Standing, ...]
    events: tuple[Event, ...]
    rejects: tuple[Reject, ...]
    letters: Mapping[str, Letter]
    remarks: tuple[str, ...]
    made: Mapping[str, Made] = field(default_factory=dict)
    stood: Mapping[str, Stood] = field(default_factory=dict)


def compose(tree: Tree, terms: Terms, known: Mapping[str, Letter], before: Parts | None = None) -> Parts:
    """Translate everything read so far. ``known``: the letters of before, so that an event keeps its name; ``before``: what these
    terms were last translated to.

    Interpretation: an mRID is one event. Where a second program reuses it, that copy is an event of its own named mRID@program: merging
    them could drop a limit.
    """
    gather = _Gather(tree, terms, known, *(({}, {}) if before is None else (before.made, before.stood)))
    for program in tree.contents.programs:
        gather.take(program)
    return gather.parts()


def read_of(tree: Tree, terms: Terms, parts: Parts, at_s: float, *, whole: bool) -> Read:
    """The Read of this moment (``at_s``: server time). ``whole``: the tree :func:`is_complete`."""
    listed = frozenset(
        program
        for program, places in parts.lists.items()
        if program not in parts.held and all(_ended(tree.nodes.get(place)) for place in places)
    )
    return Read(
        respondent=terms.respondent,
        at_s=at_s,
        complete=whole and listed == frozenset(parts.programs),
        programs=parts.programs,
        listed=listed,
        standings=parts.standings,
        events=parts.events,
        rejects=parts.rejects,
    )


def is_told_whole(tree: Tree) -> bool:
    """Whether every resource that matters was tried once: a first look at a tree is told whole or not yet."""
    return tree.contents.tried >= _GATED


def is_complete(tree: Tree) -> bool:
    """Every list read to its end since the last complete read; slow lists count as read while they lead somewhere.

    Interpretation: without our EndDevice in the list no read is complete: a device that is not registered is told nothing.
    """
    if tree.device is None:
        return False
    kinds = tree.contents.places.keys()
    for place, node in tree.nodes.items():
        kind = place.kind
        if kind not in CONTROL or kind is Kind.CURVE:
            continue
        if kind in OPTIONAL and node.look is Look.GONE:
            pass
        elif not _ended(node):
            return False
        leads = bool(node.items) and not (kind is Kind.END_DEVICES and Kind.ASSIGNMENTS not in kinds)
        if not node.fresh and (kind in ROUND or (kind in LISTED and not leads)):
            return False
    return Kind.ASSIGNMENTS not in kinds or any(_ended(node) for node in tree.of(Kind.ASSIGNMENTS))


_GATED = CONTROL | {Kind.TIME, Kind.REGISTRATION}


def _ended(node: Node | None) -> bool:
    return node is not None and node.look is Look.READ and node.listing is not None and node.listing.ended


class _Gather:
    def __init__(
        self,
        tree: Tree,
        terms: Terms,
        known: Mapping[str, Letter],
        before: Mapping[str, Made],
        stood: Mapping[str, Stood],
    ) -> None:
        self._tree = tree
        self._terms = terms
        self._letters: dict[str, Letter] = {}
        self._known = known
        self._programs: dict[str, Rank] = {}
        self._lists: dict[str, set[Place]] = {}
        self._held: set[str] = set()
        self._standings: dict[str, Standing] = {}
        self._events: dict[str, Event] = {}
        self._rejects: list[Reject] = []
        self._remarks: list[str] = []
        self._before = before
        self._made: dict[str, Made] = {}
        self._stood_before = stood
        self._stood: dict[str, Stood] = {}
        self._respondent = terms.respondent

    def take(self, program: DERProgram) -> None:
        # Reached twice with two primacies, the better one counts (sorted so): it was assigned.
        self._programs.setdefault(program.mRID, rank_of(program))
        lists = self._lists.setdefault(program.mRID, set())
        if program.DERControlListLink is not None:
            place = Place(Kind.CONTROLS, self._resolve(program.DERControlListLink.href))
            if place not in lists:
                lists.add(place)
                self._take_controls(program, self._tree.nodes.get(place))
        if program.DefaultDERControlLink is not None:
            default = self._tree.nodes.get(Place(Kind.DEFAULT, self._resolve(program.DefaultDERControlLink.href)))
            if default is not None and isinstance(default.message, DefaultDERControl):
                self._take_default(program, default.message)

    def parts(self) -> Parts:
        return Parts(
            self._programs,
            {program: frozenset(places) for program, places in self._lists.items()},
            frozenset(self._held),
            tuple(self._standings.values()),
            tuple(self._events.values()),
            tuple(self._rejects),
            self._letters,
            tuple(dict.fromkeys(self._remarks)),
            self._made,
            self._stood,
        )

    def _take_controls(self, program: DERProgram, node: Node | None) -> None:
        if node is None or node.listing is None:
            return
        before, known, letters, level, of = self._before, self._known, self._letters, program.primacy, program.mRID
        for item in node.items:
            if not isinstance(item, DERControl):
                continue
            name = item.mRID
            made = before.get(name)
            if (
                made is None
                or made.control is not item
                or made.remarks
                or not isinstance(made.event, Event)
                or made.program != of
                or made.primacy != level
                or name in letters
                or (letter := known.get(name)) is None
                or letter.program != of
            ):
                self._take_control(item, program)
            else:  # as before, and as it is with nearly all of them
                self._made[name] = made
                self._events[name] = made.event
                letters[name] = made.letter
        for unread in node.listing.rejects:
            reject = reject_of(unread)
            self._rejects.append(reject)
            self._remarks.append(f"control {reject.id or unread.href or unread.index}: {unread.reason}")
            if reject.id:
                self._letters[reject.id] = self._letter(
                    reject.id, program.mRID, unread.replyTo, unread.responseRequired, reject.kind
                )

    def _take_control(self, control: DERControl, program: DERProgram) -> None:
        mrid = control.mRID
        first = self._letters.get(mrid) or self._known.get(mrid)
        name = mrid if first is None or first.program == program.mRID else f"{mrid}@{program.mRID}"
        if name in self._events:
            return
        made = self._event(control, program, name)
        event = made.event
        if made.remarks:
            self._remarks.extend(made.remarks)
        match event:
            case Event():
                self._events[name] = event
            case Reject():
                self._rejects.append(event)
                self._remarks.append(f"control {name}: {event.text}")
            case Awaited():
                self._held.add(program.mRID)
            case None:
                return
        self._letters[name] = made.letter

    def _event(self, control: DERControl, program: DERProgram, name: str) -> Made:
        made = self._before.get(name)
        if (
            made is not None
            and (made.control is control or made.control == control)
            and made.program == program.mRID
            and made.primacy == program.primacy
        ):
            self._made[name] = made
            return made
        category = self._terms.device_category
        event, remarks = event_of(control, program, self._respondent, category, self._curve, name)
        refusal = event.kind if isinstance(event, Reject) else None
        letter = self._letter(control.mRID, program.mRID, control.replyTo, control.responseRequired, refusal)
        made = Made(control, program.mRID, program.primacy, event, remarks, letter)
        if not curve_links(control.DERControlBase):
            self._made[name] = made
        return made

    def _take_default(self, program: DERProgram, default: DefaultDERControl) -> None:
        stood = self._stood_before.get(program.mRID)
        if stood is None or stood.default is not default or stood.program is not program:
            stood = Stood(default, program, *standing_of(default, program, self._curve))
        if program.mRID not in self._stood and not curve_links(default.DERControlBase):
            self._stood[program.mRID] = stood
        self._remarks.extend(stood.remarks)
        if stood.standing is None:
            self._held.add(program.mRID)
        else:
            self._standings.setdefault(program.mRID, stood.standing)

    def _letter(
        self, subject: str, program: str, reply_to: str | None, asked: int | None, refusal: RefusalKind | None
    ) -> Letter:
        url = self._resolve(reply_to) if reply_to else ""
        return Letter(subject, program, url, wants_of(asked), refusal)

    def _resolve(self, href: str) -> str:
        return resolve(self._terms.url, href)

    def _curve(self, href: str) -> DERCurve | Missing:
        node = self._tree.nodes.get(Place(Kind.CURVE, self._resolve(href)))
        if node is None:
            return Missing(lasting=not self._resolve(href))
        if isinstance(node.message, DERCurve):
            return node.message
        return Missing(lasting=node.look is Look.GONE)
