"""osed scan: what answers at an address, and the configuration to paste."""

import asyncio
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from adapters.catalogue import FAMILIES, HEATERS, Heaters
from adapters.devices.sunspec.profiles import unit_ids
from adapters.family import Conversation
from adapters.heaters.recognition import recognised_heater
from adapters.modbus.address import Address, parse_address
from adapters.modbus.frames import PATH_UNAVAILABLE, TARGET_SILENT, Read, Refusal
from adapters.modbus.lines import line_to
from adapters.modbus.link import Link
from adapters.registers.family import Mapped
from adapters.registers.map import Sort
from adapters.registers.recognition import Candidate, recognised
from adapters.sunspec.discover import Found, Missing, Part, discover
from gateway.cli.edgex import is_edgex, scan_edgex
from gateway.cli.home import is_home, scan_home
from gateway.cli.output import Json, document, people, progress, table
from gateway.clock import SystemDice
from grid_functions.model.errors import GatewayError, OperatorFault, Unreachable

_INVERTERS = frozenset({101, 102, 103, 111, 112, 113, 701})
_METERS = frozenset({201, 202, 203, 204, 211, 212, 213, 214})
_STORAGE = frozenset({124, 713, 802})
_MOST_HOSTS = 1024
_ROLES = {
    Sort.CHARGER: "evse",
    Sort.METER: "meter",
    Sort.BATTERY: "hybrid",
    Sort.INVERTER: "pv",
    Sort.HEATER: "load",
}


@dataclass(frozen=True, slots=True)
class _Hit:
    """One device. ``others``: families that it may be as well."""

    address: str
    unit: int
    family: str
    role: str
    maker: str = ""
    model: str = ""
    serial: str = ""
    version: str = ""
    models: tuple[int, ...] = ()
    certain: bool = True
    others: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        return {
            "address": self.address,
            "unit": self.unit,
            "family": self.family,
            "certain": self.certain,
            "others": list(self.others),
            "maker": self.maker or None,
            "model": self.model or None,
            "serial": self.serial or None,
            "version": self.version or None,
            "models": list(self.models),
            "role": self.role,
            "warnings": list(self.warnings),
        }


def scan(
    address: Annotated[
        str,
        typer.Argument(
            metavar="ADDR",
            help="Host, host:port, a subnet such as 192.168.1.0/24, rtu+tcp://HOST:PORT, serial:///dev/NAME, or "
            "homeassistant(s)://HOST:PORT, or edgex(s)://HOST:PORT.",
        ),
    ],
    unit: Annotated[
        list[int] | None, typer.Option(min=0, max=255, help="Unit id to try; default a short list. Repeatable.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.05, max=60, help="Seconds to wait for each answer.")] = 1.0,
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", help="A long-lived access token, for Home Assistant, or a JWT, for edgexs://."),
    ] = None,
    ca: Annotated[
        Path | None, typer.Option(help="Whose certificate is trusted at homeassistants:// and edgexs://.")
    ] = None,
    json_: Json = False,
) -> None:
    """Find SunSpec devices, known chargers, meters, batteries and heaters, or what is behind a Home Assistant or EdgeX, and print the
    configuration to paste. Reads only.

    Example: osed scan 192.168.1.20:502
    """
    if is_home(address):
        scan_home(address, token_file, ca, json_=json_)
        return
    if is_edgex(address):
        scan_edgex(address, token_file, ca, json_=json_)
        return
    targets = _targets(address)
    with progress(f"scanning {len(targets)} address(es)"):
        hits = asyncio.run(_scan(targets, unit or (), timeout))
    if json_:
        document([hit.plain() for hit in hits])
        return
    if not hits:
        raise Unreachable(
            f"nothing known answers at {address}",
            "check address, port and unit id, and that the device allows Modbus",
        )
    columns = ("address", "unit", "family", "maker", "model", "serial", "models", "role")
    rows = [
        [str(p[c] or "") if c != "models" else " ".join(map(str, p[c])) for c in columns]
        for p in (h.plain() for h in hits)
    ]
    table("", columns, rows)
    for hit in hits:
        for warning in hit.warnings:
            people.print(f"{hit.address} unit {hit.unit}: {warning}")
    people.print("\nto paste below a site's devices:\n")
    print(_configuration(hits))


def _targets(address: str) -> list[Address]:
    if "/" in address and "://" not in address:
        try:
            network = ipaddress.ip_network(address, strict=False)
        except ValueError as fault:
            raise OperatorFault(f"{address} is no subnet", "write it as 192.168.1.0/24") from fault
        if network.num_addresses > _MOST_HOSTS:
            raise OperatorFault(
                f"{address} has {network.num_addresses} addresses", f"scan at most {_MOST_HOSTS} at a time"
            )
        return [Address("tcp", str(host), 502) for host in network.hosts()]
    found = parse_address(address if "://" in address else f"tcp://{address}")
    if found.way == "tls":
        raise OperatorFault("a device at tls:// is not scanned", "put it into the configuration with its tls files")
    return [found]


async def _scan(targets: list[Address], units: Sequence[int], timeout_s: float) -> list[_Hit]:
    gate = asyncio.Semaphore(64)

    async def one(target: Address) -> list[_Hit]:
        async with gate:
            return await _scan_target(target, units, timeout_s)

    return [hit for hits in await asyncio.gather(*(one(target) for target in targets)) for hit in hits]


async def _scan_target(target: Address, units: Sequence[int], timeout_s: float) -> list[_Hit]:
    families = _families(target, every=bool(units))
    # Where no unit is given, each family is looked for where it usually is.
    asked = tuple(units) or tuple(dict.fromkeys((*unit_ids(), *(_unit(family) for family in families))))
    link = Link(line=line_to(target), jitter=SystemDice().jitter, timeout_s=timeout_s)
    hits: list[_Hit] = []
    try:
        for unit in asked:
            mine = [family for family in families if units or _unit(family) == unit]
            hits += await _scan_unit(link, str(target), unit, mine)
    except GatewayError:
        return hits
    finally:
        await link.close()
    return hits


async def _scan_unit(link: Link, address: str, unit: int, families: Sequence[Mapped | Heaters]) -> list[_Hit]:
    if not await _present(link, unit):
        return []
    answer: Found | Missing = await link.converse(discover(unit))
    if isinstance(answer, Found):
        return [_sunspec(address, unit, part, answer.warnings) for part in answer.parts]
    met: list[Candidate] = []
    for family in families:
        try:
            candidate = await link.converse(_asked(family, unit))
        except Unreachable:
            continue  # some hang up when they are asked for registers they do not have
        if candidate is not None:
            met.append(candidate)
    best = sorted(met, key=lambda one: (one.certain, one.told), reverse=True)
    # The rooms and the tank of one heat pump share a unit: each that says what it is stands for itself.
    sure = [one for one in best if one.certain and one.sort is Sort.HEATER]
    rest = [one for one in best if one not in sure and not (sure and one.sort is Sort.HEATER)]
    # A hybrid and its meter share a unit; of two chargers one is a mistake.
    kinds = dict.fromkeys(one.sort for one in rest)
    return [
        *(_mapped(address, unit, [one]) for one in sure),
        *(_mapped(address, unit, [one for one in rest if one.sort is kind]) for kind in kinds),
    ]


async def _present(link: Link, unit: int) -> bool:
    """Whether anybody answers as this unit, were it to refuse."""

    def ask() -> Any:
        return (yield Read(unit, 0, 1))

    reply = await link.converse(ask())
    return reply is not None and not (isinstance(reply, Refusal) and reply.code in (PATH_UNAVAILABLE, TARGET_SILENT))


def _asked(family: Mapped | Heaters, unit: int) -> Conversation[Candidate | None]:
    if isinstance(family, Mapped):
        return recognised(family, unit)
    return recognised_heater(family.name, family.profile(), unit)


def _unit(family: Mapped | Heaters) -> int:
    return family.profile.unit if isinstance(family, Mapped) else family.profile().unit


def _families(target: Address, *, every: bool) -> list[Mapped | Heaters]:
    """Those that usually are behind such an address; ``every``: a bridge may bring any of them there."""
    way = "rtu" if target.is_bus else "tcp"
    made = [entry.family() for entry in FAMILIES.values() if every or way in entry.about().transport]
    heaters = [one for one in HEATERS.values() if every or way in one.about().transport]
    return [*(one for one in made if isinstance(one, Mapped)), *heaters]


def _mapped(address: str, unit: int, candidates: Sequence[Candidate]) -> _Hit:
    first, others = candidates[0], tuple(one.family for one in candidates[1:])
    plate, certain = first.nameplate, first.certain or not others
    doubt = () if certain else (f"may as well be {', '.join(others)}: their registers look alike",)
    return _Hit(
        address,
        unit,
        first.family,
        _ROLES[first.sort],
        plate.maker,
        plate.model,
        plate.serial,
        plate.version,
        certain=certain,
        others=others,
        warnings=doubt,
    )


def _sunspec(address: str, unit: int, part: Part, warnings: tuple[str, ...]) -> _Hit:
    ids = tuple(block.id for block in part.blocks)
    who = part.identity
    told = ("", "", "", "") if who is None else (who.maker, who.model, who.serial, who.version)
    maker, model, serial, version = (text or "" for text in told)
    role = _role(frozenset(ids))
    return _Hit(address, unit, "sunspec", role, maker, model, serial, version, models=ids, warnings=warnings)


def _role(ids: frozenset[int]) -> str:
    if ids & _METERS:
        return "meter"
    if ids & _STORAGE and ids & _INVERTERS:
        return "hybrid"
    if ids & _STORAGE:
        return "battery"
    return "pv" if ids & _INVERTERS else "load"


def _configuration(hits: list[_Hit]) -> str:
    devices = []
    for number, hit in enumerate(hits, start=1):
        plain = hit.plain()
        device = {
            "name": f"{hit.role}-{number}",
            "family": hit.family,
            "address": hit.address,
            "unit": hit.unit,
            "role": hit.role,
        }
        # A profile's own words for maker and model pin nothing: the device did not say them.
        pinned = ("maker", "model", "serial") if hit.models else ("serial",)
        devices.append(device | {key: plain[key] for key in pinned if plain[key]})
    return yaml.safe_dump(devices, sort_keys=False, default_flow_style=None, width=200)
