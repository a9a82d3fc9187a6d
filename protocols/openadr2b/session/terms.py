"""What configuration settles about one 2.0b VTN before the first request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from grid_functions.model.event import Respondent


class OptBy(StrEnum):
    """How a later opt is told: by another oadrCreatedEvent, or by oadrCreateOpt (then that alone counts, rule 206)."""

    CREATED_EVENT = "createdEvent"
    EI_OPT = "EiOpt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """One VEN at one VTN.

    ``url``: up to and with ``OpenADR2/Simple/2.0b``. ``ven_id`` and ``registration_id``: when assigned in advance, empty = the VTN gives
    them. ``vtn_id``: the one that must answer, empty = whoever does. ``respondents``: devices by resource name, "" = the whole VEN; no
    devices named = all. ``market_contexts``: the programs taken part in, empty = any. ``groups``: groupID, groupName and partyID that mean
    us. ``classes``: devices by the device class of a signal's target. ``assumed_power_w``: what a LOAD_DISPATCH value without a unit
    stands for, W; None = it is refused. ``floor_s``: poll no faster, whatever is asked; ``ceiling_s``: nor slower; ``poll_s``: where
    the VTN asks for nothing. ``push_address``: the address of our own server; empty = pull.
    """

    name: str
    url: str
    ven_name: str
    ven_id: str = ""
    registration_id: str = ""
    vtn_id: str = ""
    respondents: Mapping[str, frozenset[str]] = field(default_factory=lambda: {"": frozenset()})
    market_contexts: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    classes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    assumed_power_w: float | None = None
    floor_s: float = 5.0
    ceiling_s: float = 86_400.0
    poll_s: float = 30.0
    query: bool = True
    report_only: bool = False
    xml_signature: bool = False
    opt_by: OptBy = OptBy.CREATED_EVENT
    push_address: str = ""

    def respondent(self, resource: str) -> Respondent:
        """Who answers for a resource: named before any registration, and the same after it."""
        return Respondent(self.name, resource or self.ven_name)
