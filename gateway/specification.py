"""What every running part is built from. Parts of equal specification are the same part: a reload leaves them as they run."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from adapters.catalogue import FAMILIES
from certs.errors import CertificateError
from gateway.config.load import Loaded, files_of
from gateway.config.schema import DeviceSettings, SiteSettings
from gateway.config.upstreams import Resource, Service, Upstream
from gateway.sessions import protocols
from gateway.sessions.spec import Served, UpstreamSpec
from grid_functions.model.device import Role
from grid_functions.model.errors import CredentialFault
from grid_functions.rating import SWITCHED


@dataclass(frozen=True, slots=True)
class LinkSpec:
    """One socket to a device or a bus behind a bridge."""

    host: str
    port: int
    timeout_s: float
    min_gap_s: float


@dataclass(frozen=True, slots=True)
class DeviceSpec:
    """One device's driver."""

    settings: DeviceSettings
    site: str
    observe: bool
    link: LinkSpec


@dataclass(frozen=True, slots=True)
class SiteSpec:
    """One site's loop, with all that it decides by."""

    settings: SiteSettings
    observe: bool
    devices: tuple[DeviceSpec, ...]
    upstreams: tuple[UpstreamSpec, ...]


@dataclass(frozen=True, slots=True)
class Specification:
    """Everything that is to run, by name."""

    upstreams: Mapping[str, UpstreamSpec]
    sites: Mapping[str, SiteSpec]

    @property
    def links(self) -> frozenset[LinkSpec]:
        """Every socket that some device needs."""
        return frozenset(device.link for site in self.sites.values() for device in site.devices)


@dataclass(frozen=True, slots=True)
class Difference:
    """What a reload changes: parts by kind and name, devices as ``site/device``."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    kept: tuple[str, ...]

    def plain(self) -> dict[str, list[str]]:
        """As plain lists."""
        return {name: list(getattr(self, name)) for name in ("added", "changed", "removed", "kept")}


def difference(before: Specification, after: Specification) -> Difference:
    """What differs between what runs and what is wanted."""
    old, new = _parts(before), _parts(after)
    both = sorted(old.keys() & new.keys())
    return Difference(
        added=tuple(sorted(new.keys() - old.keys())),
        changed=tuple(part for part in both if old[part] != new[part]),
        removed=tuple(sorted(old.keys() - new.keys())),
        kept=tuple(part for part in both if old[part] == new[part]),
    )


def _parts(of: Specification) -> dict[str, object]:
    told: dict[str, object] = {f"upstream {name}": spec for name, spec in of.upstreams.items()}
    for name, site in of.sites.items():
        told[f"site {name}"] = site
        told |= {f"device {name}/{device.settings.name}": device for device in site.devices}
    return told


def specify(loaded: Loaded, *, observe: bool = False) -> Specification:
    """All parts of a configuration; ``observe`` overrides every site's mode.

    Every certificate and key is loaded as the sessions will: raises CredentialFault with what is wrong with which file.
    """
    configuration = loaded.configuration
    ders = {site.name: _ders(site) for site in configuration.sites}
    upstreams = {each.name: _upstream(each, loaded.folder, ders) for each in configuration.upstreams}
    links: dict[tuple[str, int], LinkSpec] = {}
    sites = {site.name: _site(site, observe, upstreams, links) for site in configuration.sites}
    return Specification(upstreams, sites)


def device_specs(loaded: Loaded) -> dict[str, DeviceSpec]:
    """Every device by ``site/name``, whatever its upstreams' certificates are worth."""
    links: dict[tuple[str, int], LinkSpec] = {}
    sites = [_site(site, False, {}, links) for site in loaded.configuration.sites]
    return {f"{device.site}/{device.settings.name}": device for site in sites for device in site.devices}


def _site(
    site: SiteSettings,
    observe: bool,
    upstreams: Mapping[str, UpstreamSpec],
    links: dict[tuple[str, int], LinkSpec],
) -> SiteSpec:
    watching = observe or site.mode == "observe"
    devices = tuple(DeviceSpec(each, site.name, watching, _link(each, links)) for each in site.devices)
    mine = (each for each in upstreams.values() if any(served.site == site.name for served in each.serves))
    return SiteSpec(site, watching, devices, tuple(mine))


def _link(device: DeviceSettings, links: dict[tuple[str, int], LinkSpec]) -> LinkSpec:
    """A socket is shared by the devices behind it; the first one named settles its manners."""
    host, _, port = device.address.removeprefix("tcp://").rpartition(":")
    pace = FAMILIES[device.family].family(**device.options).pace
    timeout_s = max(device.timeout_s, pace.timeout_s or 0.0)
    mine = LinkSpec(host, int(port), timeout_s, max(device.min_gap_s, pace.min_gap_s))
    return links.setdefault((mine.host, mine.port), mine)


def _upstream(upstream: Upstream, folder: Path, ders: Mapping[str, Mapping[str, Role]]) -> UpstreamSpec:
    digest = hashlib.sha256()
    serves = tuple(_served(one, ders) for one in upstream.serves)
    try:
        for _, named in files_of(upstream):
            digest.update(hashlib.sha256((folder / named).read_bytes()).digest())
        spec = UpstreamSpec(upstream, folder, digest.hexdigest(), serves)
        protocols.try_credentials(spec)
    except (CertificateError, OSError) as fault:
        raise CredentialFault(
            f"upstream {upstream.name}: {fault}", "'osed certs check' tries chain, key and authority"
        ) from fault
    return spec


def _served(service: Service | Resource, ders: Mapping[str, Mapping[str, Role]]) -> Served:
    mine = ders[service.site]
    if not isinstance(service, Resource):
        return Served(service.site, "", mine)
    named = service.devices or tuple(mine)
    return Served(service.site, service.resource or "", {name: mine[name] for name in named if name in mine})


def _ders(site: SiteSettings) -> dict[str, Role]:
    """The devices a respondent speaks for where none are named, with their roles: every DER and charger of its site."""
    return {device.name: device.role for device in site.devices if device.role in SWITCHED}
