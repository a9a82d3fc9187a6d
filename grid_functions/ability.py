"""Which modes a device obeys at this site, and which nobody there can obey (what is refused with 252).

A mode is carried by a field of the setpoint, so whoever can do one mode of a field can do all that this field carries: watts are
watts, whether percent or power was asked for.
"""

from collections.abc import Iterable, Mapping

from grid_functions.alarm import Alarm
from grid_functions.model.claim import Basis, Devices, Ruling
from grid_functions.model.control import Mode
from grid_functions.model.device import Ability, How, Role, Seen, Trouble
from grid_functions.model.event import Respondent
from grid_functions.model.modes import LIMIT_MODES, SWITCH_MODES
from grid_functions.model.policy import SiteTerms
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from grid_functions.rating import CONSUMERS, LOADS, PRODUCERS, STORAGE, SWITCHED, obeys, roles_of

PROTECTION_MODES = frozenset(mode for mode in Mode if mode.value.endswith(("_trip", "_cessation")))
"""Trip and ride-through curves: written only where the site permits it."""

TIGHTENING_MODES = LIMIT_MODES | SWITCH_MODES
"""Approximated without being asked: by whatever means a limit or an off is kept, the site does less and never more."""

REACTIVE_MODES = frozenset(
    {
        Mode.FIXED_REACTIVE,
        Mode.TARGET_REACTIVE,
        Mode.POWER_FACTOR_INJECT,
        Mode.POWER_FACTOR_ABSORB,
        Mode.VOLT_VAR,
        Mode.WATT_VAR,
        Mode.WATT_PF,
    }
)
"""Rule 4: one contest, and one of them in a device."""

_PRODUCED = (Mode.MAX_POWER, Mode.GENERATION_LIMIT, Mode.EXPORT_LIMIT)
_CONSUMED = (Mode.LOAD_LIMIT, Mode.IMPORT_LIMIT)
_TARGETS = (Mode.TARGET_POWER, Mode.FIXED_POWER, Mode.STORAGE_POWER)
_VARS = (Mode.TARGET_REACTIVE, Mode.FIXED_REACTIVE)
_CARRIED: Mapping[Mode, tuple[Mode, ...]] = {
    mode: group for group in (_PRODUCED, _CONSUMED, _TARGETS, _VARS) for mode in group
}
_ROLES: Mapping[Mode, frozenset[Role]] = {
    **dict.fromkeys((*_PRODUCED, Mode.POWER_FACTOR_INJECT), PRODUCERS),
    **dict.fromkeys((*_CONSUMED, Mode.POWER_FACTOR_ABSORB), CONSUMERS),
    Mode.STORAGE_POWER: STORAGE,
    Mode.THERMOSTAT: LOADS,
    Mode.ENERGIZE: SWITCHED | LOADS,
}
_AT_CONNECTION = frozenset({Mode.EXPORT_LIMIT, Mode.IMPORT_LIMIT})
_BEST_FIRST = (How.NATIVE, How.APPROXIMATED, How.NOT_POSSIBLE)


def roles_for(mode: Mode) -> frozenset[Role]:
    """Whom a mode can address at all; a power factor only whoever has active power in its direction."""
    return _ROLES.get(mode, SWITCHED)


def how(seen: Seen, mode: Mode, terms: SiteTerms) -> Ability:
    """How this device obeys the mode at this site: what it told, less what the site did not opt in to."""
    if seen.role not in roles_for(mode):
        return Ability(How.NOT_POSSIBLE, f"not of a {seen.role.value}")
    if mode in PROTECTION_MODES and not terms.protection:
        return Ability(How.NOT_POSSIBLE, "protection is read only at this site: set protection: write")
    told = [seen.capability.abilities[one] for one in _CARRIED.get(mode, (mode,)) if one in seen.capability.abilities]
    if mode in SWITCH_MODES and not any(one.how is not How.NOT_POSSIBLE for one in told):
        limits = [how(seen, one, terms) for one in (Mode.MAX_POWER, Mode.LOAD_LIMIT)]
        if any(one.how is not How.NOT_POSSIBLE for one in limits):
            return Ability(How.APPROXIMATED, "no switch: limited to 0 W")
    best = min(told, key=lambda one: _BEST_FIRST.index(one.how), default=Ability(How.NOT_POSSIBLE, "cannot"))
    if best.how is How.APPROXIMATED and mode not in TIGHTENING_MODES and mode not in terms.approximate:
        return Ability(How.NOT_POSSIBLE, f"only approximated ({best.means}): add {mode.value} to approximate")
    return best


def can(seen: Seen, mode: Mode, terms: SiteTerms) -> bool:
    """Whether the mode reaches the device natively, or by an approximation that this site has opted in to."""
    return how(seen, mode, terms).how is not How.NOT_POSSIBLE


def has(seen: Seen, mode: Mode) -> bool:
    """Whether the device itself told that it can this very mode, by whatever means."""
    told = seen.capability.abilities.get(mode)
    return told is not None and told.how is not How.NOT_POSSIBLE


def steerable(seen: Seen, mode: Mode, terms: SiteTerms) -> bool:
    """Whether a target sent now is obeyed: it answers, is the one that was pinned, and nobody else is writing to it."""
    lost = {Trouble.WRONG_DEVICE, Trouble.FOREIGN_WRITER}
    return seen.condition.online and not lost & seen.condition.troubles and can(seen, mode, terms)


def unknown(seen: Seen | None) -> bool:
    """Whether a device has never told what it can."""
    return seen is None or (not seen.condition.online and not seen.capability.abilities)


def capable(names: Iterable[str], mode: Mode, snapshot: Snapshot, terms: SiteTerms) -> frozenset[str]:
    """Those of ``names`` that can, or have not yet told that they cannot."""
    found = ((name, snapshot.devices.get(name)) for name in names)
    return frozenset(name for name, seen in found if seen is None or unknown(seen) or can(seen, mode, terms))


def nobody_can(mode: Mode, respondent: Respondent, terms: SiteTerms, snapshot: Snapshot) -> str:
    """Why no device that the mode addresses can do anything about it, in one line; empty when one can or may yet tell."""
    names = _addressed(mode, respondent, terms)
    if capable(names, mode, snapshot, terms):
        return ""
    reasons = {name: how(snapshot.devices[name], mode, terms).means for name in names}
    return f"{mode.value}: " + ("; ".join(f"{name}: {why}" for name, why in reasons.items()) or "no such device")


def somebody_there(mode: Mode, respondent: Respondent, terms: SiteTerms, snapshot: Snapshot) -> bool:
    """Whether a device that the mode addresses answers now and can obey it."""
    found = (snapshot.devices.get(name) for name in _addressed(mode, respondent, terms))
    return any(seen is not None and steerable(seen, mode, terms) for seen in found)


def unlimited(ruling: Ruling, snapshot: Snapshot, terms: SiteTerms) -> Iterable[Alarm]:
    """Devices that answer, are bound by somebody, and cannot be limited: others have to make up for them."""
    for claim in ruling.bounds:
        if claim.cause.basis is Basis.CONFIGURED or claim.quantity not in (Quantity.PRODUCED, Quantity.CONSUMED):
            continue
        for name, device in terms.devices.items():
            seen = snapshot.devices.get(name)
            covered = not isinstance(claim.scope, Devices) or name in claim.scope.names
            if seen is None or not covered or device.role not in roles_of(claim.quantity):
                continue
            if seen.condition.online and not obeys(seen, claim.quantity):
                yield Alarm("allocate", name, f"cannot be limited in power {claim.quantity.value}")


def _addressed(mode: Mode, respondent: Respondent, terms: SiteTerms) -> list[str]:
    theirs = terms.devices.keys() if mode in _AT_CONNECTION else terms.respondents.get(respondent, frozenset())
    # rule 5: an upstream switches no loads; only a measure of the site's own tables does
    roles = SWITCHED if mode in SWITCH_MODES else roles_for(mode)
    return sorted(name for name in theirs if name in terms.devices and terms.devices[name].role in roles)
