"""Rule 1: what nobody may loosen. Nameplates, the connection's ratings and fuse, the operator's lock to zero."""

import math
from dataclasses import replace

from grid_functions.conductors import NOMINAL_V, conductors
from grid_functions.model.claim import Basis, Bound, Claim, ConnectionPoint, Devices, InForce, Scope, Source, SourceKind
from grid_functions.model.control import ExportLimit, GenerationLimit, ImportLimit, LoadLimit, mode_of
from grid_functions.model.event import Rank
from grid_functions.model.instants import OWN, Moment
from grid_functions.model.policy import SiteTerms
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from grid_functions.rating import most_w, roles_of

FUSE_V = NOMINAL_V
"""Volts to neutral by which a fuse in A becomes W of all phases together: nominal, since a higher voltage only leaves a margin."""

_LIMITS: dict[Quantity, tuple[type[ExportLimit] | type[ImportLimit], type[GenerationLimit] | type[LoadLimit]]] = {
    Quantity.PRODUCED: (ExportLimit, GenerationLimit),
    Quantity.CONSUMED: (ImportLimit, LoadLimit),
}


def claims(terms: SiteTerms, snapshot: Snapshot) -> tuple[Claim, ...]:
    """Every bound of local safety, by source; a rating nobody told yields none."""
    found: list[Claim] = []
    connection = terms.connection
    ratings = {Quantity.PRODUCED: connection.export_limit_w, Quantity.CONSUMED: connection.import_limit_w}
    for quantity, (at_connection, on_device) in _LIMITS.items():
        rating_w = ratings[quantity]
        if rating_w is not None:
            found.append(_claim(ConnectionPoint(), quantity, at_connection(rating_w), "connection"))
        if connection.fuse_a is not None:
            fuse_w = connection.fuse_a * FUSE_V * connection.phases
            found.append(_claim(ConnectionPoint(), quantity, at_connection(fuse_w), "fuse"))
        for name in sorted(terms.devices):
            device = terms.devices[name]
            if device.role not in roles_of(quantity):
                continue
            scope = Devices(frozenset({name}))
            if device.locked:
                found.append(_claim(scope, quantity, on_device(0.0), f"lock {name}"))
            seen = snapshot.devices.get(name)
            # what is limited in amperes cannot be told more than its maximum, whatever the voltage makes of it
            plain = seen is not None and seen.capability.currents is None
            plate_w = most_w(seen, quantity) if seen is not None and plain else math.inf
            if plate_w < math.inf:
                found.append(_claim(scope, quantity, on_device(plate_w), f"nameplate {name}"))
    found += _fuses(terms)
    return tuple(found)


def _fuses(terms: SiteTerms) -> list[Claim]:
    """A bound for each fuse on each conductor, A in either direction."""
    told: list[tuple[Scope, float, str]] = []
    if terms.connection.fuse_a is not None:
        told.append((ConnectionPoint(), terms.connection.fuse_a, "fuse"))
    told += [(Devices(group.devices), group.fuse_a, f"fuse {group.name}") for group in terms.groups]
    found = []
    for scope, fuse_a, name in told:
        bound = Bound(fuse_a)
        plain = _claim(scope, Quantity.CURRENT, ImportLimit(fuse_a * FUSE_V), name)
        found += [replace(plain, want=bound, goal=bound, phase=one) for one in conductors(terms.connection.phases)]
    return found


def _claim(
    scope: Scope, quantity: Quantity, control: ExportLimit | ImportLimit | GenerationLimit | LoadLimit, name: str
) -> Claim:
    cause = InForce(
        control=control,
        source=Source(SourceKind.SAFETY, name),
        rank=Rank(0.0),
        basis=Basis.CONFIGURED,
        since=Moment(OWN, 0.0),
        until=None,
        received_utc_s=0.0,
    )
    bound = Bound(max(0.0, control.limit_w))
    return Claim(scope, quantity, bound, bound, mode_of(control), cause)
