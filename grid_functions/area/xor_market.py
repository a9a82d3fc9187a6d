"""The XOR market: prices out, packages back, an exact award, its dispatch, what was really delivered, and what is due for it.

One machine around :mod:`grid_functions.area.xor_clearing`. A member's baseline is what it was measured to take before it could know of the
market, and is in its offer; without one its bids are not let in, since nobody could verify what it delivers. Bids live in one run: a
restart before the award voids the market, and says so. What was awarded is durable, with the proven gap; so is what is due, which is
nothing until delivery is verified. There is one market at a time, from its opening until it is settled.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from grid_functions import letters
from grid_functions.alarm import Alarm, message_of
from grid_functions.area import bidding, settlement
from grid_functions.area.bidding import Session
from grid_functions.area.daily import DAY_S, before
from grid_functions.area.delivery import LONGEST_GAP_S, Meter
from grid_functions.area.history import History, sound
from grid_functions.area.ranges import check
from grid_functions.area.settlement import Awarded, Settled
from grid_functions.area.standing import Standing, changes
from grid_functions.area.xor_clearing import Market, cleared, clearing
from grid_functions.building.program import Solution
from grid_functions.letters import Award, Bids, Offers, Open, Way
from grid_functions.model.control import ImportLimit
from grid_functions.model.errors import MalformedMessage
from grid_functions.model.function import AreaInputs, Ask, Output, Step, WakeAt
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.lease import Grant, MemberReport, Message

NAME = "xor_market"
_KEEP_S = 60.0
"""How often what is being measured is kept. A reading later than the last one kept bridges a restart by itself."""


@dataclass(frozen=True, slots=True)
class XorMarketOptions:
    """A market opens by an order ``open``, and each day ``opens_s`` after midnight UTC where that is given.

    Wanted are ``wanted_kw`` less in each of ``steps`` intervals of ``step_s`` that begin at least ``lead_s`` after the opening. Bids are
    asked for at ``price``, currency per kWh; going short costs ``penalty`` per kWh, so that no bid above it wins. ``bid_s``: how long
    bids are waited for; ``clear_s``: how long clearing may take; ``base_s``: over how long a baseline is measured; ``tolerance``: the
    share of an award that may be missing; ``bids_each``: bids of one member at most; ``kept``: markets in the settlement ledger.

    What a winner does not take then it takes before and after: from the award until ``beside_s`` after the last interval it is held to
    ``beside_kw`` over its baseline, so that the area's peak moves nowhere; 0 s: to nothing. Winners are then let go one after the other,
    within as long again: what is still missing they take at once.
    """

    opens_s: float | None = None
    wanted_kw: float = 10.0
    steps: int = 6
    step_s: float = 600.0
    lead_s: float = 1800.0
    price: float = 0.2
    penalty: float = 2.0
    bid_s: float = 120.0
    clear_s: float = 30.0
    gap: float = 1e-4
    base_s: float = 3600.0
    tolerance: float = 0.1
    most_kw: float = 30.0
    bids_each: int = 16
    kept: int = 92
    beside_kw: float = 1.0
    beside_s: float = 2 * 3600.0

    def __post_init__(self) -> None:
        ranges = {
            "opens_s": (0.0 if self.opens_s is None else self.opens_s, 0.0, DAY_S),
            "wanted_kw": (self.wanted_kw, 0.001, 1e6),
            "steps": (self.steps, 1, 96),
            "step_s": (self.step_s, 60.0, 7200.0),
            "lead_s": (self.lead_s, 10.0, DAY_S),
            "price": (self.price, 0.0, 1e6),
            "penalty": (self.penalty, 0.001, 1e6),
            "bid_s": (self.bid_s, 1.0, 7200.0),
            "clear_s": (self.clear_s, 1.0, 600.0),
            "gap": (self.gap, 0.0, 0.1),
            "base_s": (self.base_s, 300.0, DAY_S),
            "tolerance": (self.tolerance, 0.0, 0.5),
            "most_kw": (self.most_kw, 0.1, 1e6),
            "bids_each": (self.bids_each, 1, 64),
            "kept": (self.kept, 1, 400),
            "beside_kw": (self.beside_kw, 0.0, 1e6),
            "beside_s": (self.beside_s, 0.0, DAY_S),
        }
        more = []
        if self.lead_s < self.bid_s + self.clear_s:
            more.append(f"{NAME}.lead_s is {self.lead_s:g}: bid_s and clear_s must fit into it")
        if self.price > self.penalty:
            more.append(f"{NAME}.price is above {NAME}.penalty: no bid at that price could win")
        check(NAME, ranges, more)


@dataclass(frozen=True, slots=True)
class XorMarketDurable:
    """``open``: a market whose award is not made yet; ``awarded``: the last award, whose intervals have the ``meters`` until it is settled;
    ``ledger``: oldest first.
    """

    opened_utc_s: float = -math.inf
    open: str = ""
    awarded: Awarded | None = None
    settled: bool = False
    meters: tuple[Meter, ...] = ()
    withdrawn: tuple[str, ...] = ()
    ledger: tuple[Settled, ...] = ()

    @property
    def due(self) -> Awarded | None:
        """The award that is not settled yet."""
        return None if self.settled else self.awarded


@dataclass(frozen=True, slots=True)
class XorMarketState:
    """All but ``durable`` is of this run. ``meters``: those kept and up to a minute more; ``closed``: the last market, for the late."""

    durable: XorMarketDurable = field(default_factory=XorMarketDurable)
    session: Session | None = None
    history: History | None = None
    meters: tuple[Meter, ...] = ()
    kept_utc_s: float = -math.inf
    standing: Standing = field(default_factory=dict)
    closed: str = ""
    version: int = 1


@dataclass(frozen=True, slots=True)
class XorMarket:
    """The market's maker; its bidders are the homes' own stewards."""

    options: XorMarketOptions = field(default_factory=XorMarketOptions)

    def empty(self) -> XorMarketState:
        """The state at birth."""
        return XorMarketState()

    def step(self, state: XorMarketState, inputs: AreaInputs, now: Instants) -> Step[XorMarketState]:
        """Measure, open, hear, clear, award, settle."""
        outputs: list[Output] = []
        state = self._measured(state, sound(inputs.members), now)
        state = self._voided(state, inputs, outputs)
        state = self._ordered(state, inputs, now, outputs)
        state = self._heard(state, inputs, outputs)
        state = self._cleared(state, inputs, now, outputs)
        state = self._settled(state, inputs, now, outputs)
        standing, grants = changes(state.standing, self._grants(state.durable, inputs.enrolled, now))
        outputs += grants
        outputs += [WakeAt(Moment(OWN, at_s)) for at_s in self._ahead(state, now)]
        return Step(replace(state, standing=standing), tuple(outputs))

    def told(self, state: XorMarketState) -> Mapping[str, Any]:
        """The award that stands and the settlement ledger."""
        awarded = state.durable.awarded
        return {
            "open": state.durable.open,
            "awarded": None if awarded is None else asdict(awarded),
            "ledger": [asdict(row) for row in state.durable.ledger],
        }

    def _measured(self, state: XorMarketState, reports: Mapping[str, MemberReport], now: Instants) -> XorMarketState:
        history = (state.history or History(self.options.base_s)).fed(reports, now.utc_s)
        meters = state.meters or state.durable.meters
        due = state.durable.due
        fed = () if due is None else tuple(settlement.fed(meter, reports, due, now.utc_s) for meter in meters)
        state = replace(state, history=history, meters=fed)
        if fed == state.durable.meters or abs(now.utc_s - state.kept_utc_s) < _KEEP_S:
            return state
        return replace(state, kept_utc_s=now.utc_s, durable=replace(state.durable, meters=fed))

    def _voided(self, state: XorMarketState, inputs: AreaInputs, outputs: list[Output]) -> XorMarketState:
        """A market of an earlier run: its bids are gone."""
        name = state.durable.open
        if not name or state.session is not None:
            return state
        outputs.append(_alarm(name, "was open when the area was begun anew: it is void, nobody is awarded anything"))
        outputs += [_award(name, "", member) for member in inputs.enrolled]
        return replace(state, closed=name, durable=replace(state.durable, open=""))

    def _ordered(
        self, state: XorMarketState, inputs: AreaInputs, now: Instants, outputs: list[Output]
    ) -> XorMarketState:
        for message in inputs.orders:
            try:
                order = letters.read(message, Way.ORDER)
            except MalformedMessage as fault:
                outputs.append(_alarm(message.kind, str(fault)))
                continue
            state = self._opened(state, order, inputs, now, outputs)
        at_s = self.options.opens_s
        if at_s is None:
            return state
        due_s = before(now.utc_s, at_s)
        if state.durable.opened_utc_s < due_s and now.utc_s - due_s < self.options.bid_s:
            return self._opened(state, Open(), inputs, now, outputs)
        return state

    def _opened(
        self, state: XorMarketState, order: Open, inputs: AreaInputs, now: Instants, outputs: list[Output]
    ) -> XorMarketState:
        options = self.options
        busy = state.durable.open or _name_of(state.durable.due)
        wanted = order.wanted_kw or (options.wanted_kw,) * options.steps
        first_s = now.utc_s + options.lead_s
        start_s = order.start_utc_s or math.ceil(first_s / options.step_s) * options.step_s
        fault = ""
        if busy:
            fault = f"cannot open: {busy} is not settled yet"
        elif not inputs.enrolled:
            fault = "cannot open: nobody is enrolled"
        elif not all(0.0 <= one <= 1e6 for one in wanted) or max(wanted) == 0.0 or len(wanted) > 96:
            fault = "cannot open: wanted_kw must be 1 to 96 powers of 0 to 1e6 kW, not all 0"
        elif not first_s <= start_s <= now.utc_s + 7 * DAY_S:
            fault = f"cannot open: delivery must begin {options.lead_s:g} s to a week from now"
        if fault:
            outputs.append(_alarm("open", fault))
            return replace(state, durable=replace(state.durable, opened_utc_s=now.utc_s))
        history = state.history or History(options.base_s)
        bases = {member: history.mean_w(member) for member in inputs.enrolled}
        name = f"{NAME}-{now.utc_s:.0f}"
        session = Session(
            name,
            start_s,
            Market(np.array(wanted), options.step_s, options.penalty, options.gap),
            inputs.enrolled,
            {member: base_w for member, base_w in bases.items() if base_w is not None},
            now.utc_s + options.bid_s,
        )
        for member in inputs.enrolled:
            base_w = session.base_w.get(member)
            base_kw = () if base_w is None else (base_w / 1000.0,) * len(wanted)
            offers = Offers(name, start_s, options.step_s, (options.price,) * len(wanted), base_kw)
            if options.beside_s > 0.0:
                most_kw = self._beside_w(base_w or 0.0) / 1000.0
                offers = replace(offers, most_beside_kw=most_kw, beside_s=options.beside_s)
            outputs.append(letters.write(offers, NAME, member, NAME, name))
        return replace(state, session=session, durable=replace(state.durable, opened_utc_s=now.utc_s, open=name))

    def _heard(self, state: XorMarketState, inputs: AreaInputs, outputs: list[Output]) -> XorMarketState:
        session = state.session
        for message in inputs.messages:
            try:
                letter = letters.read(message, Way.UP)
            except MalformedMessage as fault:
                outputs.append(_alarm(message.sender, str(fault)))
                session = session and bidding.refused(session, message.sender, [str(fault)])
                continue
            if not isinstance(letter, Bids):
                continue
            if session is None or letter.market != session.name:
                late = letter.market and letter.market in (state.closed, _name_of(state.durable.awarded))
                why = "too late" if late else f"for a market that is not open, {letter.market!r}"
                outputs.append(_alarm(message.sender, f"bids {why}"))
                session = session and bidding.refused(session, message.sender, [f"bids {why}"])
                continue
            options = self.options
            session, odd = bidding.taken(session, message.sender, letter, options.bids_each, options.most_kw)
            outputs += [_alarm(message.sender, why) for why in odd]
        return replace(state, session=session)

    def _cleared(
        self, state: XorMarketState, inputs: AreaInputs, now: Instants, outputs: list[Output]
    ) -> XorMarketState:
        session = state.session
        if session is None:
            return state
        if session.asked:
            answer = next((one for one in inputs.answers if one.id == session.name), None)
            if answer is None:
                late = now.utc_s >= session.deadline_utc_s
                return self._ended(state, session, None, outputs) if late else state
            solution = answer.solution if isinstance(answer.solution, Solution) and answer.solution.usable else None
            return self._ended(state, session, solution, outputs)
        everyone = not set(session.silent) & set(inputs.enrolled)
        if not everyone and now.utc_s < session.deadline_utc_s:
            return state
        # Who was revoked meanwhile is out.
        bids = {member: ones if member in inputs.enrolled else () for member, ones in session.bids.items()}
        session = replace(session, bids=bids, asked=True, deadline_utc_s=now.utc_s + self.options.clear_s + 5.0)
        deadline = Moment(OWN, now.utc_s + self.options.clear_s)
        outputs.append(Ask(session.name, clearing(bids, session.market), deadline))
        return replace(state, session=session)

    def _ended(
        self,
        state: XorMarketState,
        session: Session,
        solution: Solution | None,
        outputs: list[Output],
    ) -> XorMarketState:
        durable = replace(state.durable, open="")
        state = replace(state, session=None, closed=session.name, durable=durable)
        if solution is None:
            outputs.append(_alarm(session.name, "was not cleared in time: it is void, nobody is awarded anything"))
            outputs += [_award(session.name, "", member) for member in session.invited]
            return state
        awarded = bidding.awarded(session, cleared(solution, session.bids, session.market))
        outputs += [
            _award(session.name, awarded.winners[member].bid if member in awarded.winners else "", member)
            for member in session.invited
        ]
        meters = settlement.meters_of(awarded)
        durable = replace(durable, awarded=awarded, settled=False, meters=meters, withdrawn=())
        return replace(state, meters=meters, durable=durable)

    def _settled(
        self, state: XorMarketState, inputs: AreaInputs, now: Instants, outputs: list[Output]
    ) -> XorMarketState:
        """Who is revoked before the end has its award withdrawn; a while after the end all that was awarded is settled."""
        durable = state.durable
        awarded = durable.due
        if awarded is None:
            return state
        if now.utc_s < awarded.end_utc_s:
            gone = set(awarded.winners) - set(inputs.enrolled) - set(durable.withdrawn)
            outputs += [
                _alarm(member, f"has {awarded.market} withdrawn: it is enrolled no more") for member in sorted(gone)
            ]
            withdrawn = tuple(sorted({*durable.withdrawn, *gone}))
            return replace(state, durable=replace(durable, withdrawn=withdrawn))
        if now.utc_s < awarded.end_utc_s + LONGEST_GAP_S:
            return state
        rows = [
            settlement.settled(awarded, member, state.meters, self.options.tolerance, member in durable.withdrawn)
            for member in sorted(awarded.winners)
        ]
        outputs += [_alarm(row.member, f"did not deliver in {row.market}: {row.why}") for row in rows if row.why]
        ledger = settlement.youngest((*durable.ledger, *rows), self.options.kept)
        durable = replace(durable, settled=True, meters=(), ledger=ledger)
        return replace(state, meters=(), durable=durable)

    def _grants(self, durable: XorMarketDurable, enrolled: tuple[str, ...], now: Instants) -> Iterable[Grant]:
        awarded = durable.awarded
        if awarded is None:
            return
        free_utc_s = self._free_utc_s(awarded)
        for member, won in awarded.winners.items():
            if member in durable.withdrawn or member not in enrolled:
                continue
            if now.utc_s < awarded.end_utc_s:
                yield Grant(member, "award", (), awarded.start_utc_s, settlement.series(won, awarded.step_s))
            if now.utc_s < free_utc_s[member]:
                yield Grant(member, "beside", (ImportLimit(self._beside_w(won.base_w)),))

    def _free_utc_s(self, awarded: Awarded) -> Mapping[str, float]:
        """When each winner is let go."""
        beside_s, count = self.options.beside_s, len(awarded.winners)
        if beside_s == 0.0:
            return dict.fromkeys(awarded.winners, -math.inf)
        return {
            member: awarded.end_utc_s + beside_s * (1.0 + number / count)
            for number, member in enumerate(sorted(awarded.winners))
        }

    def _beside_w(self, base_w: float) -> float:
        """The most that a winner may take before and after what it sold."""
        return max(0.0, base_w + self.options.beside_kw * 1000.0)

    def _ahead(self, state: XorMarketState, now: Instants) -> Iterable[float]:
        """What changes by itself."""
        session, awarded, opens_s = state.session, state.durable.awarded, self.options.opens_s
        ahead = [] if opens_s is None else [before(now.utc_s, opens_s) + DAY_S]
        if session is not None:
            ahead.append(session.deadline_utc_s)
        if awarded is not None:
            ahead += [awarded.end_utc_s, awarded.end_utc_s + LONGEST_GAP_S, *self._free_utc_s(awarded).values()]
        return [one for one in ahead if one > now.utc_s]


def _name_of(awarded: Awarded | None) -> str:
    return "" if awarded is None else awarded.market


def _award(market: str, bid: str, member: str) -> Message:
    return letters.write(Award(market, bid), NAME, member, NAME, f"{market}/award")


def _alarm(subject: str, text: str) -> Message:
    return message_of(Alarm(NAME, subject, text), NAME)
