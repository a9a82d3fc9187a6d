"""The reports that events ask for, in a step: which are due, what they say, and their way to the VTN."""

from collections.abc import Iterator
from dataclasses import replace

from grid_functions.model.outcome import Outcome
from protocols.exchange import Failed
from protocols.openadr3.report import book, duty, outbox, values
from protocols.openadr3.report.book import Book
from protocols.openadr3.report.duty import Due
from protocols.openadr3.report.outbox import Letter
from protocols.openadr3.report.values import TABLE, Circumstances
from protocols.openadr3.session import pace, rounds, token
from protocols.openadr3.session.exchange import Method, Picture, Reply
from protocols.openadr3.session.reporting import KEY, VERSION, begun_s, deed_at, deed_key, saved, with_deed
from protocols.openadr3.session.sightings import Known
from protocols.openadr3.session.state import ForReport
from protocols.openadr3.session.turn import Turn
from protocols.openadr3.timing import Span
from protocols.openadr3.translate.addressing import WHOLE_VEN, meant
from protocols.openadr3.wire import objects, reader, writer
from protocols.openadr3.wire.objects import ReportDescriptor
from protocols.openadr3.wire.writer import Explained, Report, Told, ToldOf

LAG_S = 15.0
"""A report about the past waits so long for the last minute's averages."""

AGGREGATED = "AGGREGATED_REPORT"

_MEASURED = frozenset({"USAGE", "DEMAND", "DELTA_USAGE", "READING"})


def heard(turn: Turn, picture: Picture) -> None:
    """One more picture of a respondent's site."""
    terms, reporting = turn.state.terms, turn.state.reporting
    for name, devices in terms.serves.items():
        if terms.respondent(name) == picture.respondent:
            known = reporting.books.get(name, Book())
            after = book.taken(known, picture.snapshot, picture.averages, devices, picture.usual)
            reporting = replace(reporting, books={**reporting.books, name: after})
    turn.change(reporting=reporting)


def noted(turn: Turn, outcome: Outcome) -> None:
    """What became of an event; remembered where the event asks for reports, since it is told once only."""
    reporting = turn.state.reporting
    deeds = with_deed(reporting.deeds, outcome)
    if deeds is reporting.deeds:
        return
    after = replace(reporting, deeds=deeds)
    turn.change(reporting=after)
    known = turn.state.known.get(outcome.event.id.partition("#")[0])
    if known is None or known.event.reports:
        turn.remember(KEY, VERSION, saved(after))


def follow(turn: Turn) -> None:
    """The events were read anew: what they ask for now."""
    reporting, now_s = turn.state.reporting, turn.utc_s
    found: dict[str, int] = {}
    for key, one, descriptor in _asked(turn):
        if key in reporting.next:
            found[key] = reporting.next[key]
        elif descriptor.payload_type in TABLE:
            found[key] = _first(one, descriptor, turn.state.terms.report_s, now_s)
    events = {known.event.id for known in turn.state.known.values()}
    deeds = {key: one for key, one in reporting.deeds.items() if key.partition(" ")[0] in events}
    unknown = sorted({one.payload_type for _, _, one in _asked(turn) if one.payload_type not in TABLE})
    if unknown:
        turn.alarm("report types", f"reports are asked for that this site cannot know: {', '.join(unknown)[:200]}")
    else:
        turn.calm("report types")
    after = replace(reporting, next=found, deeds=deeds)
    if (after.next, after.deeds) != (reporting.next, reporting.deeds):
        turn.remember(KEY, VERSION, saved(after))
    turn.change(reporting=replace(after, due_s=_soonest(turn, found)))


def send(turn: Turn) -> None:
    """Make the reports that are due, and post the first that waits."""
    if turn.state.reporting.due_s <= turn.utc_s:
        _make(turn)
    box = turn.state.reporting.outbox
    if not box.letters or box.asked is not None or box.due_s > turn.mono_s or turn.state.refused:
        return
    if not turn.state.reached or not token.ready(turn):
        return
    first = box.letters[0]
    number = turn.send(Method.POST, "/reports", ForReport(), first.about, json=dict(first.body))
    turn.change(reporting=replace(turn.state.reporting, outbox=replace(box, asked=number)))


def answered(turn: Turn, number: int, reply: Reply | Failed, bearer: str) -> None:
    """The first report was answered, or not."""
    box = turn.state.reporting.outbox
    if box.asked != number:
        return
    if isinstance(reply, Reply) and (200 <= reply.status < 300 or reply.status in outbox.REFUSED):
        if reply.status >= 300 and reply.status != 409:
            why = str(reader.problem(reply.json))
            turn.alarm(
                "report", f"the VTN refuses a report ({box.letters[0].about}) with {reply.status} {why}".rstrip()
            )
        else:
            turn.calm("report")
        _keep(turn, outbox.taken(box, turn.mono_s))
        return
    if isinstance(reply, Reply) and reply.status in (401, 403):
        token.dropped(turn, bearer)
    failures = box.failures + 1
    asked_s = reply.retry_s if isinstance(reply, Reply) else 0.0
    wait = max(asked_s, pace.backoff(failures, turn.dice, most_s=turn.state.terms.ceiling_s))
    after = replace(box, asked=None, failures=failures, due_s=turn.mono_s + wait)
    turn.change(reporting=replace(turn.state.reporting, outbox=after))


def next_due(turn: Turn) -> float:
    """When the next report is to be made, monotonic."""
    return turn.state.reporting.due_s - turn.state.ahead_s


def next_post(turn: Turn) -> float:
    """When the first that waits is to be posted, monotonic; infinity while none waits or the VTN is away."""
    box = turn.state.reporting.outbox
    idle = not box.letters or box.asked is not None or not turn.state.reached or turn.state.refused
    return float("inf") if idle else box.due_s


def _keep(turn: Turn, box: outbox.Outbox) -> None:
    reporting = replace(turn.state.reporting, outbox=box)
    turn.change(reporting=reporting)
    turn.remember(KEY, VERSION, saved(reporting))


def _asked(turn: Turn) -> Iterator[tuple[str, Known, ReportDescriptor]]:
    """Everything asked for, under a key that outlives a restart."""
    for known in turn.state.known.values():
        if known.resources and known.reject is None:
            for index, descriptor in enumerate(known.event.reports):
                yield f"{known.event.id} {index}", known, descriptor


def _due(known: Known, descriptor: ReportDescriptor, index: int, piece_s: float) -> Due | None:
    return None if known.laid is None else duty.due(known.laid, descriptor, index, piece_s)


def _first(known: Known, descriptor: ReportDescriptor, piece_s: float, now_s: float) -> int:
    """The first report that is due no earlier than the event was seen: what was over before, nobody measured for it.

    A forecast is not too late while it has an interval to come or under way.
    """
    since_s = max(known.sighting.anchor_s, now_s - book.KEEP_S)

    def late(index: int) -> bool:
        found = _due(known, descriptor, index, piece_s)
        if found is None or descriptor.historical:
            return found is None or found.at_s >= since_s
        last = None if known.laid is None else duty.span_at(known.laid, found.last, piece_s)
        return last is None or last.end_s > since_s

    low, high = 0, 1
    while not late(high) and high < 2**31:
        low, high = high, high * 2
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if late(middle) else (middle + 1, high)
    return low


def _caught_up(known: Known, descriptor: ReportDescriptor, index: int, piece_s: float, now_s: float) -> int:
    """Which report is made now. After a month of rest, or a leap of the clock, no more are made up for than would be kept."""

    def late(step: int) -> bool:
        one = _due(known, descriptor, index + step, piece_s)
        return one is not None and _at(one, descriptor) <= now_s

    if not late(outbox.MOST_LETTERS):
        return index
    low, high = outbox.MOST_LETTERS, 2 * outbox.MOST_LETTERS
    while late(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if late(middle) else (low, middle)
    return index + high - outbox.MOST_LETTERS


def _at(one: Due, descriptor: ReportDescriptor) -> float:
    return one.at_s + (LAG_S if descriptor.historical else 0.0)


def _soonest(turn: Turn, indexes: dict[str, int]) -> float:
    soonest = float("inf")
    for key, known, descriptor in _asked(turn):
        if key in indexes:
            one = _due(known, descriptor, indexes[key], turn.state.terms.report_s)
            if one is not None:
                soonest = min(soonest, _at(one, descriptor))
    return soonest


def _make(turn: Turn) -> None:
    """Those of one event that are due together and about the same intervals are one report."""
    indexes = dict(turn.state.reporting.next)
    piece_s = turn.state.terms.report_s
    groups: dict[tuple[object, ...], list[tuple[Known, ReportDescriptor, Due]]] = {}
    passed = 0
    for key, known, descriptor in _asked(turn):
        if key not in indexes:
            continue
        begin = _caught_up(known, descriptor, indexes[key], piece_s, turn.utc_s)
        passed, indexes[key] = passed + begin - indexes[key], begin
        one = _due(known, descriptor, begin, piece_s)
        if one is None or _at(one, descriptor) > turn.utc_s:
            continue
        indexes[key] += 1
        group = (known.event.id, one, descriptor.aggregate, descriptor.report_intervals, descriptor.targets)
        groups.setdefault((*group, descriptor.historical), []).append((known, descriptor, one))
    box = turn.state.reporting.outbox
    for members in groups.values():
        told = _report(turn, members, piece_s)
        if told is not None:
            about = f"report {told.name}"
            box = outbox.put(box, Letter.of(about, writer.report(told, turn.state.terms.edition)))
    box = replace(box, lost=box.lost + passed)
    if box.lost > turn.state.reporting.outbox.lost:
        turn.alarm("reports lost", "the VTN has taken no reports for so long that the oldest were given up")
    after = replace(turn.state.reporting, next=indexes, outbox=box, due_s=_soonest(turn, indexes))
    turn.change(reporting=after)
    turn.remember(KEY, VERSION, saved(after))


def _report(turn: Turn, members: list[tuple[Known, ReportDescriptor, Due]], piece_s: float) -> Report | None:
    known, descriptor, one = members[0]
    state, event = turn.state, known.event
    spans = () if known.laid is None else duty.spans(known.laid, descriptor, one, piece_s)
    grants = rounds.grants(turn)
    wanted = meant(descriptor.targets, state.terms.serves, grants) & known.resources
    names = sorted(wanted if descriptor.targets else known.resources)
    if not spans or not names:
        return None
    descriptors = [each for _, each, _ in members]
    parts: dict[int, list[objects.Interval]] = {}
    for part in event.intervals:
        parts.setdefault(part.id, []).append(part)
    per_name = {
        name: [_values(turn, known, name, span, descriptors, parts.get(span.id, [])) for span in spans]
        for name in names
    }
    if descriptor.aggregate:
        sums = [_joined([per_name[name][at] for name in names]) for at in range(len(spans))]
        told: tuple[ToldOf, ...] = (ToldOf(AGGREGATED, _intervals(spans, sums)),)
    else:
        told = tuple(ToldOf(name or state.terms.ven_name, _intervals(spans, per_name[name])) for name in names)
    kinds = [each.payload_type for each in descriptors]
    return Report(
        program_id=event.program_id,
        event_id=event.id,
        client_name=state.terms.ven_name,
        name=f"{event.id} {'+'.join(kinds)} {one.index + 1}",
        resources=told,
        explained=tuple(
            Explained(
                kind,
                _reading_type(each, state.reporting.books.get(names[0], Book())),
                values.units_of(kind, each.units),
            )
            for kind, each in zip(kinds, descriptors, strict=True)
        ),
    )


def _reading_type(descriptor: ReportDescriptor, of: Book) -> str:
    asked, kind = descriptor.reading_type, descriptor.payload_type
    return asked if asked == "PEAK" and kind == "DEMAND" else values.reading_of(kind, of)


def _values(
    turn: Turn,
    known: Known,
    name: str,
    span: Span,
    descriptors: list[ReportDescriptor],
    parts: list[objects.Interval],
) -> dict[str, float | str]:
    """What is told of one span; ``parts``: the event's intervals of its id."""
    terms, reporting = turn.state.terms, turn.state.reporting
    deeds = reporting.deeds.get(deed_key(known.event.id, terms.respondent(name).id), ())
    deed = deed_at(deeds, min(span.end_s, turn.utc_s))
    follows = deed == "follows"
    level = _level(parts) if follows else 0
    way = "OPTED_OUT" if deed == "out" else _direction(parts) if follows else "NORMAL"
    found: dict[str, float | str] = {}
    for descriptor in descriptors:
        kind = descriptor.payload_type
        given = Circumstances(
            book=reporting.books.get(name, Book()),
            span=span,
            now_s=turn.utc_s,
            whole_site=name == WHOLE_VEN or not terms.serves[name],
            level=level,
            state=way,
            peak=descriptor.reading_type == "PEAK",
            devices=terms.serves[name],
            began_s=begun_s(deeds),
        )
        value = values.value_of(kind, given, descriptor.units)
        if value is not None:
            found[kind] = value
        if descriptor.historical and (value is None or kind in _MEASURED) and "DATA_QUALITY" not in found:
            quality = values.value_of("DATA_QUALITY", given, "")
            if value is None:
                found["DATA_QUALITY"] = "MISSING"
            elif isinstance(quality, str) and quality != "OK":
                found["DATA_QUALITY"] = quality
    return found


def _joined(per_resource: list[dict[str, float | str]]) -> dict[str, float | str]:
    kinds = dict.fromkeys(kind for one in per_resource for kind in one)
    found: dict[str, float | str] = {}
    for kind in kinds:
        value = values.together(kind, [one[kind] for one in per_resource if kind in one])
        if value is not None:
            found[kind] = value
    return found


def _intervals(spans: tuple[Span, ...], told: list[dict[str, float | str]]) -> tuple[Told, ...]:
    return tuple(
        Told(span.id, span.start_s, span.end_s - span.start_s, tuple(one.items()))
        for span, one in zip(spans, told, strict=True)
    )


def _payload(parts: list[objects.Interval], kinds: frozenset[str]) -> Iterator[float]:
    for one in parts:
        for payload in one.payloads:
            if payload.type in kinds and payload.values and isinstance(payload.values[0], int | float):
                yield float(payload.values[0])


_RELATIVE = frozenset(
    {"DISPATCH_SETPOINT_RELATIVE", "CONTROL_LEVEL_OFFSET", "CONTROL_LEVEL_OFFSET_PERCENT", "CONTROL_PERCENT_OFFSET"}
)
_SIMPLE = frozenset({"SIMPLE"})


def _level(parts: list[objects.Interval]) -> int:
    return int(next(_payload(parts, _SIMPLE), 0.0))


def _direction(parts: list[objects.Interval]) -> str:
    """What following it means: more than usual, less, or nothing out of the ordinary (prices, alerts, level 0)."""
    relative = next(_payload(parts, _RELATIVE), None)
    if relative is not None:
        return "HEIGHTENED" if relative > 0 else "CURTAILED" if relative < 0 else "NORMAL"
    kinds = {payload.type for one in parts for payload in one.payloads}
    asking = {kind for kind in kinds if "PRICE" not in kind and not kind.startswith("ALERT_") and kind != "GHG"}
    if not asking or (asking == _SIMPLE and _level(parts) == 0):
        return "NORMAL"
    return "CURTAILED"
