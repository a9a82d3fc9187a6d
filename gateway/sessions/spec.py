"""What a session with an upstream is built from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.config.upstreams import Upstream
from grid_functions.model.device import Role


@dataclass(frozen=True, slots=True)
class Served:
    """One respondent of an upstream: what it stands for at ``site``. ``resource``: the upstream's name for it, "" = the whole relation;
    ``roles``: by device.
    """

    site: str
    resource: str
    roles: Mapping[str, Role]

    @property
    def devices(self) -> frozenset[str]:
        """The devices it stands for."""
        return frozenset(self.roles)


@dataclass(frozen=True, slots=True)
class UpstreamSpec:
    """One upstream's session. ``digest``: of what its files in ``folder`` hold, which may be renewed; ``serves`` in the file's order."""

    settings: Upstream
    folder: Path
    digest: str
    serves: tuple[Served, ...]
