"""The sites of the demonstration: what stands there, and how the gateway is told of it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from gateway.demo.sabotage import Sabotage
from grid_functions.model.errors import OurFault

PIN = 111115
FAIL_SAFE_W = 1500
DEFAULT_W = 5000
REVERT_S = 10
POLL_S = 1
METER = "grid-meter"

AGGREGATOR, SUPPLIER = "aggregator", "supplier"
"""The VTNs: of 2.0b and of 3.1."""

LEGACY, MODERN = "pv-legacy", "pv-700"
EAST, WEST, BATTERY = "pv-east", "pv-west", "battery"

ENTER_S = 4
"""How long a device at the depot waits before it returns to service, and how long its ramp back to full power takes, s."""

ROOF, MICRO = "pv-roof", "pv-micro"
MAPPED, SPOKEN = "bay-modbus", "bay-ocpp"
"""The chargers: one that is a table of registers, one that speaks OCPP."""

FUSE_A = 32
CAR: Mapping[str, Any] = {"most_a": 16.0, "phases": 3, "stored_wh": 20_000, "capacity_wh": 90_000}
"""A car that charges on three phases at 16 A."""

FALLBACK_A, WATCHDOG_S = 8, 10
"""What the charger with registers is set up to fall back to, per phase, and after how much silence."""

LATE_S, SLOW_S = 20, 75
"""How long a slow inverter takes from a write to its effect: longer than a limit has to settle, and as long as microinverters behind a
power line have been seen to take."""

VOLT_VAR_MODELS = (705, 706, 712)


@dataclass(frozen=True, slots=True)
class Machine:
    """An inverter of a site. ``more``: what its simulation has beside the least."""

    name: str
    kind: str
    rated_w: int
    serial: str
    role: str = "pv"
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Setting:
    """A site. ``folder``: where below the kept evidence its own lies. ``broken``: which device a sabotage strikes. ``with_vtns``: two VTNs
    lead it too, one of 2.0b and one of 3.1. ``with_bays``: two chargers stand there, behind a fuse of ``FUSE_A`` per phase. ``settle_s``:
    of devices that take longer than their family.
    """

    name: str
    folder: str
    machines: tuple[Machine, ...]
    sun: float
    load_w: int
    broken: Mapping[Sabotage, tuple[str, str]]
    with_vtns: bool = False
    with_bays: bool = False
    settle_s: Mapping[str, float] = field(default_factory=dict)

    @property
    def rated_import_w(self) -> float:
        """Of its connection."""
        return 22_000.0 if self.with_bays else 15_000.0

    @property
    def rated_w(self) -> dict[str, float]:
        """WMax by inverter, W."""
        return {machine.name: float(machine.rated_w) for machine in self.machines}

    def plan(self, record: Path) -> dict[str, Any]:
        """The simulated site, which keeps its record in a folder."""
        inverters = [
            {"name": m.name, "kind": m.kind, "rated_w": m.rated_w, "serial": m.serial, **m.more} for m in self.machines
        ]
        bays = {
            "twins": [{"name": MAPPED, "family": "vestel-evc04", "unit": 255}],
            "stations": [{"name": SPOKEN, "version": "ocpp1.6"}],
        }
        return (bays if self.with_bays else {}) | {
            "inverters": inverters,
            "meter": {"name": METER, "serial": "G-1"},
            "house": {"base_w": self.load_w, "ripple_w": 15},
            "sun": {"fraction": self.sun, "ripple": 0.004},
            "record": str(record),
        }

    def configuration(
        self,
        url: str,
        tls: Mapping[str, str],
        where: Mapping[str, Any],
        vtns: Mapping[str, str],
        ocpp: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The gateway's osed.yaml. ``where``: the simulated devices by name, as the simulation announces them; ``vtns``: addresses;
        ``ocpp``: where stations connect.
        """
        roles = {METER: "meter"} | {machine.name: machine.role for machine in self.machines}
        roles |= {MAPPED: "evse"} if self.with_bays else {}
        if set(where) != set(roles):
            raise OurFault(f"the simulated site shows {sorted(where)}")
        devices = [self._device(name, roles[name], told) for name, told in where.items()]
        devices += [_SPOKEN] if self.with_bays else []
        upstream = {
            "name": "utility",
            "protocol": "ieee2030_5",
            "url": url,
            "profile": "csip-aus",
            "tls": {**tls, "ciphers": ["CCM8"]},
            "serves": [{"site": self.name, "pin": PIN}],
            "fail_safe": {"export_limit_w": FAIL_SAFE_W, "after_s": 3600},
            "poll": {"floor_s": POLL_S},
        }
        site: dict[str, Any] = {
            "name": self.name,
            "connection": {"import_limit_w": self.rated_import_w, "export_limit_w": 10000, "phases": 3},
            "meter": METER,
            "revert_s": REVERT_S,
            "devices": devices,
        }
        if self.with_bays:
            site["connection"] |= {"fuse_a": FUSE_A}
            site |= {"dwell": {"paused_s": PAUSED_S}}
        gateway = {"name": "demo", "data": "data"} | ({} if ocpp is None else {"ocpp": dict(ocpp)})
        upstreams = [upstream, *(_vtn(name, address, self.name) for name, address in vtns.items())]
        return {"gateway": gateway, "upstreams": upstreams, "sites": [site]}

    def _device(self, name: str, role: str, told: Mapping[str, Any]) -> dict[str, Any]:
        plain = {"name": name, "address": f"tcp://{told['host']}:{told['port']}", "unit": told["unit"], "role": role}
        if name == MAPPED:
            return plain | _MAPPED
        slow = {"settle_s": self.settle_s[name]} if name in self.settle_s else {}
        return plain | {"family": "sunspec", "serial": told["serial"]} | slow


PAUSED_S = 3
"""How long a charger stays paused at least; two minutes where nothing is said."""

_MAPPED: Final[dict[str, Any]] = {
    "family": "vestel-evc04",
    "phases": ["a", "b", "c"],
    "settle_s": 2,
    "options": {"maximum_a": 16, "fallback_a": FALLBACK_A, "timeout_s": WATCHDOG_S},
}
_SPOKEN: Final[dict[str, Any]] = {
    "name": SPOKEN,
    "family": "ocpp",
    "address": f"ocpp://{SPOKEN}/1",
    "role": "evse",
    "phases": ["a", "b", "c"],
    "settle_s": 2,
    "options": {"maximum_a": 32, "fallback_a": 6, "timeout_s": 30, "sample_s": 1},
}


def _vtn(name: str, url: str, site: str) -> dict[str, Any]:
    """An upstream that speaks OpenADR for the battery alone."""
    plain = {"name": name, "url": url, "ven_name": "demo", "serves": [{"site": site, "devices": [BATTERY]}]}
    if name == AGGREGATOR:
        return plain | {"protocol": "openadr2b", "poll": {"every_s": POLL_S, "floor_s": POLL_S}}
    return plain | {"protocol": "openadr3", "edition": "3.1", "poll": {"floor_s": POLL_S, "ceiling_s": 10}}


HOUSE = Setting(
    name="house",
    folder="",
    machines=(Machine(LEGACY, "legacy", 5000, "L-1"), Machine(MODERN, "der700", 6000, "M-1")),
    sun=0.9,
    load_w=800,
    broken={
        Sabotage.INVERTER_IGNORES: (MODERN, "ignores"),
        Sabotage.METER_SIGN: (METER, "meter_sign"),
        Sabotage.REVERT_OFF: (MODERN, "revert_off"),
    },
)

_ENTER = {"enter_delay_s": ENTER_S, "enter_ramp_s": ENTER_S}

DEPOT = Setting(
    name="depot",
    folder="depot",
    machines=(
        Machine(EAST, "der700", 6000, "E-1", more={"models": [*VOLT_VAR_MODELS], **_ENTER}),
        Machine(WEST, "der700", 5000, "W-1", more={"models": [*VOLT_VAR_MODELS], **_ENTER}),
        Machine(
            BATTERY,
            "der700",
            5000,
            "B-1",
            "battery",
            {"models": [*VOLT_VAR_MODELS, 713], "dc_w": 0, "storage": {"capacity_wh": 400, "soc_pct": 50}, **_ENTER},
        ),
    ),
    sun=0.0,
    load_w=800,
    broken={
        Sabotage.INVERTER_IGNORES: (BATTERY, "ignores"),
        Sabotage.METER_SIGN: (METER, "meter_sign"),
        Sabotage.REVERT_OFF: (WEST, "revert_off"),
    },
)

HALL = replace(
    DEPOT,
    name="hall",
    folder="hall",
    machines=tuple(machine for machine in DEPOT.machines if machine.name != WEST),
    broken={Sabotage.INVERTER_IGNORES: (BATTERY, "ignores"), Sabotage.METER_SIGN: (METER, "meter_sign")},
    with_vtns=True,
)

YARD = replace(DEPOT, name="yard", folder="yard")
"""Built like the depot, so that the steps of both play at the same time."""

CARPARK = Setting(
    name="carpark",
    folder="carpark",
    machines=(
        Machine(ROOF, "der700", 6000, "R-1"),
        Machine(MICRO, "der700", 1500, "M-2", more={"quirks": {"settle_s": LATE_S}}),
        Machine(
            BATTERY,
            "der700",
            5000,
            "B-2",
            "battery",
            {"models": [713], "dc_w": 0, "storage": {"capacity_wh": 5000, "soc_pct": 50}},
        ),
    ),
    sun=0.0,
    load_w=800,
    broken={
        Sabotage.INVERTER_IGNORES: (ROOF, "ignores"),
        Sabotage.CHARGER_IGNORES: (MAPPED, "ignores"),
        Sabotage.METER_SIGN: (METER, "meter_sign"),
    },
    with_bays=True,
    settle_s={MICRO: LATE_S},
)

GARAGE = replace(
    CARPARK,
    name="garage",
    folder="garage",
    machines=(CARPARK.machines[0],),
    broken={
        Sabotage.CHARGER_IGNORES: (MAPPED, "ignores"),
        Sabotage.METER_SIGN: (METER, "meter_sign"),
        Sabotage.REVERT_OFF: (MAPPED, "revert_off"),
    },
    settle_s={},
)
"""Has chargers like the carpark, so that the steps of both play at the same time."""

PERGOLA = Setting(
    name="pergola",
    folder="pergola",
    machines=(CARPARK.machines[0], Machine(MICRO, "der700", 1500, "M-3", more={"quirks": {"settle_s": SLOW_S}})),
    sun=0.9,
    load_w=2000,
    broken={Sabotage.INVERTER_IGNORES: (ROOF, "ignores"), Sabotage.METER_SIGN: (METER, "meter_sign")},
    settle_s={MICRO: SLOW_S},
)
"""Is waited for beside the other two sites of its act."""
