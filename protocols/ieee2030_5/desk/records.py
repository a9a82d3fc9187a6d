"""What a utility server keeps: one frozen record per thing.

Annotations carry the wire's ranges, so that one table checks what is stored, what the operator sends and what peers
send. Times are whole seconds; those ending in _s are server time unless the docstring says otherwise. Every record has
a `key`, unique in its kind, and an `owner`, by which records are found together.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import get_args

from protocols.ieee2030_5.wire import der, metering, resources
from protocols.ieee2030_5.wire.namespaces import CSIP, CSIP_AUS, CSIP_AUS_1_3, STRICT, Dialect
from protocols.ieee2030_5.wire.scalars import (
    AnyURI,
    Boolean,
    HexBinary8,
    HexBinary16,
    HexBinary32,
    Int32,
    Int48,
    LFDIType,
    MRIDType,
    OneHourRangeType,
    PINType,
    SFDIType,
    String16,
    String32,
    TimeType,
    UInt8,
    UInt16,
    UInt32,
    UInt48,
)

Key = int | str
WHOLE_SERVER: Key = ""

DIALECTS: MappingProxyType[str, Dialect] = MappingProxyType(
    {"csip": CSIP, "csip-aus": CSIP_AUS, "csip-aus-1.3": CSIP_AUS_1_3, "strict": STRICT}
)
"""How a peer is spoken to, by the name an operator gives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What holds for the whole server and may change while it runs.

    Poll and post rates in seconds, 0 = not told to peers. `clock_offset_s` is added to the clock handed in.
    `in_band`: peers may register themselves, and get `in_band_pin` (None = no Registration). `lenient`: the draft
    namespace and what field clients leave out are taken. `supersede`: any-mode (one shared mode suffices, as utility
    servers do) or all-modes. `seed` and `pen` go into the mRIDs made here.
    """

    seed: UInt32 = 0
    pen: UInt32 = 0
    dialect: String16 = "csip-aus"
    in_band: Boolean = False
    in_band_pin: PINType | None = None
    lenient: Boolean = True
    dcap_poll_s: UInt32 = 300
    time_poll_s: UInt32 = 300
    edev_poll_s: UInt32 = 300
    fsa_poll_s: UInt32 = 300
    derp_poll_s: UInt32 = 300
    der_poll_s: UInt32 = 300
    mup_poll_s: UInt32 = 300
    post_rate_s: UInt32 = 60
    time_quality: UInt8 = 4
    clock_offset_s: Int32 = 0
    supersede: String16 = "any-mode"

    @property
    def key(self) -> Key:
        """There is one."""
        return WHOLE_SERVER

    @property
    def owner(self) -> Key:
        """The server."""
        return WHOLE_SERVER


@dataclass(frozen=True, slots=True)
class Serial:
    """The last number given to a kind of record; numbers are never given twice, so that no href changes meaning."""

    kind: String32
    last: UInt48

    @property
    def key(self) -> Key:
        """The kind."""
        return self.kind

    @property
    def owner(self) -> Key:
        """The server."""
        return WHOLE_SERVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One EndDevice. `managed_by`: LFDI of the aggregator whose certificate speaks for it; None = its own does.

    `pin` None = no Registration is shown; `nmi` is the connectionPointId; `dialect` "" and `lenient` None = the
    server's.
    """

    number: UInt48
    lfdi: LFDIType
    sfdi: SFDIType
    registered_s: TimeType
    changed_s: TimeType
    name: String32 = ""
    pin: PINType | None = None
    category: HexBinary32 | None = None
    nmi: String32 | None = None
    managed_by: LFDIType | None = None
    dialect: String16 = ""
    lenient: Boolean | None = None
    enabled: Boolean = True
    in_band: Boolean = False

    @property
    def key(self) -> Key:
        """Its number."""
        return self.number

    @property
    def owner(self) -> Key:
        """The LFDI of the certificate that speaks for it."""
        return self.managed_by or self.lfdi


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceReport:
    """What one EndDevice has put of itself, each as it came; None = never."""

    device: UInt48
    capability: der.DERCapability | None = None
    settings: der.DERSettings | None = None
    status: der.DERStatus | None = None
    availability: der.DERAvailability | None = None
    information: resources.DeviceInformation | None = None

    @property
    def key(self) -> Key:
        """The device's number."""
        return self.device

    @property
    def owner(self) -> Key:
        """The server."""
        return WHOLE_SERVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One FunctionSetAssignments. `devices`: numbers of its members; None = every EndDevice."""

    number: UInt48
    mRID: MRIDType
    description: String32 = ""
    devices: tuple[UInt48, ...] | None = None

    @property
    def key(self) -> Key:
        """Its number."""
        return self.number

    @property
    def owner(self) -> Key:
        """The server."""
        return WHOLE_SERVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One DERProgram, assigned through one group (`fsa`); the smaller primacy wins."""

    number: UInt48
    fsa: UInt48
    mRID: MRIDType
    primacy: UInt8
    description: String32 = ""
    default: der.DefaultDERControl | None = None

    @property
    def key(self) -> Key:
        """Its number."""
        return self.number

    @property
    def owner(self) -> Key:
        """Its group."""
        return self.fsa


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One DERControl. `cancelled_s` and `superseded_s`: when that became known; `superseded_by`: an mRID.

    `potentially_superseded` None = as the other controls of the program make it; else as the operator says, since
    `potentially_superseded_s`.
    """

    number: UInt48
    program: UInt48
    mRID: MRIDType
    creation_s: TimeType
    start_s: TimeType
    duration_s: UInt32
    modes: der.DERControlBase
    description: String32 = ""
    version: UInt16 = 0
    randomize_start_s: OneHourRangeType | None = None
    randomize_duration_s: OneHourRangeType | None = None
    response_required: HexBinary8 = 3
    category: HexBinary32 | None = None
    potentially_superseded: Boolean | None = None
    potentially_superseded_s: TimeType | None = None
    cancelled_s: TimeType | None = None
    cancel_randomized: Boolean = False
    superseded_s: TimeType | None = None
    superseded_by: MRIDType | None = None

    @property
    def key(self) -> Key:
        """Its number."""
        return self.number

    @property
    def owner(self) -> Key:
        """Its program."""
        return self.program

    @property
    def end_s(self) -> int:
        """The specified end, without randomisation."""
        return self.start_s + self.duration_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One DERCurve of a program."""

    number: UInt48
    program: UInt48
    curve: der.DERCurve

    @property
    def key(self) -> Key:
        """Its number."""
        return self.number

    @property
    def owner(self) -> Key:
        """Its program."""
        return self.program


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One Response as it came. `t_ms`: when it arrived, on the clock handed in, without offset, in milliseconds."""

    number: UInt48
    device: UInt48
    lfdi: LFDIType
    subject: MRIDType
    status: UInt8
    created_s: TimeType | None = None
    t_ms: TimeType

    @property
    def key(self) -> Key:
        """Its number."""
        return self.number

    @property
    def owner(self) -> Key:
        """The device's number."""
        return self.device


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One LogEvent of a device."""

    number: UInt48
    device: UInt48
    event: resources.LogEvent

    @property
    def key(self) -> Key:
        """Its number."""
        return self.number

    @property
    def owner(self) -> Key:
        """The device's number."""
        return self.device


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """One MirrorUsagePoint of a device: its head and the types of its quantities, without readings."""

    number: UInt48
    device: UInt48
    point: metering.MirrorUsagePoint

    @property
    def key(self) -> Key:
        """Its number."""
        return self.number

    @property
    def owner(self) -> Key:
        """The device's number."""
        return self.device


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorValue:
    """One reading of one quantity (`meter_reading` = its mRID), before the multiplier of its type."""

    number: UInt48
    mirror: UInt48
    meter_reading: MRIDType
    value: Int48
    start_s: TimeType
    duration_s: UInt32 = 0
    quality: HexBinary16 | None = None

    @property
    def key(self) -> Key:
        """Its number."""
        return self.number

    @property
    def owner(self) -> Key:
        """The mirror's number."""
        return self.mirror


@dataclass(frozen=True, slots=True, kw_only=True)
class Trick:
    """One way in which the server misbehaves; it ends with the server at the latest and is never kept.

    `does`: see mischief.py. It strikes requests of `path` (* = anything), `method` ("" = any) and `device` (None = any
    peer's) once `skip` of them were spared, at most `times`, before `until_s` (clock handed in). `met`: how many of
    them came, spared ones included. `taken`: what the request changes is kept all the same.
    """

    number: UInt48
    does: String16
    path: AnyURI = "*"
    method: String16 = ""
    device: UInt48 | None = None
    skip: UInt32 = 0
    times: UInt32 | None = None
    until_s: TimeType | None = None
    status: UInt16 | None = None
    by_s: Int32 = 0
    location: AnyURI | None = None
    taken: Boolean = False
    met: UInt48 = 0

    @property
    def key(self) -> Key:
        """Its number."""
        return self.number

    @property
    def owner(self) -> Key:
        """The server."""
        return WHOLE_SERVER


Record = (
    Settings
    | Serial
    | Device
    | DeviceReport
    | Group
    | Program
    | Control
    | Curve
    | Receipt
    | LogEntry
    | Mirror
    | MirrorValue
    | Trick
)

KINDS: MappingProxyType[str, type[Record]] = MappingProxyType({kind.__name__: kind for kind in get_args(Record)})
"""Every kind of record by its name."""
