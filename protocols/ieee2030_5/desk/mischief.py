"""A server that misbehaves on request: a layer around the desk, which alone knows of it. Without tricks it is the desk.

    what it does                     names
    answers without asking           status (`status`, 500), cut, redirect (`status` 302; `location`, or where it is served)
    says yes and forgets             forget
    takes its time                   delay (`by_s`)
    shows another state              clock (`by_s`), pin, creation, vanish
    does not turn the page           stuck
    sends something else             html, nothing, bomb, doctype, deep, large, truncated, namespace, half
    lies about a list                more, fewer, repeated, short, empty, hollow

`clock` on "*" moves the whole server, on "/tm" only Time, on "*/actderc" (negative) makes that list lag. `creation`: a
superseded control gets the creationTime of its successor, a cancelled one that of its cancellation, as some utility
servers have it. `vanish`: controls are gone without having been cancelled. `pin`: another one than was agreed.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Protocol, TypeVar
from urllib.parse import parse_qsl, urlencode

from protocols.ieee2030_5.desk.exchange import Answer, Reply, Request
from protocols.ieee2030_5.desk.records import WHOLE_SERVER, Control, Device, Key, Record, Trick
from protocols.ieee2030_5.desk.shelf import Put, View
from protocols.ieee2030_5.desk.spoiling import SPOILERS

R = TypeVar("R", bound=Record)

MOVED = "/moved"
"""Where `redirect` says that everything is now; it is."""

REDIRECTS = (301, 302, 303, 307, 308)


class Answers(Protocol):
    """What a desk does."""

    def answer(self, request: Request, who: str | None, now_s: float, store: View) -> Answer:
        """See Desk."""


@dataclass(frozen=True, slots=True)
class Mischief:
    """Wears what a desk does; the tricks stand in the store, and that they struck is part of the answer's changes."""

    desk: Answers

    def answer(self, request: Request, who: str | None, now_s: float, store: View) -> Answer:
        """As the desk's, unless tricks strike."""
        tricks = store.all(Trick)
        if not tricks:
            return self.desk.answer(request, who, now_s, store)
        due = [one for one in tricks if _concerns(one, request, who, now_s, store)]
        request = _found_again(request, tricks)
        striking = [one for one in due if one.met >= one.skip]
        answer = self._struck(striking, request, who, now_s, store)
        return replace(answer, changes=(*answer.changes, *(Put(replace(one, met=one.met + 1)) for one in due)))

    def _struck(
        self, tricks: Collection[Trick], request: Request, who: str | None, now_s: float, store: View
    ) -> Answer:
        instead = next((reply for reply in (_instead(one, request) for one in tricks) if reply is not None), None)
        if instead is not None and not any(one.taken for one in tricks):
            return Answer(replace(instead, wait_s=_wait_s(tricks)))
        reads = request.method in ("GET", "HEAD")
        if reads:
            twists = [twist for one in tricks if (twist := _TWISTS.get(one.does)) is not None]
            now_s += sum(one.by_s for one in tricks if one.does == "clock")
            store = _Twisted(store, twists) if twists else store
            if any(one.does == "stuck" for one in tricks):
                request = replace(request, query=_first_page(request.query))
        answer = self.desk.answer(request, who, now_s, store)
        if any(one.does == "forget" for one in tricks):
            answer = replace(answer, changes=())
        reply = instead or answer.reply
        if reads and reply.status == 200 and reply.body:
            for one in tricks:
                spoil = SPOILERS.get(one.does)
                # What one spoiler left may be nothing that another could read.
                reply = spoil(reply) if spoil is not None and reply.body == answer.reply.body else reply
        return replace(answer, reply=replace(reply, wait_s=_wait_s(tricks)))


def _concerns(trick: Trick, request: Request, who: str | None, now_s: float, store: View) -> bool:
    """Whether the request is one of those that the trick is for, struck or spared."""
    if trick.until_s is not None and now_s >= trick.until_s:
        return False
    if trick.times is not None and trick.met >= trick.skip + trick.times:
        return False
    if trick.method not in ("", request.method):
        return False
    if trick.device is not None:
        device = store.get(Device, trick.device)
        if device is None or device.owner != (who or "").upper():
            return False
    if trick.does == "redirect" and trick.location is None and request.path.startswith(f"{MOVED}/"):
        return False
    return fnmatchcase(request.path, trick.path)


def _found_again(request: Request, tricks: Collection[Trick]) -> Request:
    """The request for what a redirect said was moved, under its proper path."""
    if request.path.startswith(f"{MOVED}/") and any(one.does == "redirect" for one in tricks):
        return replace(request, path=request.path.removeprefix(MOVED))
    return request


def _instead(trick: Trick, request: Request) -> Reply | None:
    match trick.does:
        case "status":
            return Reply(status=trick.status or 500, reason="as told to")
        case "cut":
            return Reply(status=500, cut=True, reason="cut as told to")
        case "redirect":
            moved = MOVED + request.path + (f"?{request.query}" if request.query else "")
            return Reply(status=trick.status or 302, location=trick.location or moved, reason="as told to")
        case _:
            return None


def _wait_s(tricks: Collection[Trick]) -> float:
    return float(sum(max(0, one.by_s) for one in tricks if one.does == "delay"))


def _first_page(query: str) -> str:
    return urlencode([pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] != "s"])


class _Twisted:
    """Another state than the true one, to look at only."""

    def __init__(self, store: View, twists: "list[_Twist]") -> None:
        self._store = store
        self._twists = twists

    def get(self, kind: type[R], key: Key) -> R | None:
        """The record, twisted."""
        found = self._store.get(kind, key)
        return None if found is None else self._twisted(kind, found)

    def of(self, kind: type[R], owner: Key = WHOLE_SERVER) -> Collection[R]:
        """The records of the owner, twisted."""
        return self._all_twisted(kind, self._store.of(kind, owner))

    def all(self, kind: type[R]) -> Collection[R]:
        """The records, twisted."""
        return self._all_twisted(kind, self._store.all(kind))

    def _all_twisted(self, kind: type[R], records: Collection[R]) -> list[R]:
        return [twisted for one in records if (twisted := self._twisted(kind, one)) is not None]

    def _twisted(self, kind: type[R], record: R) -> R | None:
        shown: Record | None = record
        for twist in self._twists:
            shown = None if shown is None else twist(shown, self._store)
        return shown if isinstance(shown, kind) else None


_Twist = Callable[[Record, View], Record | None]


def _another_pin(record: Record, _: View) -> Record:
    if isinstance(record, Device) and record.pin is not None:
        return replace(record, pin=(record.pin + 10) % 1_000_000)
    return record


def _moved_creation(record: Record, store: View) -> Record:
    if not isinstance(record, Control):
        return record
    if record.cancelled_s is not None:
        return replace(record, creation_s=record.cancelled_s)
    heir = next((one for one in store.of(Control, record.program) if one.mRID == record.superseded_by), None)
    return record if heir is None else replace(record, creation_s=heir.creation_s)


def _vanished(record: Record, _: View) -> Record | None:
    return None if isinstance(record, Control) else record


_TWISTS: MappingProxyType[str, _Twist] = MappingProxyType(
    {"pin": _another_pin, "creation": _moved_creation, "vanish": _vanished}
)

TRICKS = frozenset({"status", "cut", "redirect", "forget", "delay", "clock", "stuck", *_TWISTS, *SPOILERS})
"""Everything that `does` may say."""
