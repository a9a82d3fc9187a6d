"""The one file that names concrete classes: from specifications to sites, sessions and drivers, wired.

A part whose specification a later configuration leaves as it is, is kept as it runs.
"""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from adapters import catalogue as device_families
from adapters.driver import Driver
from adapters.edgex.address import parse_edgex_address
from adapters.edgex.client import EdgexGadget, Foundry
from adapters.edgex.options import EdgexOptions
from adapters.edgex.unit import UnitSettings
from adapters.heaters.client import HeaterGadget
from adapters.heaters.unit import HeaterSettings
from adapters.homeassistant.address import parse_home_address
from adapters.homeassistant.client import Home, HomeGadget
from adapters.homeassistant.options import HomeOptions
from adapters.homeassistant.thing import ThingSettings
from adapters.modbus.lines import line_to
from adapters.modbus.link import Link
from adapters.ocpp.access import Access, SecurityProfile
from adapters.ocpp.address import parse_ocpp_address
from adapters.ocpp.desk import Rules
from adapters.ocpp.options import OcppOptions
from adapters.ocpp.outlet import OutletSettings
from adapters.ocpp.server import CentralSystem, Charger, Listening
from adapters.settings import DriverSettings, Pinned
from certs.tls import modbus_context, ocpp_server_context
from gateway.clock import SystemClock
from gateway.config.edgex import FAMILY as EDGEX
from gateway.config.homeassistant import FAMILY as HOME
from gateway.config.load import Families
from gateway.config.ocpp import FAMILY as OCPP
from gateway.config.plug_ins import guests_of
from gateway.config.schema import DeviceSettings, SiteSettings
from gateway.ledger.book import Ledger
from gateway.log.book import Log
from gateway.loop import SiteLoop
from gateway.places import edgex_at, home_at
from gateway.sessions.protocols import build, served_by
from gateway.sessions.session import Session
from gateway.site_plan import SitePlan
from gateway.specification import AnyLinkSpec, DeviceSpec, EdgexSpec, HomeSpec, LinkSpec, SiteSpec, Specification
from gateway.tools import Tools
from grid_functions import catalogue as function_catalogue
from grid_functions import decide
from grid_functions.machines import Machine
from grid_functions.model.control import Mode
from grid_functions.model.device import Role
from grid_functions.model.event import Respondent
from grid_functions.model.policy import (
    BaselineTerms,
    Connection,
    DeviceTerms,
    Dwell,
    FuseGroup,
    OnGatewayLoss,
    SiteTerms,
)
from grid_functions.model.ports import Dice
from grid_functions.outcomes import owed

FAMILIES: Families = (
    {OCPP: OcppOptions, HOME: HomeOptions, EDGEX: EdgexOptions}
    | {name: one.family for name, one in device_families.FAMILIES.items()}
    | {name: one.options for name, one in device_families.HEATERS.items()}
)
"""Device families that exist, each made from its options."""

DURABLE = (*decide.DURABLE, *function_catalogue.durable())
"""Every type the ledger may hold."""

_SEED = "gateway/seed"


AnyDriver = Driver[Any, Any] | Charger | HomeGadget | EdgexGadget | HeaterGadget
AnyLink = Link | CentralSystem | Home | Foundry


@dataclass(frozen=True, slots=True)
class Wired:
    """Everything that runs. ``site_of``: the site each respondent speaks for; ``drivers``: by site and name."""

    specification: Specification
    sites: Mapping[str, SiteLoop]
    upstreams: Mapping[str, Session]
    site_of: Mapping[Respondent, str]
    drivers: Mapping[tuple[str, str], AnyDriver]
    links: Mapping[AnyLinkSpec, AnyLink]

    async def release(self) -> tuple[str, ...]:
        """Give every device back what it held before us; which could not be, and why."""
        drivers = tuple(self.drivers.values())
        done = await asyncio.gather(*(driver.release() for driver in drivers), return_exceptions=True)
        told = []
        for driver, one in zip(drivers, done, strict=True):
            if isinstance(one, Exception):
                told.append(f"{driver.name}: {one}")
            elif not one:
                told.append(f"{driver.name} does not show what it held before us")
        return tuple(told)

    async def close(self, *, but: frozenset[AnyLinkSpec] = frozenset()) -> None:
        """Let go of every connection but those."""
        left = [link for key, link in self.links.items() if key not in but]
        await asyncio.gather(*(link.close() for link in left), return_exceptions=True)


NOTHING = Wired(Specification({}, {}), {}, {}, {}, {}, {})
"""Before anything was wired."""


async def tools(clock: SystemClock, dice: Dice, ledger: Ledger, log: Log) -> Tools:
    """What everything is built with; the gateway's seed is made if there is none. Raises LedgerUnavailable."""
    return Tools(clock, dice, ledger, log, await _seed(ledger))


def wire(wanted: Specification, tools: Tools, before: Wired = NOTHING) -> Wired:
    """Build every part, or keep it from ``before`` where its specification is the same; nothing runs yet.

    Sites and upstreams that are not kept must have been stopped: what they left in the ledger is read here. Raises CredentialFault,
    LedgerUnavailable.
    """
    upstreams = {
        name: before.upstreams[name] if before.specification.upstreams.get(name) == spec else build(spec, tools)
        for name, spec in wanted.upstreams.items()
    }
    tools.clock.follow({name: client.time_at for name, client in upstreams.items()})
    links = {spec: before.links.get(spec) or _reached(spec, tools) for spec in wanted.links}
    kept = {
        (device.site, device.settings.name): device
        for site in before.specification.sites.values()
        for device in site.devices
    }
    drivers: dict[tuple[str, str], AnyDriver] = {}
    sites: dict[str, SiteLoop] = {}
    for name, site in wanted.sites.items():
        for device in site.devices:
            at = (name, device.settings.name)
            drivers[at] = before.drivers[at] if kept.get(at) == device else _driver(device, links[device.link], tools)
        if before.specification.sites.get(name) == site:
            sites[name] = before.sites[name]
        else:
            mine = {device.settings.name: drivers[name, device.settings.name] for device in site.devices}
            theirs = {each.settings.name: upstreams[each.settings.name] for each in site.upstreams}
            sites[name] = _site(site, theirs, mine, tools)
    return Wired(
        specification=wanted,
        sites=sites,
        upstreams=upstreams,
        site_of={one: served.site for spec in wanted.upstreams.values() for one, served in served_by(spec).items()},
        drivers=drivers,
        links=links,
    )


def _site(spec: SiteSpec, upstreams: Mapping[str, Session], devices: Mapping[str, AnyDriver], tools: Tools) -> SiteLoop:
    name = spec.settings.name
    served = {
        one: (each.settings.name, mine.devices)
        for each in spec.upstreams
        for one, mine in served_by(each).items()
        if mine.site == name
    }
    plan = SitePlan(
        terms=terms_of(spec.settings, {one: names for one, (_, names) in served.items()}),
        policies={one: upstreams[upstream].policy(one) for one, (upstream, _) in served.items()},
        devices=devices,
        upstreams=upstreams,
        meter=spec.settings.meter,
        observe=spec.observe,
        settle_deadline_s=spec.settings.settle_deadline_s,
        functions=functions_of(spec.settings),
        seed=tools.seed,
    )
    state = decide.restore(tools.ledger.entries(name))
    return SiteLoop(plan, state, owed(state.book), tools.ledger, tools.log, tools.clock.showing(*upstreams))


def functions_of(site: SiteSettings) -> dict[str, Machine]:
    """The site's functions with its own options; beside our own those plug-ins that it names, each in a process of its own."""
    chosen = site.functions.chosen()
    ours = {
        name: maker.build(chosen[name] if name in chosen else maker.options())
        for name, maker in function_catalogue.SITE.items()
    }
    return ours | guests_of(site.plug_ins, site.name, site.plug_ins_hear)


def terms_of(site: SiteSettings, respondents: Mapping[Respondent, frozenset[str]]) -> SiteTerms:
    """What decisions at the site are made by."""
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
        groups=tuple(FuseGroup(one.name, one.fuse_a, frozenset(one.devices)) for one in site.fuse_groups),
        dwell=Dwell(**site.dwell.model_dump()),
        baseline=BaselineTerms(site.baseline.kind, site.baseline.days, frozenset(site.baseline.weekend)),
    )


def _device_terms(device: DeviceSettings) -> DeviceTerms:
    loss = device.on_gateway_loss or OnGatewayLoss.HOLD
    return DeviceTerms(device.role, loss, device.locked, device.phases, device.priority)


def link_to(spec: LinkSpec, dice: Dice) -> Link:
    """A link of its own, not yet open."""
    line = line_to(spec.address, None if spec.files is None else modbus_context(spec.files))
    return Link(line=line, jitter=dice.jitter, timeout_s=spec.timeout_s, min_gap_s=spec.min_gap_s)


def _reached(spec: AnyLinkSpec, tools: Tools) -> AnyLink:
    if isinstance(spec, LinkSpec):
        return link_to(spec, tools.dice)
    if isinstance(spec, HomeSpec):
        return Home(home_at(spec.settings, spec.folder), tools.clock.showing(), tools.dice)
    if isinstance(spec, EdgexSpec):
        return Foundry(edgex_at(spec.settings, spec.folder), tools.clock.showing(), tools.dice)
    settings = spec.settings
    mutual = settings.security is SecurityProfile.TLS_CERTIFICATE
    context = None if spec.files is None else ocpp_server_context(spec.files, certificates=mutual)
    rules = Rules(None if settings.tags is None else frozenset(settings.tags), settings.heartbeat_s)
    listening = Listening(settings.host, settings.port, Access(settings.security, settings.users), rules)
    return CentralSystem(listening, tools.clock.showing(), context)


def _driver(spec: DeviceSpec, link: AnyLink, tools: Tools) -> AnyDriver:
    device = spec.settings

    def note(kind: str, correlation: str, body: Mapping[str, Any]) -> None:
        tools.log.add(spec.site, kind, correlation, {"device": device.name, **body})

    pinned = Pinned(device.maker or "", device.model or "", device.serial or "")
    if isinstance(link, Home):
        thing = ThingSettings(
            device.name,
            parse_home_address(device.address).entity,
            device.role,
            HomeOptions(**dict[str, Any](device.options)),
            pinned,
            device.settle_s or 10.0,
            spec.observe,
        )
        return HomeGadget(thing, link, tools.ledger.memory(f"site/{spec.site}"), tools.clock.showing(), note)
    if isinstance(link, Foundry):
        unit = UnitSettings(
            device.name,
            parse_edgex_address(device.address).device,
            device.role,
            EdgexOptions(**dict[str, Any](device.options)),
            pinned,
            device.settle_s or 10.0,
            spec.observe,
        )
        return EdgexGadget(unit, link, tools.ledger.memory(f"site/{spec.site}"), tools.clock.showing(), note)
    if isinstance(link, CentralSystem):
        at = parse_ocpp_address(device.address)
        options: dict[str, Any] = dict(device.options)
        outlet = OutletSettings(
            device.name,
            at.station,
            at.connector,
            device.role,
            OcppOptions(**options),
            pinned,
            device.settle_s or 10.0,
            spec.observe,
            device.on_gateway_loss is OnGatewayLoss.RELEASE,
        )
        return Charger(outlet, link, tools.clock.showing(), note)
    # A site's devices are polled together, for one picture and one decision; sites take turns.
    phase_s = device.poll_s * crc32(spec.site.encode()) / 2**32
    memory, clock = tools.ledger.memory(f"site/{spec.site}"), tools.clock.showing()
    heater = device_families.HEATERS.get(device.family)
    if heater is not None:
        profile = heater.profile()
        settle_s = device.settle_s or profile.manners.settle_s
        chosen = heater.options(**device.options)
        told = HeaterSettings(device.name, device.family, profile, device.unit, chosen, pinned, settle_s, spec.observe)
        return HeaterGadget(told, link, memory, clock, note, poll_s=device.poll_s, phase_s=phase_s)
    return Driver(
        device.name,
        device_families.FAMILIES[device.family].family(**device.options),
        link,
        DriverSettings(
            role=device.role,
            unit=device.unit,
            poll_s=device.poll_s,
            pinned=pinned,
            settle_s=device.settle_s,
            read_only=spec.observe or device.role is Role.METER,
            phase_s=phase_s,
        ),
        memory,
        clock,
        note,
    )


async def _seed(ledger: Ledger) -> bytes:
    """The gateway's own seed, made once: draws are the same after every crash."""
    kept = ledger.get(_SEED)
    if kept is None:
        kept = (1, secrets.token_bytes(32))
        await ledger.put(_SEED, *kept)
    return kept[1]
