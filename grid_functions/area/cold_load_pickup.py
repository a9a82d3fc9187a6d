"""Cold-load pickup as a machine: members are held at nothing, and come back one after the other under the area's limit.

It begins by an order, or by itself when the area's meter shows no voltage: then everyone is held off before power returns, and nobody
comes back until it has. A member that is back may take its share; when all are back, the last has settled and ``hold_s`` are over,
whoever takes less than its share is let go; the others, cold as they are, share the room that is left until they do.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from grid_functions import letters
from grid_functions.alarm import Alarm, message_of
from grid_functions.area import pickup
from grid_functions.area.pickup import Pickup, Waiting
from grid_functions.area.precedence import USUAL
from grid_functions.area.ranges import check
from grid_functions.area.standing import Standing, changes
from grid_functions.area.whole import Whole, voltage_v, whole_of
from grid_functions.letters import Way
from grid_functions.model.control import ImportLimit
from grid_functions.model.errors import MalformedMessage
from grid_functions.model.function import AreaInputs, Output, Step, WakeAt
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.lease import Grant, Message

NAME = "cold_load_pickup"


@dataclass(frozen=True, slots=True)
class ColdLoadPickupOptions:
    """``limit_kw``: what the area must not exceed meanwhile; ``share_kw``: what a member may take once it is back. ``settle_s``: how long a
    return takes to show in the meter; ``hold_s``: how long all shares hold on at least after the last return.
    ``priorities`` by member, the smaller comes first, 100 where none is given. ``dark_v``: below it
    there is no power. ``rest_kw``: the most that all but members can take, for when the area has no meter.
    """

    limit_kw: float = 100.0
    share_kw: float = 5.0
    settle_s: float = 60.0
    hold_s: float = 0.0
    priorities: Mapping[str, int] = field(default_factory=dict)
    dark_v: float = 40.0
    rest_kw: float | None = None

    def __post_init__(self) -> None:
        ranges = {
            "limit_kw": (self.limit_kw, 0.1, 1e6),
            "share_kw": (self.share_kw, 0.1, 1e6),
            "settle_s": (self.settle_s, 1.0, 3600.0),
            "hold_s": (self.hold_s, 0.0, 86_400.0),
            "dark_v": (self.dark_v, 1.0, 1e6),
            "rest_kw": (self.rest_kw or 0.0, 0.0, 1e6),
        }
        more = [f"{NAME}.share_kw is above limit_kw: nobody could come back"] if self.share_kw > self.limit_kw else []
        priorities = {f"priorities.{one}": (rank, 0, 1000) for one, rank in self.priorities.items()}
        check(NAME, ranges | priorities, more)


@dataclass(frozen=True, slots=True)
class ColdLoadPickupDurable:
    """``pickup`` None: nothing is held; ``dark``: power has not returned yet; ``peak_w``: the most the area took since it did."""

    VERSION: ClassVar[int] = 2

    pickup: Pickup | None = None
    dark: bool = False
    begun_utc_s: float = 0.0
    ended_utc_s: float = 0.0
    peak_w: float = 0.0

    @staticmethod
    def migrate(version: int, plain: Mapping[str, Any]) -> Mapping[str, Any]:
        """Before 2 all were let go together."""
        return plain


@dataclass(frozen=True, slots=True)
class ColdLoadPickupState:
    """``standing``: of this run."""

    durable: ColdLoadPickupDurable = field(default_factory=ColdLoadPickupDurable)
    standing: Standing = field(default_factory=dict)
    version: int = 1


@dataclass(frozen=True, slots=True)
class ColdLoadPickup:
    """Brings the members back."""

    options: ColdLoadPickupOptions = field(default_factory=ColdLoadPickupOptions)

    def empty(self) -> ColdLoadPickupState:
        """The state at birth."""
        return ColdLoadPickupState()

    def step(self, state: ColdLoadPickupState, inputs: AreaInputs, now: Instants) -> Step[ColdLoadPickupState]:
        """Begin, let back whom the room allows, end."""
        outputs: list[Output] = []
        durable = self._ordered(state.durable, inputs, now, outputs)
        volts = voltage_v(inputs.area_meter, now)
        if volts is not None and volts < self.options.dark_v:
            # Whoever was back is cold again.
            durable = durable if durable.dark else replace(self._begun(inputs.enrolled, now), dark=True)
        elif volts is not None and durable.dark:
            durable = replace(durable, dark=False, begun_utc_s=now.utc_s)
        durable = self._stepped(durable, inputs, now, outputs)
        standing, grants = changes(state.standing, self._grants(durable))
        outputs += grants
        held = durable.pickup
        spans_s = (self.options.settle_s, self.options.settle_s + self.options.hold_s)
        young = [] if held is None else [since_s + span_s for _, since_s in held.back for span_s in spans_s]
        young += [] if held is None else [held.eased_utc_s + self.options.settle_s]
        outputs += [WakeAt(Moment(OWN, at_s)) for at_s in young if at_s > now.utc_s]
        return Step(replace(state, durable=durable, standing=standing), tuple(outputs))

    def told(self, state: ColdLoadPickupState) -> Mapping[str, Any]:
        """Who waits, who is back, and the peak since power returned."""
        durable = state.durable
        held = durable.pickup or Pickup(0.0, ())
        return {
            "running": durable.pickup is not None,
            "dark": durable.dark,
            "waiting": [one.member for one in held.waiting],
            "back": [one.member for one, _ in held.back],
            "begun_utc_s": durable.begun_utc_s,
            "ended_utc_s": durable.ended_utc_s,
            "limit_w": self.options.limit_kw * 1000.0,
            "peak_w": durable.peak_w,
        }

    def _ordered(
        self, durable: ColdLoadPickupDurable, inputs: AreaInputs, now: Instants, outputs: list[Output]
    ) -> ColdLoadPickupDurable:
        for order in inputs.orders:
            try:
                letters.read(order, Way.ORDER)
            except MalformedMessage as fault:
                outputs.append(_alarm(order.kind, str(fault)))
                continue
            if order.kind == "end":
                durable = replace(durable, pickup=None, dark=False, ended_utc_s=now.utc_s)
            elif durable.pickup is None:
                durable = self._begun(inputs.enrolled, now)
        return durable

    def _begun(self, members: Iterable[str], now: Instants) -> ColdLoadPickupDurable:
        waiting = {member: self._waiting(member) for member in members}
        return ColdLoadPickupDurable(pickup.begin(self.options.limit_kw * 1000.0, waiting), begun_utc_s=now.utc_s)

    def _waiting(self, member: str) -> Waiting:
        """Its share is the most that it may take, since that is what it is limited to."""
        return Waiting(member, self.options.share_kw * 1000.0, self.options.priorities.get(member, USUAL))

    def _stepped(
        self, durable: ColdLoadPickupDurable, inputs: AreaInputs, now: Instants, outputs: list[Output]
    ) -> ColdLoadPickupDurable:
        if durable.pickup is None:
            return durable
        held = self._roll(durable.pickup, inputs.enrolled, now)
        if durable.dark:
            return replace(durable, pickup=held)
        whole = whole_of(inputs, inputs.enrolled, now)
        area_w = self._area_w(whole, held)
        if area_w is None:
            outputs.append(
                _alarm("meter", "what the area takes is not known: nobody comes back; name rest_kw if it has no meter")
            )
            return replace(durable, pickup=held)
        settle_s = self.options.settle_s
        powers_w = {member: one.power_w for member, one in whole.known.items()}
        after = pickup.step(held, area_w, powers_w, now.utc_s, settle_s)
        settled = all(now.utc_s - since_s >= settle_s for _, since_s in after.back)
        if after.waiting and settled:
            outputs.append(_alarm("limit", f"leaves no room for {after.waiting[0].member} yet"))
        peak_w = max(durable.peak_w, area_w)
        share_w, calm_s = self.options.share_kw * 1000.0, settle_s + self.options.hold_s
        after = pickup.eased(after, area_w, powers_w, now.utc_s, share_w, settle_s, calm_s)
        if after.over:
            return replace(durable, pickup=None, ended_utc_s=now.utc_s, peak_w=peak_w)
        return replace(durable, pickup=after, peak_w=peak_w)

    def _roll(self, held: Pickup, enrolled: tuple[str, ...], now: Instants) -> Pickup:
        """Who is new waits, who is revoked is gone; a clock that was set back makes nobody younger than now."""
        known = {one.member for one in held.waiting} | {one.member for one, _ in held.back} | held.free
        waiting = [one for one in held.waiting if one.member in enrolled]
        waiting += [self._waiting(member) for member in enrolled if member not in known]
        waiting.sort(key=lambda one: (one.priority, one.member))
        back = [(one, min(since_s, now.utc_s)) for one, since_s in held.back if one.member in enrolled]
        return replace(held, waiting=tuple(waiting), back=tuple(back))

    def _area_w(self, whole: Whole, held: Pickup) -> float | None:
        """Measured; else what members take, all that a silent one may, and the stated rest."""
        if whole.net_w is not None or self.options.rest_kw is None:
            return whole.net_w
        # Who is back and silent is counted by the pickup itself.
        unheard = sum(one.most_w for one in held.waiting if one.member in whole.silent)
        return whole.members_w + unheard + self.options.rest_kw * 1000.0

    def _grants(self, durable: ColdLoadPickupDurable) -> Iterable[Grant]:
        if durable.pickup is None:
            return
        for one in durable.pickup.waiting:
            yield Grant(one.member, "pickup", (ImportLimit(0.0),))
        for one, _ in durable.pickup.back:
            yield Grant(one.member, "pickup", (ImportLimit(one.most_w),))


def _alarm(subject: str, text: str) -> Message:
    return message_of(Alarm(NAME, subject, text), NAME)
