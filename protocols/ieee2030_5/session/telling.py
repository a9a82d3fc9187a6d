"""What the client tells: registration, DER resources, Responses."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, replace

from grid_functions.model.control import Control
from grid_functions.model.device import Seen
from grid_functions.model.event import Settings, Standing
from grid_functions.model.outcome import Outcome
from protocols.exchange import Alarm, Told
from protocols.ieee2030_5.session import logs, participation, polling, pushes, responses
from protocols.ieee2030_5.session.exchange import Method, Remember
from protocols.ieee2030_5.session.pushes import Item
from protocols.ieee2030_5.session.responses import Settled
from protocols.ieee2030_5.session.state import ForLog, ForRegistration
from protocols.ieee2030_5.session.terms import Profile
from protocols.ieee2030_5.session.tree import Kind, Look, resolve
from protocols.ieee2030_5.session.turn import Turn
from protocols.ieee2030_5.translate import der
from protocols.ieee2030_5.translate.availability import availability_of
from protocols.ieee2030_5.translate.demand import asked_mode
from protocols.ieee2030_5.wire.der import DER
from protocols.ieee2030_5.wire.resources import ConnectionPoint, EndDevice


def wish(turn: Turn) -> None:
    """Bring what should stand at the server up to date."""
    state, terms = turn.state, turn.state.terms
    device = state.tree.device
    if device is None or state.refused or not state.trusted:
        return
    looks = (state.tree.contents, state.parts, state.seen, state.participation)
    alike = state.wished is not None and all(one is other for one, other in zip(looks, state.wished, strict=True))
    if alike and pushes.next_due(state.pushes) > turn.mono_s:
        return  # what leaves bears the time at which it leaves; until then the same looks wish for the same
    wishes: Mapping[Item, pushes.Push] = state.pushes
    if terms.nmi and terms.profile is Profile.CSIP_AUS and device.ConnectionPointLink is not None:
        url = resolve(terms.url, device.ConnectionPointLink.href)
        point = ConnectionPoint(connectionPointId=terms.nmi)
        wishes = pushes.wish(wishes, Item.CONNECTION_POINT, url, point, turn.mono_s) if url else wishes
    node = state.tree.first(Kind.DERS)
    links = next((item for item in node.items if isinstance(item, DER)), None) if node is not None else None
    if node is not None and links is not None and state.seen:
        csip_aus, at_s = terms.profile is Profile.CSIP_AUS, turn.server_s
        settings = _settings(state.parts.standings if state.parts else ())
        asked = asked_mode(_running(turn)) if csip_aus else None
        for item, link, message, every_s in (
            (Item.CAPABILITY, links.DERCapabilityLink, der.capability_of(state.seen, csip_aus), None),
            (Item.SETTINGS, links.DERSettingsLink, der.settings_of(state.seen, csip_aus, settings, at_s), None),
            (Item.STATUS, links.DERStatusLink, der.status_of(state.seen, at_s, asked), node.window_s),
            (Item.AVAILABILITY, links.DERAvailabilityLink, availability_of(state.seen, at_s), node.window_s),
        ):
            url = resolve(terms.url, link.href) if link is not None else ""
            if url and message is not None:
                wishes = pushes.wish(wishes, item, url, message, turn.mono_s, every_s)
    turn.change(pushes=wishes, wished=looks)


def pushed(turn: Turn, item: Item, number: int, status: int | None, wait_s: float = 0.0) -> None:
    """A PUT was answered, or not (status None)."""
    push = turn.state.pushes.get(item)
    if push is None or push.asked != number:
        return
    wishes, refused = pushes.answered(turn.state.pushes, item, status, turn.mono_s, turn.dice, wait_s)
    turn.change(pushes=wishes)
    if refused:
        turn.alarm(f"put {item}", f"the server refuses our {item} with {status}; told again only when it changes")
    elif status is not None and status < 300:
        turn.calm(f"put {item}")


def looked(turn: Turn, seen: tuple[Seen, ...]) -> None:
    """A look at the devices: what stands at the server follows, and what their alarms are worth noting there."""
    log = logs.seen(turn.state.log, seen, turn.server_s, turn.mono_s)
    if log is not turn.state.log:
        turn.outputs.append(Remember(logs.KEY, logs.VERSION, logs.saved(log)))
    turn.change(seen=seen, log=log)


def log(turn: Turn) -> None:
    """Post the LogEvent that is due, if the server has a list for it."""
    terms, event = turn.state.terms, logs.due(turn.state.log, turn.mono_s)
    device = turn.state.tree.device
    if event is None or device is None:
        return
    url = "" if device.LogEventListLink is None else resolve(terms.url, device.LogEventListLink.href)
    if not url:  # asked again once the list is read anew
        turn.change(log=replace(turn.state.log, due_s=turn.mono_s + polling.REFUSED_S))
        return
    number = turn.send(Method.POST, url, event, ForLog(), f"LogEvent {event.logEventCode}")
    turn.change(log=replace(turn.state.log, asked=number))


def told(turn: Turn, outcome: Outcome) -> None:
    """An outcome is owed; it may begin or end our part in its event."""
    events = participation.told(turn.state.participation, outcome)
    if events is not turn.state.participation:
        turn.outputs.append(Remember(participation.KEY, participation.VERSION, participation.saved(events)))
    turn.change(book=responses.tell(turn.state.book, outcome, turn.mono_s), participation=events)


def logged(turn: Turn, number: int, status: int | None, wait_s: float = 0.0) -> None:
    """A LogEvent was answered, or not (status None)."""
    if turn.state.log.asked != number:
        return
    after, refused = logs.answered(turn.state.log, status, wait_s, turn.mono_s, turn.dice)
    turn.change(log=after)
    if refused:
        turn.alarm("log", f"the server refuses a LogEvent with {status}")
    elif status is not None and status < 300:
        turn.calm("log")


def responded(turn: Turn, event: str, number: int, status: int | None, wait_s: float = 0.0) -> None:
    """A Response was answered, or not (status None)."""
    queue = turn.state.book.queues.get(event)
    if queue is None or queue.asked != number:
        return
    book, done = responses.answered(turn.state.book, event, status, turn.mono_s, turn.dice, wait_s)
    turn.change(book=book)
    settle(turn, () if done is None else (done,))


def settle(turn: Turn, done: Iterable[Settled]) -> None:
    """These outcomes need no more sending."""
    for one in done:
        turn.outputs.append(Told(one.outcome, one.fate))
        if one.alarm:
            text = f"response {one.outcome.kind} for event {one.outcome.event.id}: {one.fate}"
            turn.outputs.append(Alarm(f"response {one.outcome.event.id}", text))


def enrolled(turn: Turn, status: int | None, wait_s: float = 0.0) -> None:
    """The registration was answered, or not (status None)."""
    enrolment = turn.state.enrolment
    good = status is not None and (200 <= status < 300 or status == 409)
    failures = 0 if good else enrolment.failures + 1
    if good:
        wait = turn.dice.jitter(60.0, 90.0)
        for node in turn.state.tree.of(Kind.END_DEVICES):
            turn.reschedule(node.place, turn.mono_s)
        turn.calm("enrolment")
    elif status is not None and 400 <= status < 500:
        wait = turn.dice.jitter(0.9, 1.0) * polling.REFUSED_S
        turn.alarm("enrolment", f"the server refuses to register us with {status}; is registration out of band?")
    else:
        wait = polling.backoff(failures, turn.dice, least_s=15.0)
    turn.change(enrolment=replace(enrolment, asked=None, failures=failures, due_s=turn.mono_s + max(wait, wait_s)))


def enrol(turn: Turn) -> None:
    """Register in band once the list was read to its end without us in it."""
    state = turn.state
    if state.tree.device is not None:
        return
    lists = [node for node in state.tree.of(Kind.END_DEVICES) if node.look is Look.READ]
    if not lists:
        return
    if not state.terms.register:
        turn.alarm("registration", f"our EndDevice {state.terms.lfdi.upper()} is not in the server's list")
        return
    ended = lists[0].listing is not None and lists[0].listing.ended
    if not ended or state.enrolment.asked is not None or state.enrolment.due_s > turn.mono_s:
        return
    device = EndDevice(
        deviceCategory=state.terms.device_category or None,
        lFDI=state.terms.lfdi.upper(),
        sFDI=state.terms.sfdi,
        changedTime=int(turn.server_s),
    )
    number = turn.send(Method.POST, lists[0].place.url, device, ForRegistration(), "EndDevice")
    turn.change(enrolment=replace(state.enrolment, asked=number))


def _running(turn: Turn) -> Iterator[Control]:
    """The controls of the events we take part in, in the order of their starts."""
    parts = turn.state.parts
    known = {event.key.id: event for event in parts.events} if parts else {}
    for name in turn.state.participation:
        if name in known:
            yield from (control for interval in known[name].intervals for control in interval.controls)


def _settings(standings: Iterable[Standing]) -> Settings:
    """Each setting as the best program gives it."""
    merged: dict[str, float] = {}
    for standing in sorted(standings, key=lambda one: (one.rank.level, one.rank.tie)):
        for field in fields(standing.settings):
            value = getattr(standing.settings, field.name)
            if value is not None:
                merged.setdefault(field.name, value)
    return Settings(**merged)
