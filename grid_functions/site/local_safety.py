"""Rule 1: what nobody may loosen. Nameplates, the connection's ratings and fuse, the operator's lock to zero."""

import math
from dataclasses import replace
from functools import lru_cache

from grid_functions.conductors import NOMINAL_V, conductors
from grid_functions.model.claim import Basis, Bound, Claim, ConnectionPoint, Devices, InForce, Source, SourceKind
from grid_functions.model.control import ExportLimit, GenerationLimit, ImportLimit, LoadLimit, Mode
from grid_functions.model.event import Rank
from grid_functions.model.instants import OWN, Moment
from grid_functions.model.policy import SiteTerms
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from grid_functions.rating import most_w, roles_of

FUSE_V = NOMINAL_V
"""Volts to neutral by which a fuse in A becomes W of all phases together: nominal, since a higher voltage only leaves a margin."""

_CONTROLS: dict[Mode, type[ExportLimit | ImportLimit | GenerationLimit | LoadLimit]] = {
    Mode.EXPORT_LIMIT: ExportLimit,
    Mode.GENERATION_LIMIT: GenerationLimit,
    Mode.IMPORT_LIMIT: ImportLimit,
    Mode.LOAD_LIMIT: LoadLimit,
}
_MODES = {
    Quantity.PRODUCED: (Mode.EXPORT_LIMIT, Mode.GENERATION_LIMIT),
    Quantity.CONSUMED: (Mode.IMPORT_LIMIT, Mode.LOAD_LIMIT),
}
"""At the connection, and of one device."""


def claims(terms: SiteTerms, snapshot: Snapshot) -> tuple[Claim, ...]:
    """Every bound of local safety, by source; a rating nobody told yields none."""
    found: list[Claim] = []
    connection = terms.connection
    ratings = {Quantity.PRODUCED: connection.export_limit_w, Quantity.CONSUMED: connection.import_limit_w}
    for quantity, (at_connection, on_device) in _MODES.items():
        rating_w = ratings[quantity]
        if rating_w is not None:
            found.append(_claim(None, quantity, at_connection, rating_w, "connection"))
        if connection.fuse_a is not None:
            fuse_w = connection.fuse_a * FUSE_V * connection.phases
            found.append(_claim(None, quantity, at_connection, fuse_w, "fuse"))
        for name in sorted(terms.devices):
            device = terms.devices[name]
            if device.role not in roles_of(quantity):
                continue
            alone = frozenset({name})
            if device.locked:
                found.append(_claim(alone, quantity, on_device, 0.0, f"lock {name}"))
            seen = snapshot.devices.get(name)
            # what is limited in amperes cannot be told more than its maximum, whatever the voltage makes of it
            plain = seen is not None and seen.capability.currents is None
            plate_w = most_w(seen, quantity) if seen is not None and plain else math.inf
            if plate_w < math.inf:
                found.append(_claim(alone, quantity, on_device, plate_w, f"nameplate {name}"))
    if connection.fuse_a is not None:
        found += _fuse(None, connection.fuse_a, "fuse", connection.phases)
    for group in terms.groups:
        found += _fuse(group.devices, group.fuse_a, f"fuse {group.name}", connection.phases)
    return tuple(found)


_SITES = 1_000
"""Claims of so many sites are made once: ratings hardly ever change, and every decision asks for them."""


@lru_cache(maxsize=4 * _SITES, typed=True)
def _fuse(names: frozenset[str] | None, fuse_a: float, name: str, phases: int) -> tuple[Claim, ...]:
    """A bound for each conductor, A in either direction."""
    bound = Bound(fuse_a)
    plain = _claim(names, Quantity.CURRENT, Mode.IMPORT_LIMIT, fuse_a * FUSE_V, name)
    return tuple(replace(plain, want=bound, goal=bound, phase=one) for one in conductors(phases))


@lru_cache(maxsize=16 * _SITES, typed=True)
def _claim(names: frozenset[str] | None, quantity: Quantity, mode: Mode, limit_w: float, name: str) -> Claim:
    """``names``: of the devices; None = the connection."""
    control = _CONTROLS[mode](limit_w)
    cause = InForce(
        control=control,
        source=Source(SourceKind.SAFETY, name),
        rank=Rank(0.0),
        basis=Basis.CONFIGURED,
        since=Moment(OWN, 0.0),
        until=None,
        received_utc_s=0.0,
    )
    bound = Bound(max(0.0, limit_w))
    scope = ConnectionPoint() if names is None else Devices(names)
    return Claim(scope, quantity, bound, bound, mode, cause)
