"""The shape of osed.yaml, with ranges. Every mistake is found by :mod:`gateway.config.load`, with file and line."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from gateway.config.api import ApiSettings
from gateway.config.areas import AreaSettings
from gateway.config.edgex import Servers as EdgexServers
from gateway.config.functions import FunctionSettings
from gateway.config.homeassistant import Servers
from gateway.config.ocpp import OcppSettings
from gateway.config.parts import Name, PlugIns, Seconds, Strict, Watts
from gateway.config.upstreams import Upstream
from grid_functions.model.claim import SourceKind
from grid_functions.model.device import Role
from grid_functions.model.policy import DEFAULT_PRECEDENCE, BaselineKind, LoadCredit, OnGatewayLoss, Yield
from grid_functions.model.units import Phase

Approximable = Literal[
    "fixed_power",
    "target_power",
    "storage_power",
    "fixed_reactive",
    "target_reactive",
    "power_factor_inject",
    "power_factor_absorb",
    "frequency_droop",
    "frequency_watt",
    "volt_var",
    "volt_watt",
    "watt_pf",
    "watt_var",
]


class GatewaySettings(Strict):
    """The appliance itself. ``data``: the folder of ledger, log and socket, relative to this file."""

    name: Name = "osed"
    data: Path = Path("data")
    log_days: Annotated[float, Field(gt=0, le=3650)] = 30
    replay_days: Annotated[float, Field(gt=0, le=3650)] = 7
    ocpp: OcppSettings | None = None
    api: ApiSettings | None = None
    homeassistant: Servers = ()
    edgex: EdgexServers = ()


class ConnectionSettings(Strict):
    """The site's connection to the grid."""

    import_limit_w: Watts | None = None
    export_limit_w: Watts | None = None
    phases: Literal[1, 3] = 1
    fuse_a: Annotated[float, Field(gt=0, le=10_000)] | None = None


class DeviceTls(Strict):
    """Files in PEM, relative to this file, for a device at ``tls://``: who we are, and whose devices are trusted."""

    certificate: Path
    key: Path
    ca: Path


class DeviceSettings(Strict):
    """One device. ``phases``: where its own L1, L2, L3 are. ``maker``, ``model`` and ``serial`` pin it: another one is read only.

    ``options``: the family's own. ``timeout_s``: None = 3 s over a network, 0.5 s on a bus, where a silent device keeps its neighbours
    waiting.
    """

    name: Name
    family: Name
    address: Annotated[str, StringConstraints(pattern=r"^(tcp|tls|rtu\+tcp|serial|ocpp|homeassistant|edgex)://\S+$")]
    unit: Annotated[int, Field(ge=0, le=255)] = 1
    role: Role
    maker: str | None = None
    model: str | None = None
    serial: str | None = None
    on_gateway_loss: OnGatewayLoss | None = None
    locked: bool = False
    phases: Annotated[tuple[Phase, ...], Field(max_length=3)] = ()
    priority: Annotated[int, Field(ge=0, le=9)] = 0
    settle_s: Seconds | None = None
    poll_s: Annotated[float, Field(ge=0.1, le=3600)] = 1.0
    options: dict[str, int | float | str | bool] = Field(default_factory=dict)
    min_gap_s: Annotated[float, Field(ge=0, le=10)] = 0.0
    timeout_s: Annotated[float, Field(gt=0, le=120)] | None = None
    tls: DeviceTls | None = None


class BaselineSettings(Strict):
    """What relative signals refer to. ``weekend``: days of the UTC week without work, 0 = Monday."""

    kind: BaselineKind = BaselineKind.LIKE_HOURS
    days: Annotated[int, Field(ge=1, le=20)] = 5
    weekend: Annotated[tuple[Annotated[int, Field(ge=0, le=6)], ...], Field(max_length=7)] = (5, 6)


class FuseGroupSettings(Strict):
    """Devices behind one fuse of their own, per phase; nothing else hangs on it."""

    name: Name
    fuse_a: Annotated[float, Field(gt=0, le=10_000)]
    devices: Annotated[tuple[Name, ...], Field(min_length=1)]


class DwellSettings(Strict):
    """How long chargers stay as they are."""

    paused_s: Annotated[float, Field(ge=0, le=3600)] = 120
    turn_s: Annotated[float, Field(ge=60, le=86400)] = 900
    phases_s: Annotated[float, Field(ge=60, le=86400)] = 300


class SiteSettings(Strict):
    """One site. ``mode`` observe: reads, decides, shows what it would write, writes nothing.

    ``plug_ins``: functions of installed packages that run there. ``plug_ins_hear``: for some of them, area functions whose letters they may
    hear and answer in the site's name.
    """

    name: Name
    mode: Literal["active", "observe"] = "active"
    connection: ConnectionSettings = ConnectionSettings()
    meter: Name | None = None
    devices: Annotated[tuple[DeviceSettings, ...], Field(min_length=1)]
    yields: Yield = Field(default=Yield.PV, alias="yield")
    load_credit: LoadCredit = LoadCredit.ALL
    approximate: tuple[Approximable, ...] = ()
    protection: Literal["read", "write"] = "read"
    revert_s: Annotated[float, Field(ge=10, le=3600)] = 60
    meter_stale_s: Annotated[float, Field(ge=1, le=600)] = 5
    settle_deadline_s: Annotated[float, Field(gt=0, le=600)] = 10
    precedence: tuple[SourceKind, ...] = DEFAULT_PRECEDENCE
    fuse_groups: tuple[FuseGroupSettings, ...] = ()
    dwell: DwellSettings = DwellSettings()
    baseline: BaselineSettings = BaselineSettings()
    functions: FunctionSettings = FunctionSettings()
    plug_ins: PlugIns = Field(default_factory=dict)
    plug_ins_hear: dict[Name, tuple[Name, ...]] = Field(default_factory=dict)


class Configuration(Strict):
    """osed.yaml, whole."""

    gateway: GatewaySettings = GatewaySettings()
    upstreams: tuple[Upstream, ...] = ()
    sites: Annotated[tuple[SiteSettings, ...], Field(min_length=1)]
    areas: tuple[AreaSettings, ...] = ()
