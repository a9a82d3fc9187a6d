"""The shape of osed.yaml, with ranges. Every mistake is found by :mod:`gateway.config.load`, with file and line."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from grid_functions.model.claim import SourceKind
from grid_functions.model.device import Role
from grid_functions.model.policy import DEFAULT_PRECEDENCE, LoadCredit, OnGatewayLoss, OptOut, Yield

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
Watts = Annotated[float, Field(ge=0, le=1e9)]
Seconds = Annotated[float, Field(gt=0, le=30 * 86400)]

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


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Profile(StrEnum):
    """The profile of IEEE 2030.5 an upstream speaks."""

    CSIP = "csip"
    CSIP_AUS = "csip-aus"
    CSIP_AUS_1_1 = "csip-aus-1.1"


class GatewaySettings(_Strict):
    """The appliance itself. ``data``: the folder of ledger, log and socket, relative to this file."""

    name: Name = "osed"
    data: Path = Path("data")
    log_days: Annotated[float, Field(gt=0, le=3650)] = 30
    replay_days: Annotated[float, Field(gt=0, le=3650)] = 7


class TlsSettings(_Strict):
    """Files in PEM, relative to this file. ``ciphers``: TLS 1.2 suites offered, the first preferred."""

    certificate: Path
    key: Path
    ca: Path
    ciphers: Annotated[tuple[Literal["CCM8", "GCM"], ...], Field(min_length=1)] = ("CCM8", "GCM")


class Service(_Strict):
    """One site this upstream speaks to. ``pin``: the whole six digits of the registration, or none to take any. ``nmi``: of its connection
    point. ``pen``: private enterprise number that the mRIDs of our mirrors end in."""

    site: Name
    pin: Annotated[int, Field(ge=0, le=999_999)] | None = None
    nmi: Annotated[str, StringConstraints(min_length=1, max_length=32)] | None = None
    pen: Annotated[int, Field(ge=0, le=99_999_999)] = 0
    register_in_band: bool = Field(default=False, alias="register")


class FailSafe(_Strict):
    """What stands while the upstream is not current and neither event nor default holds; W."""

    export_limit_w: Watts | None = None
    import_limit_w: Watts | None = None
    generation_limit_w: Watts | None = None
    load_limit_w: Watts | None = None
    after_s: Seconds = 900


class Poll(_Strict):
    """Bounds on the rates an upstream may set, s."""

    floor_s: Annotated[float, Field(ge=1, le=900)] = 10
    ceiling_s: Annotated[float, Field(ge=60, le=86400)] = 3600


class Ieee2030_5Upstream(_Strict):
    """A utility server of IEEE 2030.5; ``url`` is its DeviceCapability."""

    name: Name
    protocol: Literal["ieee2030_5"]
    url: Annotated[str, StringConstraints(pattern=r"^https://[^\s/]+/\S*$")]
    profile: Profile = Profile.CSIP
    edition: Literal[2018, 2023] = 2018
    tls: TlsSettings
    serves: Annotated[tuple[Service, ...], Field(min_length=1, max_length=1)]
    fail_safe: FailSafe = FailSafe()
    opt_out: OptOut = OptOut.NONE
    default_gradient_pct_per_s: Annotated[float, Field(ge=0, le=100)] | None = None
    hold_over_s: Annotated[float, Field(ge=0, le=60)] = 0
    poll: Poll = Poll()


class ConnectionSettings(_Strict):
    """The site's connection to the grid."""

    import_limit_w: Watts | None = None
    export_limit_w: Watts | None = None
    phases: Literal[1, 3] = 1
    fuse_a: Annotated[float, Field(gt=0, le=10_000)] | None = None


class DeviceTls(_Strict):
    """Files in PEM, relative to this file, for a device at ``tls://``: who we are, and whose devices are trusted."""

    certificate: Path
    key: Path
    ca: Path


class DeviceSettings(_Strict):
    """One device. ``maker``, ``model`` and ``serial`` pin it: another one is read only. ``options``: the family's own. ``timeout_s``:
    None = 3 s over a network, 0.5 s on a bus, where a silent device keeps its neighbours waiting."""

    name: Name
    family: Name
    address: Annotated[str, StringConstraints(pattern=r"^(tcp|tls|rtu\+tcp|serial)://\S+$")]
    unit: Annotated[int, Field(ge=0, le=255)] = 1
    role: Role
    maker: str | None = None
    model: str | None = None
    serial: str | None = None
    on_gateway_loss: OnGatewayLoss | None = None
    locked: bool = False
    settle_s: Seconds | None = None
    poll_s: Annotated[float, Field(ge=0.1, le=3600)] = 1.0
    options: dict[str, int | float | str | bool] = {}
    min_gap_s: Annotated[float, Field(ge=0, le=10)] = 0.0
    timeout_s: Annotated[float, Field(gt=0, le=120)] | None = None
    tls: DeviceTls | None = None


class SiteSettings(_Strict):
    """One site. ``mode`` observe: reads, decides, shows what it would write, writes nothing."""

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


class Configuration(_Strict):
    """osed.yaml, whole."""

    gateway: GatewaySettings = GatewaySettings()
    upstreams: tuple[Ieee2030_5Upstream, ...] = ()
    sites: Annotated[tuple[SiteSettings, ...], Field(min_length=1)]
