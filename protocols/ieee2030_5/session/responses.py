"""Responses owed: each told once, in order per event, with identical bytes until the server acknowledges it.

Source: IEEE 2030.5-2018 clause 10.2 (Response), replyTo and responseRequired of each event.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from zlib import crc32

from grid_functions.model.event import RefusalKind, Wanted
from grid_functions.model.outcome import Outcome
from grid_functions.model.ports import Dice
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

GIVE_UP_S = 7 * 86_400.0
"""Interpretation: a Response nobody took for a week is given up, with an alarm; its event is long over."""

HASTE_S = 2.0
"""Over this long Responses that waited for a server are spread once it answers again."""

_RETRY = frozenset({401, 403, 404, 408, 429})
"""4xx that may pass: access and addresses are mended, load goes. Every other 4xx is the server's final word."""


@dataclass(frozen=True, slots=True)
class Queue:
    """The outcomes of one event not yet acknowledged, oldest first. ``asked``: id of the request that carries the first."""

    owed: tuple[Outcome, ...] = ()
    due_s: float = 0.0
    failures: int = 0
    asked: int | None = None


@dataclass(frozen=True, slots=True)
class Book:
    """Where each event wants its answers, and what is owed. ``texts``: the letters as they are remembered, by key: the very bytes that the
    memory holds, so that a new letter is written behind the others of its sixteenth and none of them anew."""

    letters: Mapping[str, Letter] = field(default_factory=dict)
    queues: Mapping[str, Queue] = field(default_factory=dict)
    texts: Mapping[str, bytes] = field(default_factory=dict, compare=False)


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
    return Book(kept, book.queues, _written(book.texts, fresh, stale))


def tell(book: Book, outcome: Outcome, mono_s: float) -> Book:
    """Owe one more; one already owed is owed once."""
    queue = book.queues.get(outcome.event.id, Queue(due_s=mono_s))
    if outcome in queue.owed:
        return book
    return _with(book, outcome.event.id, replace(queue, owed=(*queue.owed, outcome)))


def settled(book: Book, server_s: float) -> tuple[Book, tuple[Settled, ...]]:
    """Strike what needs no sending: no word for it, nobody asked, nowhere to send it, or too old."""
    done: list[Settled] = []
    for name, before in book.queues.items():
        queue = before
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
    return book, tuple(done)


def due(book: Book, mono_s: float) -> Iterator[tuple[str, Letter, Outcome]]:
    """What is to be sent now: the first of each event's queue."""
    for name, queue in book.queues.items():
        letter = book.letters.get(name)
        if letter is not None and queue.owed and queue.asked is None and queue.due_s <= mono_s:
            yield name, letter, queue.owed[0]


def next_due(book: Book) -> float:
    """When the next one is to be sent, monotonic; infinity when none waits."""
    waits = (queue.due_s for name, queue in book.queues.items() if queue.asked is None and name in book.letters)
    return min(waits, default=float("inf"))


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
    return replace(book, queues=queues)


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
    queues = {key: value for key, value in book.queues.items() if key != name}
    if queue.owed:
        queues[name] = queue
    return replace(book, queues=queues)
