"""A full set of events against what is known (OpenADR 2.0b profile, clause 8.1; rules 5 to 66)."""

from dataclasses import dataclass, replace

from grid_functions.model.event import Event, Rank, Read, RefusalKind, Reject, Respondent
from protocols.openadr2b.session import book as books
from protocols.openadr2b.session.book import Book, Gone, Known
from protocols.openadr2b.session.terms import Terms
from protocols.openadr2b.translate.events import stopped
from protocols.openadr2b.translate.refusal import Code, Refusal
from protocols.openadr2b.wire.events import EventResponse, OadrDistributeEvent, OadrEvent
from protocols.openadr2b.wire.reader import Unread


@dataclass(frozen=True, slots=True)
class Reconciled:
    """``doubted``: something vanished of which the next full set must say so again; ``remarks``: for people."""

    book: Book
    doubted: bool
    remarks: tuple[str, ...]


def reconcile(
    book: Book, message: OadrDistributeEvent, unread: tuple[Unread, ...], terms: Terms, ven_id: str, now_s: float
) -> Reconciled:
    """Take a full set. Each event stands for itself: no answer to one depends on another (rule 19)."""
    remarks: list[str] = []
    page = _Page(book)
    shown: dict[str, OadrEvent] = {}
    for event in message.events:
        other = shown.get(event.descriptor.eventID)
        if other is not None:
            remarks.append(f"event {event.descriptor.eventID}: shown twice, the higher modification is taken")
        if other is None or event.descriptor.modificationNumber > other.descriptor.modificationNumber:
            shown[event.descriptor.eventID] = event
    for event in shown.values():
        remarks += _take(page, event, message.requestID, terms, ven_id, now_s)
    for bad in unread:
        remarks.append(f"event {bad.eventID or 'without an id'}: {bad.reason}")
        if bad.responseRequired and bad.eventID is not None and bad.modificationNumber is not None:
            _answer(page, message.requestID, bad.eventID, bad.modificationNumber, Code.INVALID_DATA, bad.reason)
    present = shown.keys() | {bad.eventID for bad in unread}
    doubted = _release(page, present, any(bad.eventID is None for bad in unread), now_s)
    extra = dict(list(page.extra.items())[-books.MOST_EXTRA :])
    return Reconciled(books.pruned(replace(book, known=page.known, extra=extra), now_s), doubted, tuple(remarks))


def read_of(
    book: Book, respondent: Respondent, terms: Terms, now_s: float, *, complete: bool, refused: str = ""
) -> Read:
    """The look one respondent gets. Every market context we know of was read to its end: the set is always a full one."""
    programs = terms.market_contexts | {known.event.descriptor.marketContext for known in book.known.values()}
    events: list[Event] = []
    rejects: list[Reject] = []
    for known in book.known.values():
        model = next((one for one in known.models if one.key.respondent == respondent), None)
        if model is not None:
            events += _shown(known, model)
        elif known.refusal is not None and known.gone is None and _speaks_for_refusals(respondent, terms):
            kind = RefusalKind.INVALID if known.refusal.code is Code.INVALID_DATA else RefusalKind.NOT_APPLICABLE
            rejects.append(Reject(known.name, kind, f"{known.refusal.code:d} {known.refusal.text}"))
    return Read(
        respondent=respondent,
        at_s=now_s,
        complete=complete,
        programs={program: Rank(0.0, 0.0, program) for program in sorted(programs)},
        listed=frozenset(programs),
        events=tuple(events),
        rejects=tuple(rejects),
        refused=refused,
    )


def _speaks_for_refusals(respondent: Respondent, terms: Terms) -> bool:
    """An event that is nobody's is shown at one respondent."""
    return respondent == terms.respondent(next(iter(terms.respondents)))


def _shown(known: Known, model: Event) -> tuple[Event, ...]:
    """An event as a read shows it: as it is, stopped, or (the timeline then lets it go) not at all."""
    if known.gone is None:
        return (model,)
    if known.gone.implied and not (known.gone.sure and model.random_start_s > 0):
        return ()
    return (stopped(model),)


class _Page:
    """The book while a set is written into it."""

    def __init__(self, book: Book) -> None:
        self.known = dict(book.known)
        self.extra = dict(book.extra)
        self.shown = sum(one.gone is None for one in book.known.values())
        self.length = sum(one.length for one in book.known.values() if one.gone is None)

    def put(self, known: Known) -> None:
        """One event as it is now."""
        was = self.known.get(known.name)
        for one, sign in ((was, -1), (known, 1)):
            if one is not None and one.gone is None:
                self.shown += sign
                self.length += sign * one.length
        self.known[known.name] = known

    def refuses(self, number: int, length: int) -> Refusal | None:
        """Why there is no room for so many events more, and so many bytes."""
        if self.shown + number <= books.MOST_KNOWN and self.length + length <= books.MOST_BYTES:
            return None
        return Refusal(Code.DEPLOYMENT, "there is no room for it beside all others that are shown")


def _take(page: _Page, event: OadrEvent, request_id: str, terms: Terms, ven_id: str, now_s: float) -> tuple[str, ...]:
    descriptor = event.descriptor
    known = page.known.get(descriptor.eventID)
    cancelled = descriptor.eventStatus == "cancelled"
    wants = event.responseRequired == "always"
    if known is None:
        if cancelled:  # of an event we never had, or forgot: no error, nothing to do (rules 21 and 60)
            _acknowledge(page, event, request_id)
            return ()
        length = books.length_of(event)
        if (full := page.refuses(1, length)) is not None:
            if wants:
                _answer(page, request_id, descriptor.eventID, descriptor.modificationNumber, full.code, full.text)
            return (f"event {descriptor.eventID}: {full.text}",)
        models, refusal, remarks = books.judged(event, terms, ven_id)
        known = Known(event, request_id, models, refusal, wants_answer=wants, asked_s=now_s, length=length)
        said = (*remarks, *((refusal.text,) if refusal else ()))
        page.put(known)
        return tuple(f"event {known.name}: {text}" for text in said)
    had = known.event.descriptor.modificationNumber
    if descriptor.modificationNumber < had:
        text = f"modification {descriptor.modificationNumber} after {had}"
        if wants:
            _answer(page, request_id, known.name, descriptor.modificationNumber, Code.OUT_OF_SEQUENCE, text)
        return (f"event {known.name}: {text}",)
    if cancelled:
        gone = (
            known.gone if known.gone is not None and not known.gone.implied else Gone(now_s, implied=False, sure=True)
        )
        # its own content stays: a cancellation has nothing to say about anything else
        kept = replace(known.event, descriptor=descriptor, responseRequired=event.responseRequired)
        kept = known.event if kept == known.event else kept
        page.put(replace(known, event=kept, gone=gone, request_id=request_id, wants_answer=wants))
        return ()
    if known.gone is not None and not known.gone.implied:
        # Interpretation: a cancelled event does not come back; whoever wants the like of it sends another one.
        text = "it was cancelled before"
        if wants:
            _answer(page, request_id, known.name, descriptor.modificationNumber, Code.COMPLIANCE, text)
        return (f"event {known.name}: {text}",)
    known = replace(known, request_id=request_id, wants_answer=wants, gone=None)
    if descriptor.modificationNumber == had:
        page.put(known)
        return _differing(known, event)
    length = books.length_of(event)
    models, refusal, remarks = books.judged(event, terms, ven_id)
    bad = page.refuses(0, length - known.length) or (refusal if known.models else None)
    if bad is not None:
        # a good event is never unseated by a bad modification: it is refused, and what was accepted holds
        page.put(replace(known, wants_answer=False))
        if wants:
            _answer(page, request_id, known.name, descriptor.modificationNumber, bad.code, bad.text)
        return (f"event {known.name}: modification refused, {bad.text}",)
    page.put(replace(known, event=event, models=models, refusal=refusal, length=length))
    return tuple(f"event {known.name}: {text}" for text in remarks)


def _differing(known: Known, event: OadrEvent) -> tuple[str, ...]:
    """Status flips alone leave the number as it is; any other change must raise it (rule 5)."""
    if (
        event.period == known.event.period
        and event.signals == known.event.signals
        and event.target == known.event.target
    ):
        return ()
    return (f"event {known.name}: changed without a higher modification number, what was accepted holds",)


def _release(page: _Page, present: set[str | None], unnamed: bool, now_s: float) -> bool:
    """What is not shown is cancelled (rule 61): at once where its market context shows others, else when seen so twice.

    Interpretation: while an event could not be read well enough to say which it is, nothing is taken for vanished.
    """
    if unnamed:
        return False
    filled = {known.event.descriptor.marketContext for name, known in page.known.items() if name in present}
    doubted = False
    for name, known in list(page.known.items()):
        if name in present or (known.gone is not None and known.gone.sure):
            continue
        again = known.gone is not None
        sure = again or known.event.descriptor.marketContext in filled
        doubted = doubted or not sure
        gone = Gone(known.gone.at_s if known.gone else now_s, implied=True, sure=sure)
        page.put(replace(known, gone=gone, wants_answer=False))
    return doubted


def _acknowledge(page: _Page, event: OadrEvent, request_id: str) -> None:
    if event.responseRequired == "always":
        descriptor = event.descriptor
        _answer(page, request_id, descriptor.eventID, descriptor.modificationNumber, Code.OK, "OK", "optIn")


def _answer(
    page: _Page, request_id: str, event_id: str, number: int, code: Code, text: str, opt: str = "optOut"
) -> None:
    answer = EventResponse(
        responseCode=int(code),
        responseDescription=text[:500],
        requestID=request_id,
        eventID=event_id,
        modificationNumber=number,
        optType=opt,
    )
    page.extra[answer] = None
