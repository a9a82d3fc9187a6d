"""The 2030.5 client as one machine: ``step(state, given, now, dice) -> SessionStep(state, outputs)``.

There is one scheduler: the due times in the state. Every step sends what is due and says when the next thing is. No task runs, so none can
cancel another; a failure moves one due time and nothing else.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from grid_functions.model.event import Read
from grid_functions.model.instants import Instants
from grid_functions.model.ports import Dice
from grid_functions.upstream_clock import LARGE_S
from protocols.exchange import Alarm, Failed, Tell, Tick, WakeAt
from protocols.ieee2030_5.session import logs, mirroring, polling, polls, pushes, reads, responses, telling
from protocols.ieee2030_5.session.clock import heard
from protocols.ieee2030_5.session.exchange import Input, Method, Output, Picture, Remember, Reply
from protocols.ieee2030_5.session.pages import paged
from protocols.ieee2030_5.session.polls import Taken, Verdict
from protocols.ieee2030_5.session.reads import Parts
from protocols.ieee2030_5.session.state import (
    CLOCK_KEY,
    CLOCK_VERSION,
    ForLog,
    ForMirror,
    ForNode,
    ForPush,
    ForRegistration,
    ForResponse,
    Purpose,
    State,
)
from protocols.ieee2030_5.session.tree import (
    CONTROL,
    LISTED,
    Kind,
    Look,
    Node,
    Place,
    leads_alike,
    parents,
    resolve,
    root_of,
)
from protocols.ieee2030_5.session.turn import Turn
from protocols.ieee2030_5.wire.resources import Registration, Time

MOST_REMARKS = 50
"""Told about what a server shows, at once: each is a line in the log, and a list of other nonsense at each poll has thousands."""


@dataclass(frozen=True, slots=True)
class SessionStep:
    """What one step leaves: the next state, and what it wants of the world."""

    state: State
    outputs: tuple[Output, ...]


def step(state: State, given: Input, now: Instants, dice: Dice) -> SessionStep:
    """Take one input. Awaits nothing, reads no clock; chance only jitters due times."""
    turn = _Turn(state, now, dice)
    match given:
        case Reply():
            turn.reply(given)
        case Failed():
            turn.fail(given)
        case Tell(outcome):
            telling.told(turn, outcome)
        case Picture(seen, averages):
            mirroring.heard(turn, averages)
            telling.looked(turn, seen)
        case Tick():
            turn.stirred = False
    turn.finish()
    return SessionStep(turn.become(), tuple(turn.outputs))


class _Turn(Turn):
    """One step of the machine."""

    def reply(self, reply: Reply) -> None:
        match self._claimed(reply.id):
            case ForNode(place):
                node = self.state.tree.nodes.get(place)
                if node is not None and node.asked == reply.id:
                    self._polled(polls.take(node, reply, self.state.terms, self.mono_s, self.dice), reply)
            case ForPush(item):
                telling.pushed(self, item, reply.id, reply.status, reply.retry_s)
            case ForResponse(event):
                telling.responded(self, event, reply.id, reply.status, reply.retry_s)
            case ForRegistration():
                telling.enrolled(self, reply.status, reply.retry_s)
            case ForLog():
                telling.logged(self, reply.id, reply.status, reply.retry_s)
            case ForMirror(part):
                mirroring.answered(self, part, reply.id, reply.status, reply.location, reply.retry_s)
            case None:
                pass

    def fail(self, failure: Failed) -> None:
        match self._claimed(failure.id):
            case ForNode(place):
                node = self.state.tree.nodes.get(place)
                if node is not None and node.asked == failure.id:
                    self._polled(polls.failed(node, Verdict.FAILED, failure.why, self.mono_s, self.dice), None)
            case ForPush(item):
                telling.pushed(self, item, failure.id, None)
            case ForResponse(event):
                telling.responded(self, event, failure.id, None)
            case ForRegistration():
                telling.enrolled(self, None)
            case ForLog():
                telling.logged(self, failure.id, None)
            case ForMirror(part):
                mirroring.answered(self, part, failure.id, None, "", 0.0)
            case None:
                pass

    def finish(self) -> None:
        """Tell what was read, send what is due, say when to come again."""
        self._tell_read()
        if self.stirred or self.state.quiet_s <= self.mono_s:
            telling.wish(self)
            mirroring.follow(self)
            book, done = responses.settled(self.state.book, self.server_s)
            self.change(book=book)
            telling.settle(self, done)
            self._send_polls()
            self._send_due()
            self.change(quiet_s=self._quiet_s())
        else:
            self._send_polls()
        self.outputs.append(WakeAt(self._next_due()))

    def _claimed(self, number: int) -> Purpose | None:
        waiting = dict(self.state.waiting)
        purpose = waiting.pop(number, None)
        self.change(waiting=waiting)
        return purpose

    # Polls

    def _polled(self, taken: Taken, reply: Reply | None) -> None:
        node, before = taken.node, self.state.tree.nodes[taken.node.place]
        place = node.place
        if taken.verdict is Verdict.READ and not (taken.changed or before.failures) and place.kind in CONTROL:
            self.stirred = self.state.outdated
            self.change(tree=self.state.tree.put((node,)), owing=True)
            return
        registered = self.state.tree.device is not None
        self.change(tree=self.state.tree.put((node,)))
        if taken.verdict is Verdict.MORE:
            return
        key = f"{place.kind} {place.url}"
        if taken.verdict is Verdict.READ:
            self.calm(key)
            if node.listing is not None and not node.listing.ended:
                self.alarm(f"list {place.url}", f"{key}: shorter than it says, or suddenly empty; what it held holds")
            else:
                self.calm(f"list {place.url}")
        elif node.failures >= 3 or taken.verdict in (Verdict.FORBIDDEN, Verdict.GONE):
            self.alarm(key, f"{key}: {taken.why}; what was read before holds, asking again")
        self._judge_access(place, taken, reply)
        if taken.verdict is Verdict.READ:
            if before.failures:
                self.change(book=responses.hastened(self.state.book, self.mono_s, self.dice))
            if reply is not None and isinstance(node.message, Time) and place.kind is Kind.TIME:
                self._heard(node.message, reply)
            if place.kind in CONTROL:
                self.change(owing=True)
        if taken.verdict is Verdict.GONE and before.look is not Look.GONE:
            up = tuple(parents(self.state.tree, place))
            self.change(tree=polls.hasten(self.state.tree, up, self.mono_s))
        if taken.changed:
            self.change(outdated=True)
            if place.kind is not Kind.CONTROLS or not leads_alike(before, node):
                self._regrow()
        if not registered and self.state.tree.device is not None:
            self.calm("registration")
            root = self.state.tree.nodes[root_of(self.state.terms)]
            if root.rate is None:  # a server may show the rate, and more, only to who is registered
                self.reschedule(root.place, self.mono_s)

    def _regrow(self) -> None:
        trusted = self._trusted()
        tree, astray = polls.grow(self.state.tree, trusted, self.mono_s, self.dice)
        self.change(tree=tree, trusted=trusted)
        if astray:
            self.alarm(
                "links", f"links not followed, they leave the configured server or are too many: {sorted(astray)[:3]}"
            )
        else:
            self.calm("links")

    def _trusted(self) -> bool:
        """Whether the EndDevice is ours and its Registration is settled; a wrong PIN is noticed here."""
        terms = self.state.terms
        device = self.state.tree.device
        if device is None:
            return False
        if terms.pin is None or device.RegistrationLink is None:
            self._pardon("pin")
            return True
        node = self.state.tree.nodes.get(Place(Kind.REGISTRATION, resolve(terms.url, device.RegistrationLink.href)))
        if node is None or (node.message is None and node.look is not Look.GONE):
            return self.state.verified
        if isinstance(node.message, Registration) and node.message.pIN != terms.pin:
            self.change(verified=False)
            self._refuse("pin", "the server's registration PIN is not the configured one")
            self.reschedule(node.place, self.mono_s + self.dice.jitter(0.9, 1.0) * polling.REFUSED_S)
            return False
        self.change(verified=True)
        self._pardon("pin")
        return True

    def _judge_access(self, place: Place, taken: Taken, reply: Reply | None) -> None:
        """401 and 403 at DeviceCapability refuse the whole relation; a good read of it ends that."""
        if place != root_of(self.state.terms):
            return
        if taken.verdict is Verdict.FORBIDDEN and reply is not None:
            self._refuse("access", f"the server refuses us with {reply.status}: is our certificate still accepted?")
        elif taken.verdict is Verdict.READ:
            self._pardon("access")
        if taken.verdict in (Verdict.FORBIDDEN, Verdict.GONE):
            self.reschedule(place, self.mono_s + self.dice.jitter(0.9, 1.0) * polling.REFUSED_S)

    def _refuse(self, key: str, text: str) -> None:
        self.change(refused=key)
        self.alarm(key, f"{text}; the downloaded schedule goes on")
        at_s = self.server_s
        self.outputs.append(Read(self.state.terms.respondent, at_s, complete=False, refused=text))

    def _pardon(self, key: str) -> None:
        self.calm(key)
        if self.state.refused != key:
            return
        self.change(refused="")
        for place, node in self.state.tree.nodes.items():
            if node.asked is None and node.started_s < self.mono_s:
                self.reschedule(place, min(node.due_s, self.mono_s))

    def _heard(self, time: Time, reply: Reply) -> None:
        before = self.server_s
        clock = heard(self.state.clock, time, reply.sent_s, reply.received_s, self.state.time_read)
        self.change(clock=clock, time_read=True)
        moved = self.server_s - before
        if clock.doubt_s is not None:
            self.alarm("clock", "the server's clock jumped; its time is taken once it confirms it")
            places = [node.place for node in self.state.tree.of(Kind.TIME)]
            self.change(tree=polls.hasten(self.state.tree, places, self.mono_s))
        elif abs(moved) > LARGE_S:
            self.alarm("clock", f"the server's clock moved by {moved:.0f} s against ours; its time is taken")
        else:
            self.calm("clock")
        offset = clock.goal_s + self.mono_s - self.utc_s
        if self.state.saved_offset_s is None or abs(offset - self.state.saved_offset_s) > 1.0:
            self.change(saved_offset_s=offset)
            self.outputs.append(Remember(CLOCK_KEY, CLOCK_VERSION, f"{offset:.3f}".encode()))

    # Reads

    def _tell_read(self) -> None:
        state = self.state
        if not state.owing or state.refused or not reads.is_told_whole(state.tree):
            return
        self.change(owing=False)
        parts, whole = state.parts, reads.is_complete(state.tree)
        if parts is None or state.outdated:
            parts = reads.compose(state.tree, state.terms, state.book.letters, parts)
            self._note(parts)
        elif not whole:
            return  # nothing new, and it proves nothing: the next complete read will
        read = reads.read_of(state.tree, state.terms, parts, self.server_s, whole=whole)
        if read.complete:
            self.change(tree=state.tree.put([node.told() for node in state.tree.nodes.values() if node.fresh]))
        self.outputs.append(read)

    def _note(self, parts: Parts) -> None:
        """What is new in the tree's translation."""
        book = responses.noted(self.state.book, parts.letters)
        if book is not self.state.book:
            self.outputs.extend(responses.changed(self.state.book, book))
        self.change(parts=parts, outdated=False, book=book)
        self._remark(parts.remarks)

    def _remark(self, remarks: Iterable[str]) -> None:
        found = frozenset(remarks)
        if len(found) > MOST_REMARKS:
            found = frozenset([*sorted(found)[:MOST_REMARKS], "there is more to remark than is told"])
        if found == self.state.remarks:
            return
        for text in sorted(found - self.state.remarks):
            self.outputs.append(Alarm(f"remark {text}", text))
        for text in sorted(self.state.remarks - found):
            self.outputs.append(Alarm(f"remark {text}", "", raised=False))
        self.change(remarks=found)

    # Sending

    def _allowed(self, place: Place) -> bool:
        """While refused, only what can end the refusal is asked."""
        match self.state.refused:
            case "access":
                return place == root_of(self.state.terms)
            case "pin":
                return place.kind is Kind.REGISTRATION
            case _:
                return True

    def _send_polls(self) -> None:
        if self.state.tree.soonest_s <= self.mono_s:
            for place, node in self.state.tree.nodes.items():
                if node.asked is None and node.due_s <= self.mono_s and self._allowed(place):
                    self._poll(node)

    def _send_due(self) -> None:
        if self.state.refused:
            return
        telling.enrol(self)
        telling.log(self)
        mirroring.send(self)
        for item, push in list(pushes.due(self.state.pushes, self.mono_s)):
            number = self.send(Method.PUT, push.url, push.message, ForPush(item), str(item))
            self.change(pushes=pushes.sent(self.state.pushes, item, number, self.mono_s))
        for name, letter, outcome in list(responses.due(self.state.book, self.mono_s)):
            message = responses.message_of(letter, outcome, self.state.terms)
            purpose = f"response {outcome.kind} {name}"
            number = self.send(Method.POST, letter.reply_to, message, ForResponse(name), purpose)
            self.change(book=responses.sent(self.state.book, name, number))

    def _poll(self, node: Node) -> None:
        url = node.place.url
        if node.place.kind in LISTED:
            url = paged(url, node.walk.start if node.walk else 0, self.state.terms.page)
        number = self.send(Method.GET, url, None, ForNode(node.place), str(node.place.kind))
        started_s = node.started_s if node.walk and node.walk.pages else self.mono_s
        self.change(tree=self.state.tree.put((node.asking(number, started_s),)))

    def _next_due(self) -> float:
        state = self.state
        if state.refused:
            asking = (node for node in state.tree.nodes.values() if node.asked is None and self._allowed(node.place))
            return min((node.due_s for node in asking), default=self.mono_s + polling.REFUSED_S)
        return min(state.tree.soonest_s, state.quiet_s)

    def _quiet_s(self) -> float:
        state = self.state
        if state.refused:
            return float("-inf")
        waits = [self.mono_s + polling.REFUSED_S, pushes.next_due(state.pushes), responses.next_due(state.book)]
        if state.tree.device is not None:
            waits += [logs.next_due(state.log), mirroring.next_due(self)]
        elif state.terms.register and state.enrolment.asked is None:
            waits.append(max(state.enrolment.due_s, self.mono_s + 1.0))
        return min(waits)
