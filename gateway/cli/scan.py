"""osed scan: what answers at an address, and the configuration to paste."""

import asyncio
import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated, Any

import typer
import yaml

from adapters.devices.sunspec.profiles import unit_ids
from adapters.modbus.link import Link
from adapters.sunspec.discover import Found, Missing, Part, discover
from gateway.cli.output import Json, document, people, progress, table
from gateway.clock import SystemDice
from grid_functions.model.errors import GatewayError, OperatorFault, Unreachable

_INVERTERS = frozenset({101, 102, 103, 111, 112, 113, 701})
_METERS = frozenset({201, 202, 203, 204, 211, 212, 213, 214})
_STORAGE = frozenset({124, 713, 802})
_MOST_HOSTS = 1024


@dataclass(frozen=True, slots=True)
class _Hit:
    host: str
    port: int
    unit: int
    part: Part
    warnings: tuple[str, ...]

    @property
    def role(self) -> str:
        ids = {block.id for block in self.part.blocks}
        if ids & _METERS:
            return "meter"
        if ids & _STORAGE and ids & _INVERTERS:
            return "hybrid"
        if ids & _STORAGE:
            return "battery"
        return "pv" if ids & _INVERTERS else "load"

    def plain(self) -> dict[str, Any]:
        identity = self.part.identity
        return {
            "address": f"tcp://{self.host}:{self.port}",
            "unit": self.unit,
            "maker": identity.maker if identity else None,
            "model": identity.model if identity else None,
            "serial": identity.serial if identity else None,
            "version": identity.version if identity else None,
            "models": [block.id for block in self.part.blocks],
            "role": self.role,
            "warnings": list(self.warnings),
        }


def scan(
    address: Annotated[
        str, typer.Argument(metavar="ADDR", help="Host, host:port, or a subnet such as 192.168.1.0/24.")
    ],
    unit: Annotated[
        list[int] | None, typer.Option(min=0, max=255, help="Unit id to try; default a short list. Repeatable.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.05, max=60, help="Seconds to wait for each answer.")] = 1.0,
    json_: Json = False,
) -> None:
    """Find SunSpec devices, say what they are, and print the configuration to paste. Reads only.

    Example: osed scan 192.168.1.20:502
    """
    hosts, port = _targets(address)
    with progress(f"scanning {len(hosts)} address(es)"):
        hits = asyncio.run(_scan(hosts, port, tuple(unit or unit_ids()), timeout))
    if json_:
        document([hit.plain() for hit in hits])
        return
    if not hits:
        raise Unreachable(
            f"nothing of SunSpec answers at {address}",
            "check address, port and unit id, and that the device allows Modbus/TCP",
        )
    columns = ("address", "unit", "maker", "model", "serial", "models", "role")
    rows = [
        [str(p[c]) if c != "models" else " ".join(map(str, p[c])) for c in columns] for p in (h.plain() for h in hits)
    ]
    table("", columns, rows)
    for hit in hits:
        for warning in hit.warnings:
            people.print(f"{hit.host} unit {hit.unit}: {warning}")
    people.print("\nto paste below a site's devices:\n")
    print(_configuration(hits))


def _targets(address: str) -> tuple[list[str], int]:
    if "/" in address:
        try:
            network = ipaddress.ip_network(address, strict=False)
        except ValueError as fault:
            raise OperatorFault(f"{address} is no subnet", "write it as 192.168.1.0/24") from fault
        if network.num_addresses > _MOST_HOSTS:
            raise OperatorFault(
                f"{address} has {network.num_addresses} addresses", f"scan at most {_MOST_HOSTS} at a time"
            )
        return [str(host) for host in network.hosts()], 502
    match = re.fullmatch(r"(?:tcp://)?(?P<host>[^:/\s]+)(?::(?P<port>\d{1,5}))?", address)
    if match is None or not 0 < int(match["port"] or 502) < 65536:
        raise OperatorFault(f"{address} is no address", "write it as HOST or HOST:PORT")
    return [match["host"]], int(match["port"] or 502)


async def _scan(hosts: list[str], port: int, units: tuple[int, ...], timeout_s: float) -> list[_Hit]:
    gate = asyncio.Semaphore(64)

    async def one(host: str) -> list[_Hit]:
        async with gate:
            return await _scan_host(host, port, units, timeout_s)

    return [hit for hits in await asyncio.gather(*(one(host) for host in hosts)) for hit in hits]


async def _scan_host(host: str, port: int, units: tuple[int, ...], timeout_s: float) -> list[_Hit]:
    link = Link(host, port, jitter=SystemDice().jitter, timeout_s=timeout_s)
    hits: list[_Hit] = []
    try:
        for unit in units:
            answer: Found | Missing = await link.converse(discover(unit))
            if isinstance(answer, Found):
                hits += [_Hit(host, port, unit, part, answer.warnings) for part in answer.parts]
    except GatewayError:
        return hits
    finally:
        await link.close()
    return hits


def _configuration(hits: list[_Hit]) -> str:
    devices = []
    for number, hit in enumerate(hits, start=1):
        plain = hit.plain()
        device = {
            "name": f"{hit.role}-{number}",
            "family": "sunspec",
            "address": plain["address"],
            "unit": hit.unit,
            "role": hit.role,
        }
        devices.append(device | {key: plain[key] for key in ("maker", "model", "serial") if plain[key]})
    return yaml.safe_dump(devices, sort_keys=False, default_flow_style=None, width=200)
