"""Responses owed: each told once, in order per event, with identical bytes until the server acknowledges it.

Source: IEEE 2030.5-2018 clause 10.2 (Response), replyTo and responseRequired of each event.
"""

import json
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from zlib import crc32

from grid_functions.model.event import RefusalKind, Wanted
from grid_functions.model.outcome import Outcome
from grid_functions.model.ports import Dice
from grid_functions.timeline.layers import changed as layered
from protocols.ieee2030_5.session import polling
from protocols.ieee2030_5.session.exchange import Remember
from protocols.ieee2030_5.session.reads import Letter
from protocols.ieee2030_5.session.terms import Terms
from protocols.ieee2030_5.translate.outcomes import asked_for, status_of
from protocols.ieee2030_5.wire.resources import DERControlResponse

VERSION = 1

KEYS = tuple(f"letters {sixteenth:x}" for sixteenth in range(16))
"""Letters are remembered in sixteenths, so that a new one writes its own alone."""

MOST_LETTERS = 1000
"""Where answers go is remembered for this many events; the oldest are forgotten first, those still owed never."""

MOST_OWED = 20_000
"""Events whose answers a server has not taken: as many as a timeline holds. Beyond that the oldest are given up, with an alarm."""

GIVE_UP_S = 7 * 86_400.0
"""Interpretation: a Response nobody took for a week is given up, with an alarm; its event is long over."""

HASTE_S = 2.0
"""Over this long Responses that waited for a server are spread once it answers again."""

_RETRY = frozenset({401, 403, 404, 408, 429})
"""4xx that may pass: access and addresses are mended, load goes. Every other 4xx is the server's final word."""


@dataclass(frozen=True, slots=True)
class Queue:
    """The outcomes of one event not yet acknowledged, oldest first. ``asked``: id of the request that carries the first; ``turn``: who
    changed earlier is sent earlier of those that are due at once."""

    owed: tuple[Outcome, ...] = ()
    due_s: float = 0.0
    failures: int = 0
    asked: int | None = None
    turn: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Book:
    """Where each event wants its answers, and what is owed. ``texts``: the letters as they are remembered, by key: the very bytes that the
    memory holds, so that a new letter is written behind the others of its sixteenth and none of them anew.

    ``agenda``: (due, turn, event) of what waits to be sent, the soonest first; ``fresh``: the queues that changed and are not settled yet;
    ``oldest_s``: nothing owed is older. So a step costs what it changes, not what is owed: a server that takes none makes it thousands.
    """

    letters: Mapping[str, Letter] = field(default_factory=dict)
    queues: Mapping[str, Queue] = field(default_factory=dict)
    texts: Mapping[str, bytes] = field(default_factory=dict, compare=False)
    agenda: tuple[tuple[float, int, str], ...] = field(default=(), compare=False)
    fresh: frozenset[str] = field(default=frozenset(), compare=False)
    oldest_s: float = field(default=float("inf"), compare=False)
    turns: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Settled:
    """An outcome needs no more sending; ``alarm`` when it should have been taken and was not."""

    outcome: Outcome
    fate: str
    alarm: bool = False


def noted(book: Book, letters: Mapping[str, Letter]) -> Book:
    """Take the letters of a read; the very same book when nothing is new."""
    fresh = {
        name: letter
        for name, letter in letters.items()
        if (known := book.letters.get(name)) is not letter and known != letter
    }
    if not fresh:
        return book
    kept = dict(book.letters)
    stale = [name for name in fresh if kept.pop(name, None) is not None]
    kept |= fresh
    for name in list(islice(kept, max(0, len(kept) - MOST_LETTERS))):
        if name not in book.queues and name not in letters:
            del kept[name]
            stale.append(name)
    after = replace(book, letters=kept, texts=_written(book.texts, fresh, stale))
    owed = book.queues.keys() & fresh.keys()
    return replace(after, agenda=_agenda(after), fresh=book.fresh | owed) if owed else after


def tell(book: Book, outcome: Outcome, mono_s: float) -> Book:
    """Owe one more; one already owed is owed once."""
    queue = book.queues.get(outcome.event.id, Queue(due_s=mono_s))
    if outcome in queue.owed:
        return book
    return _with(book, outcome.event.id, replace(queue, owed=(*queue.owed, outcome)))


def settled(book: Book, server_s: float) -> tuple[Book, tuple[Settled, ...]]:
    """Strike what needs no sending: no word for it, nobody asked, nowhere to send it, or too old."""
    done: list[Settled] = []
    aged = server_s - book.oldest_s > GIVE_UP_S
    for name in (
        tuple(book.queues) if aged else sorted(book.fresh & book.queues.keys(), key=lambda one: book.queues[one].turn)
    ):
        before = queue = book.queues[name]
        while queue.owed and queue.asked is None:
            outcome = queue.owed[0]
            fate = _needless(book.letters.get(name), outcome)
            stale = server_s - outcome.at.at_s > GIVE_UP_S
            if not fate and not stale:
                break
            done.append(Settled(outcome, fate or "given up after a week", alarm=not fate))
            queue = replace(queue, owed=queue.owed[1:], failures=0)
        if queue is not before:
            book = _with(book, name, queue)
    for name in islice(book.queues, max(0, len(book.queues) - MOST_OWED)):
        queue = book.queues[name]
        if queue.asked is None:
            done.extend(Settled(one, "given up: too many are owed", alarm=True) for one in queue.owed)
            book = _with(book, name, Queue())
    if aged:
        book = replace(book, oldest_s=min((one.owed[0].at.at_s for one in book.queues.values()), default=float("inf")))
    return replace(book, fresh=frozenset()) if book.fresh else book, tuple(done)


def due(book: Book, mono_s: float) -> Iterator[tuple[str, Letter, Outcome]]:
    """What is to be sent now: the first of each event's queue."""
    for due_s, _, name in book.agenda:
        if due_s > mono_s:
            return
        yield name, book.letters[name], book.queues[name].owed[0]


def next_due(book: Book) -> float:
    """When the next one is to be sent, monotonic; infinity when none waits."""
    return book.agenda[0][0] if book.agenda else float("inf")


def message_of(letter: Letter, outcome: Outcome, terms: Terms) -> DERControlResponse:
    """The Response for an outcome; the same for the same outcome, whenever it is asked for."""
    status = status_of(outcome, letter.refusal)
    return DERControlResponse(
        createdDateTime=int(outcome.at.at_s),
        endDeviceLFDI=terms.lfdi.upper(),
        status=None if status is None else int(status),
        subject=letter.subject,
    )


def sent(book: Book, name: str, number: int) -> Book:
    """The first of this event's queue is on its way."""
    return _with(book, name, replace(book.queues[name], asked=number))


def answered(
    book: Book, name: str, status: int | None, mono_s: float, dice: Dice, wait_s: float = 0.0
) -> tuple[Book, Settled | None]:
    """The server's status for it, None when nobody answered; ``wait_s``: no sooner again.

    2xx settles; 400 and its like settle with an alarm.
    """
    queue = book.queues[name]
    final = status is not None and 400 <= status < 500 and status not in _RETRY
    if status is not None and (200 <= status < 300 or final):
        rest = Queue(queue.owed[1:], due_s=mono_s)
        fate = "acknowledged" if status < 300 else f"refused with {status}"
        return _with(book, name, rest), Settled(queue.owed[0], fate, alarm=final)
    failures = queue.failures + 1
    wait = polling.backoff(failures, dice, most_s=900.0 if status in (401, 403, 404) else 300.0)
    return _with(book, name, replace(queue, asked=None, failures=failures, due_s=mono_s + max(wait, wait_s))), None


def hastened(book: Book, mono_s: float, dice: Dice) -> Book:
    """The server answers again: what nobody took meanwhile is sent soon, not at the end of a long back-off."""
    queues = {
        name: replace(queue, due_s=min(queue.due_s, mono_s + dice.jitter(0.0, HASTE_S))) if queue.failures else queue
        for name, queue in book.queues.items()
    }
    after = replace(book, queues=queues)
    return replace(after, agenda=_agenda(after))


def changed(before: Book, after: Book) -> Iterator[Remember]:
    """What to remember anew: the sixteenths in which a letter came, changed or went. What is owed is not here: it is in the ledger until
    acknowledged."""
    for key, text in after.texts.items():
        if before.texts.get(key) is not text:
            yield Remember(key, VERSION, text)


def loaded(memory: Mapping[str, tuple[int, bytes]]) -> Book:
    """The book of an earlier run, without what cannot be read: the letters come again with the events."""
    letters: dict[str, Letter] = {}
    texts: dict[str, bytes] = {}
    for key in KEYS:
        version, body = memory.get(key, (0, b""))
        found = _read(body) if version == VERSION else {}
        if found:
            letters |= found
            texts[key] = body
    return Book(letters, texts=texts)


def _written(texts: Mapping[str, bytes], fresh: Mapping[str, Letter], stale: Iterable[str]) -> Mapping[str, bytes]:
    """The texts without the ``stale`` letters and with the ``fresh`` ones."""
    after = dict(texts)
    for name in stale:
        key = _key_of(name)
        plain = json.loads(after[key])
        del plain[name]
        after[key] = json.dumps(plain).encode()
    for name, letter in fresh.items():
        key = _key_of(name)
        plain = {name: [letter.subject, letter.program, letter.reply_to, sorted(letter.wants), letter.refusal]}
        text, others = json.dumps(plain).encode(), after.get(key, _NONE)
        after[key] = text if others == _NONE else b"%b, %b" % (others[:-1], text[1:])
    return after


_NONE = b"{}"


def _key_of(name: str) -> str:
    return KEYS[crc32(name.encode()) % len(KEYS)]


def _read(body: bytes) -> dict[str, Letter]:
    try:
        return {
            str(name): Letter(
                str(subject),
                str(program),
                str(reply_to),
                frozenset(Wanted(want) for want in wants),
                None if refusal is None else RefusalKind(refusal),
            )
            for name, (subject, program, reply_to, wants, refusal) in json.loads(body).items()
        }
    except (ValueError, TypeError, AttributeError):
        return {}


def _needless(letter: Letter | None, outcome: Outcome) -> str:
    status = status_of(outcome, None if letter is None else letter.refusal)
    if status is None:
        return "no word for it"
    if letter is None:
        return ""
    if not asked_for(status, letter.wants):
        return "not asked for"
    return "" if letter.reply_to else "no replyTo"


def _with(book: Book, name: str, queue: Queue) -> Book:
    before, turns = book.queues.get(name), book.turns + 1
    queue = replace(queue, turn=turns)
    agenda, oldest_s = list(book.agenda), book.oldest_s
    if before is not None and _waits(book, name, before):
        del agenda[bisect_left(agenda, (before.due_s, before.turn, name))]
    if queue.owed:
        oldest_s = min(oldest_s, queue.owed[0].at.at_s)
        if _waits(book, name, queue):
            insort(agenda, (queue.due_s, turns, name))
    return replace(
        book,
        queues=layered(book.queues, {name: queue if queue.owed else None})
        if before is not None or queue.owed
        else book.queues,
        agenda=tuple(agenda),
        fresh=book.fresh | {name},
        oldest_s=oldest_s,
        turns=turns,
    )


def _waits(book: Book, name: str, queue: Queue) -> bool:
    return queue.asked is None and name in book.letters


def _agenda(book: Book) -> tuple[tuple[float, int, str], ...]:
    waiting = [(queue.due_s, queue.turn, name) for name, queue in book.queues.items() if _waits(book, name, queue)]
    return tuple(sorted(waiting))
