"""Prices as series: what upstreams tell, now and ahead, resolved against the standing price, one value for each moment."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from grid_functions.alarm import Alarm, message_of
from grid_functions.model.claim import InForce, Source, SourceKind
from grid_functions.model.control import Control
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.event import Respondent
from grid_functions.model.function import SiteInputs, Step
from grid_functions.model.instants import Instants
from grid_functions.model.policy import SiteTerms
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.tariff import Price, Priced, PriceKind
from grid_functions.site.reach import who
from grid_functions.spans import Span, joined, left

NAME = "prices"


@dataclass(frozen=True, slots=True)
class PricesOptions:
    """``standing``: what holds while no event tells a price, and what relative prices and multipliers refer to, in the units of
    :class:`Priced`; ``currency`` of the standing prices.
    """

    standing: Mapping[Priced, float] = field(default_factory=dict)
    currency: str = ""

    def __post_init__(self) -> None:
        odd = [
            f"{NAME}.standing.{of.value} is {value}" for of, value in self.standing.items() if not math.isfinite(value)
        ]
        if odd:
            raise ConfigurationFault(tuple(f"{one}: give a number" for one in odd))


@dataclass(frozen=True, slots=True)
class Slot:
    """One value of a series, in the units of :class:`Priced`; own UTC seconds, ``end_utc_s`` None = open. ``source``: who told it."""

    start_utc_s: float
    end_utc_s: float | None
    value: float
    currency: str
    source: Source
    event: str


Tariff = Mapping[Priced, tuple[Slot, ...]]
"""By what is priced, soonest first, no two at once; moments that nobody told, and that have no standing price, are missing."""


@dataclass(frozen=True, slots=True)
class PricesState:
    """``tariff``: what is known now, made of ``told`` while each upstream's clock was ahead of ours by ``ahead_s``."""

    tariff: Tariff = field(default_factory=lambda: MappingProxyType({}))
    told: tuple[InForce, ...] = ()
    ahead_s: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    alarms: tuple[Alarm, ...] = ()
    version: int = 1


@dataclass(frozen=True, slots=True)
class KeepPrices:
    """Asks nothing of a device: it keeps the series for those that plan, and for people. A test counts nothing (rule 10)."""

    options: PricesOptions = field(default_factory=PricesOptions)

    def empty(self) -> PricesState:
        """The state at birth."""
        return PricesState()

    def step(self, state: PricesState, inputs: SiteInputs, now: Instants) -> Step[PricesState]:
        """The series, made anew only when what is told changed or a clock moved by a second."""
        told = inputs.ahead
        ahead_s = {clock: round(now.on(clock) - now.utc_s) for clock in sorted({one.since.clock for one in told})}
        if told != state.told or ahead_s != state.ahead_s:
            tariff, alarms = self._tariff(told, ahead_s, inputs.terms)
            state = PricesState(tariff, told, MappingProxyType(ahead_s), alarms)
        return Step(state, tuple(message_of(alarm, inputs.terms.name) for alarm in state.alarms))

    def refusal(self, control: Control, respondent: Respondent, terms: SiteTerms, snapshot: Snapshot) -> str | None:
        """A relative price where no standing price is known."""
        if not isinstance(control, Price):
            return None
        if control.kind is PriceKind.ABSOLUTE or control.of in self.options.standing:
            return ""
        return f"{control.of.value} price: it is {control.kind.value}, and this site knows no standing price"

    def _tariff(
        self, told: Iterable[InForce], ahead_s: Mapping[str, float], terms: SiteTerms
    ) -> tuple[Tariff, tuple[Alarm, ...]]:
        """Rule 3 for every moment: first the precedence of the source, then the newest as received."""
        found: dict[Priced, list[Slot]] = {}
        taken: dict[Priced, list[Span]] = {}
        alarms: set[Alarm] = set()
        for held in sorted(told, key=lambda one: (_place(one, terms), -one.received_utc_s, one.since.at_s)):
            price = held.control
            if not isinstance(price, Price):
                continue
            value = self._resolved(price)
            if value is None:
                alarms.add(Alarm(NAME, who(held), f"a {price.kind.value} price of {price.of.value} cannot be resolved"))
                continue
            shift_s = ahead_s[held.since.clock]
            span = (held.since.at_s - shift_s, math.inf if held.until is None else held.until.at_s - shift_s)
            currency = price.currency or (self.options.currency if price.kind is not PriceKind.ABSOLUTE else "")
            event = getattr(held.cause, "id", "")
            for start, end in left(span, taken.get(price.of, [])):
                slot = Slot(start, None if end == math.inf else end, value, currency, held.source, str(event))
                found.setdefault(price.of, []).append(slot)
            taken[price.of] = joined([*taken.get(price.of, []), span])
        series = {of: tuple(sorted(slots, key=lambda one: one.start_utc_s)) for of, slots in sorted(found.items())}
        return MappingProxyType(series), tuple(sorted(alarms))

    def _resolved(self, price: Price) -> float | None:
        standing = self.options.standing.get(price.of)
        if price.kind is PriceKind.ABSOLUTE:
            value = price.value
        elif standing is None:
            return None
        else:
            value = standing + price.value if price.kind is PriceKind.RELATIVE else standing * price.value
        return value if math.isfinite(value) else None


def price_at(tariff: Tariff, options: PricesOptions, of: Priced, utc_s: float) -> float | None:
    """What holds at a moment: what is told for it, else the standing price, else None."""
    for slot in tariff.get(of, ()):
        if slot.start_utc_s <= utc_s and (slot.end_utc_s is None or utc_s < slot.end_utc_s):
            return slot.value
    return options.standing.get(of)


def _place(held: InForce, terms: SiteTerms) -> int:
    kind: SourceKind = held.source.kind
    return terms.precedence.index(kind) if kind in terms.precedence else len(terms.precedence)
