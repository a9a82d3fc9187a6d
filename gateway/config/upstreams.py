"""Who speaks to the gateway from above: one section for each protocol, told apart by ``protocol``."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from gateway.config.parts import Name, Seconds, Strict, Text, Watts
from grid_functions.model.policy import OptOut

HttpUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+(/\S*)?$")]
Port = Annotated[int, Field(ge=0, le=65535)]


class Profile(StrEnum):
    """The profile of IEEE 2030.5 an upstream speaks."""

    CSIP = "csip"
    CSIP_AUS = "csip-aus"
    CSIP_AUS_1_1 = "csip-aus-1.1"


class FailSafe(Strict):
    """What stands while the upstream is not current and neither event nor default holds; W."""

    export_limit_w: Watts | None = None
    import_limit_w: Watts | None = None
    generation_limit_w: Watts | None = None
    load_limit_w: Watts | None = None
    after_s: Seconds = 900


class TlsSettings(Strict):
    """Files in PEM, relative to this file. ``ciphers``: TLS 1.2 suites offered, the first preferred."""

    certificate: Path
    key: Path
    ca: Path
    ciphers: Annotated[tuple[Literal["CCM8", "GCM"], ...], Field(min_length=1)] = ("CCM8", "GCM")


class Service(Strict):
    """One site this upstream speaks to. ``pin``: the whole six digits of the registration, or none to take any. ``nmi``: of its connection
    point. ``pen``: private enterprise number that the mRIDs of our mirrors end in."""

    site: Name
    pin: Annotated[int, Field(ge=0, le=999_999)] | None = None
    nmi: Annotated[str, StringConstraints(min_length=1, max_length=32)] | None = None
    pen: Annotated[int, Field(ge=0, le=99_999_999)] = 0
    register_in_band: bool = Field(default=False, alias="register")


class Poll(Strict):
    """Bounds on the rates an upstream may set, s."""

    floor_s: Annotated[float, Field(ge=1, le=900)] = 10
    ceiling_s: Annotated[float, Field(ge=60, le=86400)] = 3600


class Ieee2030_5Upstream(Strict):
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


class Resource(Strict):
    """One site behind the VEN. ``resource``: the VTN's name for it, none = the whole VEN; ``devices``: those it stands for, none = all."""

    site: Name
    resource: Text | None = None
    devices: tuple[Name, ...] = ()


class VtnTls(Strict):
    """Files in PEM, relative to this file. ``ciphers``: OpenSSL names, the first preferred, none = those that 2.0b asks for and today's;
    ``tls_1_3``: offer the newer version too."""

    certificate: Path
    key: Path
    ca: Path
    ciphers: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
    check_host: bool = True
    tls_1_3: bool = False


class Signature(Strict):
    """XML signatures both ways, the high security level of 2.0b. Ours are made with ``certificate`` and ``key``; the VTN's are believed
    by ``fingerprints``, or where their certificate ends in ``ca``."""

    certificate: Path
    key: Path
    ca: Path | None = None
    fingerprints: tuple[Annotated[str, StringConstraints(pattern=r"^([0-9A-Fa-f]{2}:){9}[0-9A-Fa-f]{2}$")], ...] = ()
    window_s: Annotated[float, Field(ge=5, le=3600)] = 300


class Push(Strict):
    """Where the VTN reaches us: ``address`` as it sees it, the rest where we listen."""

    address: HttpUrl
    host: Text = "127.0.0.1"
    port: Port = 0


class VenPoll(Strict):
    """``every_s``: where the VTN asks for no pace; the others bound what it asks for."""

    every_s: Annotated[float, Field(ge=1, le=86400)] = 30
    floor_s: Annotated[float, Field(ge=1, le=900)] = 5
    ceiling_s: Annotated[float, Field(ge=10, le=86400)] = 3600


class OpenAdr2bUpstream(Strict):
    """A VTN of OpenADR 2.0b; ``url`` ends in OpenADR2/Simple/2.0b."""

    name: Name
    protocol: Literal["openadr2b"]
    url: HttpUrl
    ven_name: Text
    ven_id: Text | None = None
    registration_id: Text | None = None
    vtn_id: Text | None = None
    tls: VtnTls | None = None
    signature: Signature | None = None
    serves: Annotated[tuple[Resource, ...], Field(min_length=1)]
    market_contexts: tuple[Text, ...] = ()
    groups: tuple[Text, ...] = ()
    classes: dict[str, tuple[Name, ...]] = Field(default_factory=dict)
    assumed_power_w: Annotated[float, Field(gt=0, le=1e12)] | None = None
    report_only: bool = False
    query: bool = True
    opt_by: Literal["createdEvent", "EiOpt"] = "createdEvent"
    push: Push | None = None
    fail_safe: FailSafe = FailSafe()
    opt_out: OptOut = OptOut.ALL
    poll: VenPoll = VenPoll()


class Oauth(Strict):
    """Client credentials. ``client_secret``: a file that holds the secret; ``style``: in the body of the request, or by HTTP Basic."""

    client_id: Text
    client_secret: Path
    token_url: HttpUrl | None = None
    scope: str = ""
    style: Literal["body", "basic"] = "body"


class Webhook(Strict):
    """Where the VTN tells what is new: ``address`` as it sees it, the rest where we listen. ``token``: a file with what it must bring."""

    address: HttpUrl
    host: Text = "127.0.0.1"
    port: Port = 0
    token: Path | None = None


class Poll3(Strict):
    """``floor_s``: while nothing tells what is new; ``ceiling_s``: while webhook or MQTT do, and the longest wait after failures."""

    floor_s: Annotated[float, Field(ge=1, le=900)] = 60
    ceiling_s: Annotated[float, Field(ge=10, le=86400)] = 300


class OpenAdr3Upstream(Strict):
    """A VTN of OpenADR 3; ``url`` is the base under which /programs stands."""

    name: Name
    protocol: Literal["openadr3"]
    edition: Literal["3.0.1", "3.1"] = "3.1"
    url: HttpUrl
    ven_name: Text
    oauth: Oauth | None = None
    ca: Path | None = None
    serves: Annotated[tuple[Resource, ...], Field(min_length=1)]
    programs: tuple[Text, ...] = ()
    targets: tuple[Text, ...] = ()
    webhook: Webhook | None = None
    mqtt: bool = False
    report_s: Annotated[float, Field(ge=60, le=86400)] = 900
    fail_safe: FailSafe = FailSafe()
    opt_out: OptOut = OptOut.ALL
    poll: Poll3 = Poll3()


Upstream = Annotated[Ieee2030_5Upstream | OpenAdr2bUpstream | OpenAdr3Upstream, Field(discriminator="protocol")]
"""One of them."""
