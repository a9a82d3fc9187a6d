"""Whom an event means: its targets against who we are and what the VTN granted us.

3.0.1: typed targets; VEN_NAME and RESOURCE_NAME name us, any other type is ours if it was granted or configured. 3.1: plain words that
the business logic granted to our ven or to one of its resources. Interpretation: several targets are alternatives, and no target at all
means everything of ours; what names nobody here is another VEN's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from protocols.openadr3.wire.objects import Target

WHOLE_VEN = ""
"""The name, among respondents, of the ven itself."""


@dataclass(frozen=True, slots=True)
class Grants:
    """``ven``: targets of our ven, and those configured; ``resources``: those of each resource by its name."""

    ven_name: str
    ven: frozenset[Target] = frozenset()
    resources: Mapping[str, frozenset[Target]] = field(default_factory=dict)

    @property
    def all(self) -> tuple[Target, ...]:
        """Every target to ask for, each once."""
        found = self.ven.union(*self.resources.values())
        return tuple(sorted(found, key=lambda one: (one.type, one.value)))


def meant(targets: Iterable[Target], serves: Iterable[str], grants: Grants) -> frozenset[str]:
    """The respondents meant, by the names of their resources; empty = none of ours."""
    everyone = frozenset(serves)
    wanted = tuple(targets)
    if not wanted:
        return everyone
    found: set[str] = set()
    for target in wanted:
        if target in grants.ven or (target.type in ("", "VEN_NAME") and target.value == grants.ven_name):
            return everyone
        if target.type in ("", "RESOURCE_NAME") and target.value in everyone and target.value != WHOLE_VEN:
            found.add(target.value)
        found.update(name for name, granted in grants.resources.items() if target in granted and name in everyone)
    return frozenset(found)
