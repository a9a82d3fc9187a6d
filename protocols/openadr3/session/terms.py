"""What configuration settles about one VTN before the first request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from grid_functions.model.event import Respondent
from protocols.openadr3.wire.edition import Edition


class AuthStyle(StrEnum):
    """How the client's id and secret reach the token endpoint (RFC 6749, 2.3.1)."""

    NONE = "none"  # a VTN that asks nobody who he is: no token is fetched or sent
    BODY = "body"
    BASIC = "basic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where we listen for the VTN's notifications, and how it reaches us.

    ``callback_url``: as the VTN sees it, https by the standard; ``token``: the bearer token that it must bring, empty = none is
    asked for; ``host``/``port``: where the receiver listens, 0 = a free port.
    """

    callback_url: str
    token: str = field(default="", repr=False)
    host: str = "127.0.0.1"
    port: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """One VEN at one VTN.

    ``url``: the base under which /programs stands. ``token_url``: empty = as the VTN says (3.1), else url/auth/token. ``programs``:
    names of the programs to follow, empty = all that are shown. ``targets``: asked for besides those that the VTN granted to our
    ven and resources; plain words in 3.1, TYPE:value in 3.0.1. ``serves``: per respondent, by the name of its resource, "" = the
    ven itself, its devices in a snapshot, none = all. ``floor_s``: pace of polling while nothing hints; ``ceiling_s``: while
    webhook or MQTT do, and the longest wait after failures. ``report_s``: the pieces in which an interval without end is reported.
    ``mqtt``: listen to the VTN's broker, if it names one (3.1).
    """

    name: str
    url: str
    ven_name: str
    edition: Edition = Edition.V3_1
    auth: AuthStyle = AuthStyle.BODY
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    scope: str = ""
    token_url: str = ""
    programs: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    serves: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({"": frozenset()}))
    floor_s: float = 60.0
    ceiling_s: float = 300.0
    page: int = 50
    report_s: float = 900.0
    webhook: Webhook | None = None
    mqtt: bool = False

    @property
    def base(self) -> str:
        """The base address without a slash at its end."""
        return self.url.rstrip("/")

    @property
    def respondents(self) -> tuple[Respondent, ...]:
        """All that answer here."""
        return tuple(map(self.respondent, self.serves))

    def respondent(self, resource: str) -> Respondent:
        """The respondent that a resource is, or the ven itself ("")."""
        return Respondent(self.name, resource or self.ven_name)
