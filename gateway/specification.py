"""What every running part is built from. Parts of equal specification are the same part: a reload leaves them as they run."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from adapters.catalogue import paced
from adapters.edgex.address import parse_edgex_address
from adapters.homeassistant.address import parse_home_address
from adapters.modbus.address import Address, parse_address
from adapters.ocpp.access import SecurityProfile
from certs.errors import CertificateError
from certs.tls import TlsFiles, modbus_context, ocpp_server_context
from gateway.config.areas import AreaSettings
from gateway.config.edgex import EdgexBroker, EdgexSettings, is_behind_edgex
from gateway.config.homeassistant import HomeAssistantSettings, is_behind_home, token_of
from gateway.config.load import Loaded, files_of
from gateway.config.ocpp import OcppSettings, is_ocpp
from gateway.config.schema import DeviceSettings, SiteSettings
from gateway.config.upstreams import Resource, Service, Upstream
from gateway.expiry import Shown, shown_by
from gateway.places import edgex_at
from gateway.sessions import protocols
from gateway.sessions.spec import Served, UpstreamSpec
from grid_functions.model.device import Role
from grid_functions.model.errors import CredentialFault
from grid_functions.rating import LOADS, SWITCHED


@dataclass(frozen=True, slots=True)
class LinkSpec:
    """One socket or serial line, to a device or a bus of them. ``files``: what it is secured by; ``digest``: of what they hold."""

    address: Address
    timeout_s: float
    min_gap_s: float
    files: TlsFiles | None = None
    digest: str = ""


@dataclass(frozen=True, slots=True)
class CentralSpec:
    """The central system that chargers connect to, as :class:`LinkSpec`."""

    settings: OcppSettings = field(hash=False)  # its users are a mapping
    files: TlsFiles | None = None
    digest: str = ""


@dataclass(frozen=True, slots=True)
class HomeSpec:
    """One server of Home Assistant, as :class:`LinkSpec`. ``digest``: of its token and authority, which may be renewed."""

    settings: HomeAssistantSettings
    folder: Path
    digest: str


@dataclass(frozen=True, slots=True)
class EdgexSpec:
    """One EdgeX, as :class:`LinkSpec`. ``digest``: of its secrets and certificates, which may be renewed."""

    settings: EdgexSettings
    folder: Path
    digest: str


AnyLinkSpec = LinkSpec | CentralSpec | HomeSpec | EdgexSpec


@dataclass(frozen=True, slots=True)
class DeviceSpec:
    """One device's driver."""

    settings: DeviceSettings
    site: str
    observe: bool
    link: AnyLinkSpec


@dataclass(frozen=True, slots=True)
class SiteSpec:
    """One site's loop, with all that it decides by."""

    settings: SiteSettings
    observe: bool
    devices: tuple[DeviceSpec, ...]
    upstreams: tuple[UpstreamSpec, ...]


@dataclass(frozen=True, slots=True)
class Specification:
    """Everything that is to run, by name. ``certificates``: ours, as they were when this was made."""

    upstreams: Mapping[str, UpstreamSpec]
    sites: Mapping[str, SiteSpec]
    areas: Mapping[str, AreaSettings] = field(default_factory=dict)
    certificates: tuple[Shown, ...] = ()

    @property
    def links(self) -> frozenset[AnyLinkSpec]:
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
    return told | {f"area {name}": area for name, area in of.areas.items()}


def specify(loaded: Loaded, *, observe: bool = False) -> Specification:
    """All parts of a configuration; ``observe`` overrides every site's mode.

    Every certificate and key is loaded as the sessions will: raises CredentialFault with what is wrong with which file.
    """
    configuration = loaded.configuration
    ders = {site.name: _ders(site) for site in configuration.sites}
    upstreams = {each.name: _upstream(each, loaded.folder, ders) for each in configuration.upstreams}
    links = _links(loaded)
    sites = {site.name: _site(site, observe, upstreams, links) for site in configuration.sites}
    areas = {area.name: area for area in configuration.areas}
    return Specification(upstreams, sites, areas, shown_by(loaded))


def device_specs(loaded: Loaded) -> dict[str, DeviceSpec]:
    """Every device by ``site/name``, whatever its upstreams' certificates are worth."""
    links = _links(loaded)
    sites = [_site(site, False, {}, links) for site in loaded.configuration.sites]
    return {f"{device.site}/{device.settings.name}": device for site in sites for device in site.devices}


def _site(
    site: SiteSettings,
    observe: bool,
    upstreams: Mapping[str, UpstreamSpec],
    links: Mapping[str, AnyLinkSpec],
) -> SiteSpec:
    watching = observe or site.mode == "observe"
    devices = tuple(DeviceSpec(each, site.name, watching, links[each.address]) for each in site.devices)
    mine = (each for each in upstreams.values() if any(served.site == site.name for served in each.serves))
    return SiteSpec(site, watching, devices, tuple(mine))


def _links(loaded: Loaded) -> dict[str, AnyLinkSpec]:
    """Every socket and line, the central system and the servers that devices are behind, by the addresses of devices as they are written.

    A line is shared by the devices behind it, and as gentle as the most delicate of them wants.
    """
    behind: dict[Address, list[DeviceSettings]] = {}
    calling: list[DeviceSettings] = []
    homes = {one.name: one for one in loaded.configuration.gateway.homeassistant}
    foundries = {one.name: one for one in loaded.configuration.gateway.edgex}
    found: dict[str, AnyLinkSpec] = {}
    for site in loaded.configuration.sites:
        for device in site.devices:
            if is_behind_home(device):
                found[device.address] = _home(homes[parse_home_address(device.address).server], loaded.folder)
            elif is_behind_edgex(device):
                found[device.address] = _edgex(foundries[parse_edgex_address(device.address).server], loaded.folder)
            else:
                (calling if is_ocpp(device) else behind.setdefault(parse_address(device.address), [])).append(device)
    for address, devices in behind.items():
        found |= dict.fromkeys((one.address for one in devices), _link(address, devices, loaded.folder))
    ocpp = loaded.configuration.gateway.ocpp
    if ocpp is not None and calling:
        found |= dict.fromkeys((one.address for one in calling), _central(ocpp, loaded.folder))
    return found


def _link(address: Address, devices: Sequence[DeviceSettings], folder: Path) -> LinkSpec:
    paces = [paced(device.family, device.options) for device in devices]
    said_s = [device.timeout_s for device in devices if device.timeout_s is not None]
    asked_s = max(said_s, default=_BUS_TIMEOUT_S if address.is_bus else _TIMEOUT_S)
    timeout_s = max(asked_s, *(pace.timeout_s or 0.0 for pace in paces))
    min_gap_s = max(0.0, *(pace.min_gap_s for pace in paces), *(device.min_gap_s for device in devices))
    secured = next((device for device in devices if device.tls is not None), None)
    if secured is None or secured.tls is None:
        return LinkSpec(address, timeout_s, min_gap_s)
    files = TlsFiles(folder / secured.tls.certificate, folder / secured.tls.key, folder / secured.tls.ca)
    paths = (files.certificate, files.key, files.ca)
    digest = _digest(f"device {secured.name}", paths, lambda: modbus_context(files))
    return LinkSpec(address, timeout_s, min_gap_s, files, digest)


def _central(settings: OcppSettings, folder: Path) -> CentralSpec:
    if settings.tls is None:
        return CentralSpec(settings)
    certificate = folder / settings.tls.certificate
    # Of profile 2 nobody's certificate is trusted, for nobody is asked for one.
    ca = certificate if settings.tls.ca is None else folder / settings.tls.ca
    files = TlsFiles(certificate, folder / settings.tls.key, ca)
    mutual = settings.security is SecurityProfile.TLS_CERTIFICATE
    paths = (files.certificate, files.key, files.ca)
    digest = _digest("gateway.ocpp", paths, lambda: ocpp_server_context(files, certificates=mutual))
    return CentralSpec(settings, files, digest)


def _home(settings: HomeAssistantSettings, folder: Path) -> HomeSpec:
    paths = [folder / settings.token_file] + ([] if settings.ca is None else [folder / settings.ca])
    digest = _digest(f"gateway.homeassistant {settings.name}", paths, lambda: token_of(paths[0]))
    return HomeSpec(settings, folder, digest)


def _edgex(settings: EdgexSettings, folder: Path) -> EdgexSpec:
    broker = settings.broker or EdgexBroker(url="mqtt://none")
    files = (settings.token_file, settings.ca, broker.password_file, broker.certificate, broker.key, broker.ca)
    paths = [folder / one for one in files if one is not None]

    def tried() -> None:
        place = edgex_at(settings, folder)
        for secret in (place.token, None if place.broker is None else place.broker.password):
            if secret is not None:
                secret()

    return EdgexSpec(settings, folder, _digest(f"gateway.edgex {settings.name}", paths, tried))


_TIMEOUT_S: Final = 3.0
_BUS_TIMEOUT_S: Final = 0.5
"""An RTU device answers within a tenth of a second or not at all, and the whole bus waits for it."""


def _digest(whose: str, files: Iterable[Path], tried: Callable[[], object]) -> str:
    """Of what the files hold, which may be renewed. Raises CredentialFault when they cannot be used."""
    digest = hashlib.sha256()
    try:
        tried()
        for path in files:
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    except (CertificateError, OSError) as fault:
        raise CredentialFault(f"{whose}: {fault}", "'osed certs check' tries chain, key and authority") from fault
    return digest.hexdigest()


def _upstream(upstream: Upstream, folder: Path, ders: Mapping[str, Mapping[str, Role]]) -> UpstreamSpec:
    serves = tuple(_served(one, ders) for one in upstream.serves)
    named = [folder / one for _, one in files_of(upstream)]
    unread = UpstreamSpec(upstream, folder, "", serves)
    return replace(
        unread, digest=_digest(f"upstream {upstream.name}", named, lambda: protocols.try_credentials(unread))
    )


def _served(service: Service | Resource, ders: Mapping[str, Mapping[str, Role]]) -> Served:
    mine = ders[service.site]
    if not isinstance(service, Resource):
        # an EndDevice of 2030.5 stands for DERs and chargers
        return Served(service.site, "", {name: role for name, role in mine.items() if role in SWITCHED})
    named = service.devices or tuple(mine)
    return Served(service.site, service.resource or "", {name: mine[name] for name in named if name in mine})


def _ders(site: SiteSettings) -> dict[str, Role]:
    """The devices a respondent may speak for where none are named, with their roles: all but meters."""
    return {device.name: device.role for device in site.devices if device.role in SWITCHED | LOADS}
