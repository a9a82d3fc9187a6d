"""The one file that names concrete classes: from a valid configuration to sites, sessions and drivers, wired."""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters import catalogue as device_families
from adapters.driver import Driver, DriverSettings, Pinned
from adapters.modbus.link import Link
from certs.errors import CertificateError
from certs.identity import Identity, identify
from certs.tls import TlsFiles, client_context
from gateway.clock import SystemClock
from gateway.config.load import Families, Loaded
from gateway.config.schema import DeviceSettings, FailSafe, Ieee2030_5Upstream, SiteSettings
from gateway.ledger.book import Ledger
from gateway.log.book import Log
from gateway.loop import SiteLoop
from gateway.site_plan import SitePlan
from grid_functions import catalogue as function_catalogue
from grid_functions import decide
from grid_functions.machines import Machine
from grid_functions.model.claim import Source, SourceKind
from grid_functions.model.control import Control, ExportLimit, GenerationLimit, ImportLimit, LoadLimit, Mode
from grid_functions.model.device import Role
from grid_functions.model.errors import CredentialFault
from grid_functions.model.event import Respondent
from grid_functions.model.policy import Connection, DeviceTerms, OnGatewayLoss, Policy, SiteTerms, Vanished
from grid_functions.model.ports import Dice
from grid_functions.outcomes import owed
from protocols.ieee2030_5.client import Client2030_5
from protocols.ieee2030_5.session.terms import Profile, Terms

FAMILIES: Families = {name: entry.family for name, entry in device_families.FAMILIES.items()}
"""Device families that exist, each made from its options."""

DURABLE = decide.DURABLE
"""Every type the ledger may hold."""

_SEED = "gateway/seed"

_DER_ROLES = frozenset({Role.PV, Role.BATTERY, Role.HYBRID, Role.EVSE})


@dataclass(frozen=True, slots=True)
class Wired:
    """Everything that runs. ``site_of``: the site each respondent speaks for."""

    sites: Mapping[str, SiteLoop]
    upstreams: Mapping[str, Client2030_5]
    site_of: Mapping[Respondent, str]
    drivers: tuple[Driver[Any, Any], ...]
    links: tuple[Link, ...]

    async def release(self) -> tuple[str, ...]:
        """Give every device back what it held before us; which could not be, and why."""
        done = await asyncio.gather(*(driver.release() for driver in self.drivers), return_exceptions=True)
        told = []
        for driver, one in zip(self.drivers, done, strict=True):
            if isinstance(one, Exception):
                told.append(f"{driver.name}: {one}")
            elif not one:
                told.append(f"{driver.name} does not show what it held before us")
        return tuple(told)

    async def close(self) -> None:
        """Let go of every connection."""
        await asyncio.gather(*(link.close() for link in self.links), return_exceptions=True)


@dataclass(frozen=True, slots=True)
class _Served:
    client: Client2030_5
    site: str


@dataclass(frozen=True, slots=True)
class _Tools:
    """What everything is built with."""

    clock: SystemClock
    dice: Dice
    ledger: Ledger
    log: Log
    seed: bytes
    functions: Mapping[str, Machine]


def check_credentials(loaded: Loaded) -> None:
    """Load every certificate and key as the sessions will. Raises CredentialFault with what is wrong with which file."""
    for upstream in loaded.configuration.upstreams:
        _credentials(upstream, loaded.folder)


async def wire(
    loaded: Loaded, clock: SystemClock, dice: Dice, ledger: Ledger, log: Log, *, observe: bool = False
) -> Wired:
    """Build everything; nothing runs yet. Raises CredentialFault, ConfigurationFault or LedgerUnavailable."""
    functions = {name: maker.build(maker.options()) for name, maker in function_catalogue.makers().items()}
    tools = _Tools(clock, dice, ledger, log, await _seed(ledger), functions)
    ders = {site.name: _ders(site) for site in loaded.configuration.sites}
    served = [_upstream(each, loaded.folder, ders, tools) for each in loaded.configuration.upstreams]
    for each in served:
        clock.follow(each.client.name, each.client.time_at)
    links: dict[tuple[str, int], Link] = {}
    drivers: list[Driver[Any, Any]] = []
    sites: dict[str, SiteLoop] = {}
    for site in loaded.configuration.sites:
        watching = observe or site.mode == "observe"
        mine = {each.name: _driver(each, site.name, links, watching, tools) for each in site.devices}
        drivers += mine.values()
        sites[site.name] = _site(site, [each for each in served if each.site == site.name], mine, watching, tools)
    return Wired(
        sites=sites,
        upstreams={each.client.name: each.client for each in served},
        site_of={each.client.respondent: each.site for each in served},
        drivers=tuple(drivers),
        links=tuple(links.values()),
    )


def _site(
    site: SiteSettings, served: list[_Served], devices: Mapping[str, Driver[Any, Any]], observe: bool, tools: _Tools
) -> SiteLoop:
    plan = SitePlan(
        terms=_terms(site, {each.client.respondent: _ders(site) for each in served}),
        policies={each.client.respondent: each.client.policy(each.client.respondent) for each in served},
        devices=devices,
        upstreams={each.client.name: each.client for each in served},
        meter=site.meter,
        observe=observe,
        settle_deadline_s=site.settle_deadline_s,
        functions=tools.functions,
        seed=tools.seed,
    )
    state = decide.restore(tools.ledger.entries(site.name))
    return SiteLoop(plan, state, owed(state.book), tools.ledger, tools.log, tools.clock)


def _terms(site: SiteSettings, respondents: Mapping[Respondent, frozenset[str]]) -> SiteTerms:
    return SiteTerms(
        name=site.name,
        connection=Connection(**site.connection.model_dump()),
        devices={d.name: _device_terms(d) for d in site.devices},
        respondents=respondents,
        precedence=site.precedence,
        yields=site.yields,
        load_credit=site.load_credit,
        revert_s=site.revert_s,
        meter_stale_s=site.meter_stale_s,
        approximate=frozenset(map(Mode, site.approximate)),
        protection=site.protection == "write",
    )


def _device_terms(device: DeviceSettings) -> DeviceTerms:
    return DeviceTerms(device.role, device.on_gateway_loss or OnGatewayLoss.HOLD, device.locked)


def _ders(site: SiteSettings) -> frozenset[str]:
    """The devices an EndDevice speaks for: every DER and charger of its site."""
    return frozenset(device.name for device in site.devices if device.role in _DER_ROLES)


def _upstream(upstream: Ieee2030_5Upstream, folder: Path, ders: Mapping[str, frozenset[str]], tools: _Tools) -> _Served:
    service = upstream.serves[0]
    identity, files = _credentials(upstream, folder)
    terms = Terms(
        name=upstream.name,
        url=upstream.url,
        lfdi=identity.lfdi,
        sfdi=identity.sfdi,
        profile=Profile(upstream.profile.value),
        pin=service.pin,
        register=service.register_in_band,
        floor_s=upstream.poll.floor_s,
        ceiling_s=upstream.poll.ceiling_s,
    )
    policy = Policy(
        clock=upstream.name,
        source=Source(SourceKind.IEEE2030_5, upstream.name, terms.respondent),
        final=True,
        vanished=Vanished.KEEP if upstream.edition == 2018 else Vanished.CANCEL,
        opt_out=upstream.opt_out,
        fail_safe=_fail_safe(upstream.fail_safe),
        fail_safe_after_s=upstream.fail_safe.after_s,
    )
    client = Client2030_5(
        terms,
        policy=policy,
        ssl_context=client_context(files, upstream.tls.ciphers),
        memory=tools.ledger.memory(f"upstream/{upstream.name}"),
        clock=tools.clock,
        dice=tools.dice,
        devices=ders[service.site],
    )
    return _Served(client, service.site)


def _credentials(upstream: Ieee2030_5Upstream, folder: Path) -> tuple[Identity, TlsFiles]:
    files = TlsFiles(folder / upstream.tls.certificate, folder / upstream.tls.key, folder / upstream.tls.ca)
    try:
        client_context(files, upstream.tls.ciphers)
        return identify(files.certificate.read_bytes()), files
    except (CertificateError, OSError) as fault:
        raise CredentialFault(
            f"upstream {upstream.name}: {fault}", "'osed certs check' tries chain, key and authority"
        ) from fault


def _fail_safe(settings: FailSafe) -> tuple[Control, ...]:
    made: tuple[tuple[float | None, Callable[[float], Control]], ...] = (
        (settings.export_limit_w, ExportLimit),
        (settings.import_limit_w, ImportLimit),
        (settings.generation_limit_w, GenerationLimit),
        (settings.load_limit_w, LoadLimit),
    )
    return tuple(kind(limit_w) for limit_w, kind in made if limit_w is not None)


def _driver(
    device: DeviceSettings, site: str, links: dict[tuple[str, int], Link], observe: bool, tools: _Tools
) -> Driver[Any, Any]:
    host, _, port = device.address.removeprefix("tcp://").rpartition(":")
    where = (host, int(port))
    if where not in links:
        links[where] = Link(
            host, int(port), jitter=tools.dice.jitter, timeout_s=device.timeout_s, min_gap_s=device.min_gap_s
        )

    def note(kind: str, correlation: str, body: Mapping[str, Any]) -> None:
        tools.log.add(site, kind, correlation, {"device": device.name, **body})

    return Driver(
        device.name,
        device_families.FAMILIES[device.family].family(**device.options),
        links[where],
        DriverSettings(
            role=device.role,
            unit=device.unit,
            poll_s=device.poll_s,
            pinned=Pinned(device.maker or "", device.model or "", device.serial or ""),
            settle_s=device.settle_s,
            read_only=observe or device.role is Role.METER,
        ),
        tools.ledger.memory(f"site/{site}"),
        tools.clock,
        note,
    )


async def _seed(ledger: Ledger) -> bytes:
    """The gateway's own seed, made once: draws are the same after every crash."""
    kept = ledger.get(_SEED)
    if kept is None:
        kept = (1, secrets.token_bytes(32))
        await ledger.put(_SEED, *kept)
    return kept[1]
