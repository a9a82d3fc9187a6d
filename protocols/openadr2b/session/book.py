"""What the VTN has shown, what became of it here, and the answers that follow (OpenADR 2.0b profile, clause 8.1).

One event addressed to several resources is one event for each respondent and one folded answer to the VTN.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

from grid_functions.model.event import Event
from grid_functions.model.outcome import Outcome, OutcomeKind
from protocols.openadr2b.session.terms import Terms
from protocols.openadr2b.translate.events import Translated, events_of
from protocols.openadr2b.translate.refusal import Code, Refusal
from protocols.openadr2b.wire.events import EventResponse, OadrDistributeEvent, OadrEvent, SignalInterval
from protocols.openadr2b.wire.reader import OURS, MalformedBody, decode
from protocols.openadr2b.wire.writer import encode

KEY = "events"
VERSION = 1

MOST_KNOWN = 2000
MOST_BYTES = 16 * 1_048_576
"""Events kept in mind, and about how long they are as one document; of those that are gone the oldest are forgotten first."""

MOST_EXTRA = 2000
"""Answers of one kind that wait for a VTN that pushes and takes none; the oldest are dropped."""

PATIENCE_S = 30.0
"""Interpretation: a respondent that says nothing of an event for so long takes part: one whose devices cannot would have said so."""

KEEP_S = 86_400.0
"""A gone event is kept this long, so that a repeat of its cancellation is known for one."""


@dataclass(frozen=True, slots=True)
class Voice:
    """What one respondent makes of an event. ``refused``: why its devices cannot, empty = they can."""

    refused: str = ""
    user_out: bool = False
    displaced: bool = False

    @property
    def takes_part(self) -> bool:
        """Whether it is in."""
        return not (self.refused or self.user_out or self.displaced)


@dataclass(frozen=True, slots=True)
class Gone:
    """An event that is over for the VTN: cancelled, or (``implied``) no longer shown; ``sure``: seen twice, or clear at once."""

    at_s: float
    implied: bool
    sure: bool


@dataclass(frozen=True, slots=True)
class Known:
    """One event. ``request_id``: of the delivery that is to be answered; ``asked_s``: when it was first delivered, on the VTN's clock;
    ``told``: the answer acknowledged last (modification, code, opt); ``length``: of its event, see :func:`length_of`."""

    event: OadrEvent
    request_id: str
    models: tuple[Event, ...] = ()
    refusal: Refusal | None = None
    voices: Mapping[str, Voice] = field(default_factory=dict)
    wants_answer: bool = False
    gone: Gone | None = None
    told: tuple[int, int, str] | None = None
    asked_s: float = float("-inf")
    length: int = 0

    @property
    def name(self) -> str:
        """Its eventID."""
        return self.event.descriptor.eventID

    @property
    def answerable(self) -> bool:
        """Whether the VTN takes answers to it (rule 12)."""
        return self.event.responseRequired == "always"


@dataclass(frozen=True, slots=True)
class Book:
    """``extra``: answers to deliveries that changed nothing here; ``waiting``: outcomes told once their event's answer is taken;
    ``alone``: answers go one by one, since a group of them was refused."""

    known: Mapping[str, Known] = field(default_factory=dict)
    extra: Mapping[EventResponse, None] = field(default_factory=dict)
    waiting: Mapping[str, tuple[Outcome, ...]] = field(default_factory=dict)
    alone: bool = False


def judged(event: OadrEvent, terms: Terms, ven_id: str) -> tuple[tuple[Event, ...], Refusal | None, tuple[str, ...]]:
    """What an event is to our respondents, why it is refused, and remarks."""
    found = events_of(event, terms, ven_id)
    return (found.events, None, found.remarks) if isinstance(found, Translated) else ((), found, ())


def answer_of(known: Known) -> EventResponse | None:
    """The answer as things stand; None while a respondent has not said what it makes of it."""
    descriptor = known.event.descriptor
    refusal, opt = known.refusal, "optIn"
    if known.gone is None or known.gone.implied:
        if refusal is None:
            voices = [known.voices.get(model.key.respondent.id) for model in known.models]
            heard = [voice for voice in voices if voice is not None]
            if len(heard) < len(voices):
                return None
            opt = "optIn" if any(voice.takes_part for voice in heard) else "optOut"
            if heard and all(voice.refused for voice in heard):
                refusal = Refusal(Code.SIGNAL_NOT_SUPPORTED, heard[0].refused)
        if refusal is not None:
            opt = "optOut"
    else:
        refusal = None  # the cancellation is what is answered, and it is accepted (rule 36)
    return EventResponse(
        responseCode=int(Code.OK if refusal is None else refusal.code),
        responseDescription="OK" if refusal is None else refusal.text[:500],
        requestID=known.request_id,
        eventID=descriptor.eventID,
        modificationNumber=descriptor.modificationNumber,
        optType=opt,
    )


def waited(book: Book, now_s: float) -> Book:
    """With a voice for every respondent that was waited for long enough."""
    heard: dict[str, Known] = {}
    for name, known in book.known.items():
        if known.wants_answer and not 0.0 <= now_s - known.asked_s < PATIENCE_S and (silent := _silent(known)):
            heard[name] = replace(known, voices={**known.voices, **dict.fromkeys(silent, Voice())})
    return replace(book, known={**book.known, **heard}) if heard else book


def patience_ends_s(book: Book) -> float:
    """When :func:`waited` is to be asked again, on the VTN's clock; infinity if nobody is waited for."""
    return min(
        (known.asked_s + PATIENCE_S for known in book.known.values() if known.wants_answer and _is_waited_for(known)),
        default=float("inf"),
    )


def due_answers(book: Book) -> tuple[EventResponse, ...]:
    """What one oadrCreatedEvent would carry now."""
    ready = (answer_of(known) for known in book.known.values() if known.wants_answer)
    found = (*book.extra, *(answer for answer in ready if answer is not None))
    return found[:1] if book.alone else found


def owes(book: Book) -> bool:
    """Whether :func:`due_answers` has any."""
    return bool(book.extra) or any(one.wants_answer and not _is_waited_for(one) for one in book.known.values())


def tell(book: Book, outcome: Outcome) -> tuple[Book, str]:
    """Take an outcome. The text says why nothing needs to be sent for it; empty = its answer is owed now."""
    known = book.known.get(outcome.event.id)
    if known is None:
        return book, "no longer known"
    heard = known.voices.get(outcome.event.respondent.id)
    voice = _voice(heard or Voice(), outcome)
    if voice is None:
        return book, "no word for it"
    known = replace(known, voices={**known.voices, outcome.event.respondent.id: voice})
    book = put(book, known)
    if not known.answerable:
        return book, "not wanted"
    answer = answer_of(known)
    if answer is None:
        return book, "folded into the answer for its other respondents"
    if known.told == summary(answer) and not known.wants_answer:
        return book, "told before"
    waiting = (*book.waiting.get(known.name, ()), outcome)
    return put(replace(book, waiting={**book.waiting, known.name: waiting}), replace(known, wants_answer=True)), ""


def answered(book: Book, sent: Iterable[EventResponse], fate: str) -> tuple[Book, tuple[Outcome, ...]]:
    """The VTN took these answers, or refused them for good; the outcomes that are settled with them."""
    settled: list[Outcome] = []
    waiting, extra, every = dict(book.waiting), dict(book.extra), dict(book.known)
    for response in sent:
        if response in extra:
            del extra[response]
            continue
        known = every.get(response.eventID)
        if known is None or answer_of(known) != response:
            continue  # it has moved on meanwhile: the newer answer is still owed
        every[known.name] = replace(known, wants_answer=False, told=summary(response) if fate == "" else known.told)
        settled += waiting.pop(response.eventID, ())
    return replace(book, known=every, extra=extra, waiting=waiting), tuple(settled)


def stranded(book: Book) -> tuple[Book, tuple[Outcome, ...]]:
    """Without the outcomes of events that want no answer any more: gone, or refused as they are now."""
    left = {name: told for name, told in book.waiting.items() if name in book.known and book.known[name].wants_answer}
    if len(left) == len(book.waiting):
        return book, ()
    lost = tuple(outcome for name, told in book.waiting.items() if name not in left for outcome in told)
    return replace(book, waiting=left), lost


def summary(answer: EventResponse) -> tuple[int, int, str]:
    """What of an answer makes it another one."""
    return answer.modificationNumber, answer.responseCode, answer.optType


def put(book: Book, known: Known) -> Book:
    """One event as it is now."""
    return replace(book, known={**book.known, known.name: known})


def mean_duration_s(book: Book) -> float | None:
    """Of the events that are shown now; None without one that ends."""
    lengths = [known.event.period.duration for known in book.known.values() if known.gone is None]
    ending = [length for length in lengths if length > 0]
    return sum(ending) / len(ending) if ending else None


def pruned(book: Book, now_s: float) -> Book:
    """Without what is gone for long, unless something is owed for it."""
    over = [(known.gone.at_s, known) for known in book.known.values() if known.gone is not None]
    # Where there is too much, what is owed for is forgotten too, but last: it is a VTN that takes no answers.
    over.sort(key=lambda one: (is_owed(book, one[1]), one[0]))
    spare, length = len(book.known) - MOST_KNOWN, sum(known.length for known in book.known.values()) - MOST_BYTES
    old = set()
    for at_s, known in over:
        if spare > 0 or length > 0 or (now_s - at_s > KEEP_S and not is_owed(book, known)):
            old.add(known.name)
            spare, length = spare - 1, length - known.length
    return replace(book, known={name: known for name, known in book.known.items() if name not in old}) if old else book


def is_owed(book: Book, known: Known) -> bool:
    """Whether the VTN, or an outcome, waits for its answer."""
    return known.wants_answer or known.name in book.waiting


def length_of(event: OadrEvent) -> int:
    """About how many bytes it takes as a document."""
    intervals = sum(len(signal.intervals) for signal in event.signals)
    if event.baseline is not None:
        intervals += len(event.baseline.intervals)
    return _INTERVAL_BYTES * intervals + _text_of(event)


def lasts(before: Book, now: Book) -> bool:
    """Whether all that outlives a run is as it was; events are compared by identity, for a changed one is another."""
    return len(before.known) == len(now.known) and all(
        (was := before.known.get(name)) is known
        or (
            was is not None
            and was.event is known.event
            and (was.voices, was.gone, was.told) == (known.voices, known.gone, known.told)
        )
        for name, known in now.known.items()
    )


def is_long(book: Book) -> bool:
    """Whether to write it down takes more than a millisecond or so."""
    return sum(len(signal.intervals) for known in book.known.values() for signal in known.event.signals) > _MOST_SHORT


def saved(book: Book) -> bytes:
    """The book as bytes of :data:`VERSION`. Outcomes that wait are in the ledger until acknowledged."""
    events = tuple(known.event for known in book.known.values())
    document = encode(OadrDistributeEvent(requestID="", vtnID="", events=events)).decode()
    notes = {
        known.name: {
            "request": known.request_id,
            "voices": {name: [v.refused, v.user_out, v.displaced] for name, v in known.voices.items()},
            "gone": None if known.gone is None else [known.gone.at_s, known.gone.implied, known.gone.sure],
            "told": known.told,
        }
        for known in book.known.values()
    }
    return json.dumps({"events": document, "notes": notes}).encode()


def loaded(version: int, body: bytes, terms: Terms, ven_id: str) -> Book:
    """The book of an earlier run; empty when it cannot be read: the VTN shows its events again."""
    if version != VERSION:
        return Book()
    try:
        plain = json.loads(body)
        message = decode(plain["events"].encode(), limits=OURS).message
        if not isinstance(message, OadrDistributeEvent):
            return Book()
        return Book(
            {event.descriptor.eventID: _loaded(event, plain["notes"], terms, ven_id) for event in message.events}
        )
    except (ValueError, TypeError, KeyError, AttributeError, MalformedBody):
        return Book()


_MOST_SHORT = 30
"""Intervals."""

_INTERVAL_BYTES = 300


def _text_of(held: Any) -> int:
    """The lengths of all texts in it but its intervals, and what surrounds them."""
    if isinstance(held, str):
        return 40 + len(held)
    if isinstance(held, tuple):
        return 0 if held and isinstance(held[0], SignalInterval) else sum(map(_text_of, held))
    return 40 + sum(_text_of(getattr(held, one.name)) for one in fields(held)) if is_dataclass(held) else 40


def _silent(known: Known) -> list[str]:
    """The respondents that have not said what they make of it."""
    return [m.key.respondent.id for m in known.models if m.key.respondent.id not in known.voices]


def _is_waited_for(known: Known) -> bool:
    """Whether its answer is none yet, see :func:`answer_of`."""
    if known.refusal is not None or (known.gone is not None and not known.gone.implied):
        return False
    return any(model.key.respondent.id not in known.voices for model in known.models)


def _loaded(event: OadrEvent, notes: Mapping[str, Mapping[str, object]], terms: Terms, ven_id: str) -> Known:
    note = notes[event.descriptor.eventID]
    models, refusal, _ = judged(event, terms, ven_id)
    gone, told, voices = note["gone"], note["told"], note["voices"]
    if not isinstance(voices, dict):
        raise TypeError("voices")
    return Known(
        event=event,
        request_id=str(note["request"]),
        length=length_of(event),
        models=models,
        refusal=refusal,
        voices={str(name): Voice(str(v[0]), bool(v[1]), bool(v[2])) for name, v in voices.items()},
        gone=Gone(float(gone[0]), bool(gone[1]), bool(gone[2])) if isinstance(gone, list) else None,
        told=(int(told[0]), int(told[1]), str(told[2])) if isinstance(told, list) else None,
    )


def _voice(voice: Voice, outcome: Outcome) -> Voice | None:
    match outcome.kind:
        case OutcomeKind.RECEIVED:
            return voice
        case OutcomeKind.REFUSED:
            return replace(voice, refused=outcome.cause.text or "no device here can do it")
        case OutcomeKind.EXPIRED:
            return replace(voice, user_out=True)
        case OutcomeKind.OPTED_OUT:
            return replace(voice, user_out=True)
        case OutcomeKind.OPTED_IN:
            return replace(voice, user_out=False)
        case OutcomeKind.DISPLACED:
            return replace(voice, displaced=True)
        case OutcomeKind.RESTORED:
            return replace(voice, displaced=False)
        case _:
            return None
