"""eiTarget -> resources and devices (OpenADR 2.0b profile, clause 8.1; rules 22, 109, 111 and 112)."""

from protocols.openadr2b.session.terms import Terms
from protocols.openadr2b.translate.refusal import Code, Refusal
from protocols.openadr2b.wire.events import EVERYTHING, Target


def addressed(target: Target, terms: Terms, ven_id: str) -> tuple[str, ...] | Refusal:
    """The resource names an event is for. All criteria are alternatives; none = everything of the VEN.

    Interpretation: a resource we do not have is passed over where another criterion meets us; if resources were all it named, 469.
    """
    every = tuple(terms.respondents)
    if target == EVERYTHING:
        return every
    whole = ven_id in target.venID or any(
        name in terms.groups for name in (*target.groupID, *target.groupName, *target.partyID)
    )
    if whole:
        return every
    named = tuple(name for name in every if name and name in target.resourceID)
    if named:
        return named
    strange = [name for name in target.resourceID if name not in terms.respondents]
    if strange and not target.venID:
        return Refusal(Code.DEPLOYMENT, f"no resource {', '.join(map(repr, strange[:3]))} here")
    return Refusal(Code.TARGET_MISMATCH, "its target names nothing that is served here")


def devices_of(target: Target | None, terms: Terms) -> frozenset[str] | Refusal | None:
    """The devices a signal is for, by device class; None = all of the event's (rule 111: classes narrow the event's target)."""
    if target is None or target == EVERYTHING:
        return None
    if not target.endDeviceAsset:
        return Refusal(Code.TARGET_MISMATCH, "a signal's target may name device classes only")
    devices = frozenset[str]().union(*(terms.classes.get(name, frozenset()) for name in target.endDeviceAsset))
    if not devices:
        return Refusal(
            Code.TARGET_MISMATCH, f"no device of class {', '.join(map(repr, target.endDeviceAsset[:3]))} here"
        )
    return devices
