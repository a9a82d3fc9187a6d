"""One site, wired: what its loop is handed."""

from collections.abc import Mapping
from dataclasses import dataclass

from grid_functions.machines import Machine
from grid_functions.model.event import Respondent
from grid_functions.model.policy import Policy, SiteTerms
from grid_functions.model.ports import Device, Upstream


@dataclass(frozen=True, slots=True)
class SitePlan:
    """Everything one site's loop needs that does not change while it runs.

    ``meter``: the device whose readings are the connection point's. ``observe``: decide and show, write and answer nothing.
    ``settle_deadline_s``: how long the first decision waits for devices that have not answered. ``seed``: of all draws.
    """

    terms: SiteTerms
    policies: Mapping[Respondent, Policy]
    devices: Mapping[str, Device]
    upstreams: Mapping[str, Upstream]
    meter: str | None
    observe: bool
    settle_deadline_s: float
    functions: Mapping[str, Machine]
    seed: bytes
