"""How a function of the site itself speaks: the lowest-ranked source, configured, in force from the beginning."""

from grid_functions.model.claim import Basis, Bound, Claim, ConnectionPoint, Devices, InForce, Scope, Source, SourceKind
from grid_functions.model.control import Control, ExportLimit, GenerationLimit, ImportLimit, LoadLimit, mode_of
from grid_functions.model.event import Rank
from grid_functions.model.instants import OWN, Moment
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity

NET: MeterKey = (Quantity.NET, None)


def voice(name: str, control: Control, until: Moment | None = None) -> InForce:
    """The function of that name, saying this."""
    return InForce(
        control,
        Source(SourceKind.LOCAL, name),
        Rank(0.0),
        Basis.CONFIGURED,
        Moment(OWN, 0.0),
        until,
        received_utc_s=0.0,
    )


def bound(name: str, scope: Scope, quantity: Quantity, limit_w: float, until: Moment | None = None) -> Claim:
    """At most so many W produced or consumed there."""
    produced = quantity is Quantity.PRODUCED
    control: Control
    if isinstance(scope, ConnectionPoint):
        control = ExportLimit(limit_w) if produced else ImportLimit(limit_w)
    else:
        control = GenerationLimit(limit_w) if produced else LoadLimit(limit_w)
    want = Bound(limit_w)
    return Claim(scope, quantity, want, want, mode_of(control), voice(name, control, until), valid_until=until)


def alone(name: str) -> Devices:
    """One device as a scope."""
    return Devices(frozenset({name}))


def good(reading: Reading | None, now_s: float, stale_s: float) -> float | None:
    """A value that may be counted on now."""
    if reading is None or reading.quality is not Quality.GOOD or now_s - reading.at_s > stale_s:
        return None
    return reading.value


def drawn_w(snapshot: Snapshot, stale_s: float) -> float | None:
    """Power at the connection, W, positive = import; None when stale (rule 6)."""
    return good(snapshot.meter.get(NET), snapshot.at.mono_s, stale_s)
