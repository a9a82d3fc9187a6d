"""Whom a control in force reaches, and by what name its source is told to people."""

from grid_functions.model.claim import InForce, SourceKind
from grid_functions.model.device import Role
from grid_functions.model.policy import SiteTerms


def devices_of(held: InForce, terms: SiteTerms, roles: frozenset[Role]) -> frozenset[str]:
    """The devices of these roles that a control addresses: its respondent's, or the site's when a local voice speaks.

    A respondent that configuration gives no devices reaches none: never applied to all.
    """
    known = frozenset(name for name, device in terms.devices.items() if device.role in roles)
    respondent = held.source.respondent
    if respondent is not None:
        known &= terms.respondents.get(respondent, frozenset())
    return known & held.addressees if held.addressees else known


def who(held: InForce) -> str:
    """The source as an alarm names it."""
    return held.source.name if held.source.kind is not SourceKind.SAFETY else f"safety {held.source.name}"
