"""What configuration settles about one 2030.5 server before the first request."""

from dataclasses import dataclass
from enum import StrEnum

from grid_functions.model.event import Respondent


class Profile(StrEnum):
    """The application profile spoken with a server."""

    CSIP = "csip"
    CSIP_AUS = "csip-aus"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """One EndDevice at one server.

    ``url``: of DeviceCapability, the only address ever configured. ``pin``: the whole six digits, None = not compared. ``nmi``: the
    connection point id to PUT, empty = none. ``pen``: the private enterprise
    number that our mRIDs end in. ``register``: POST the EndDevice when it is not listed. ``device_category``: bits of
    DeviceCategoryType, 0 = not told (every event is for us). ``floor_s``/``ceiling_s`` bound every poll rate the server asks for.
    """

    name: str
    url: str
    lfdi: str
    sfdi: int
    profile: Profile = Profile.CSIP_AUS
    pin: int | None = None
    nmi: str = ""
    pen: int = 0
    register: bool = False
    device_category: int = 0
    floor_s: float = 30.0
    ceiling_s: float = 3600.0
    page: int = 50

    @property
    def respondent(self) -> Respondent:
        """The EndDevice as the model knows it."""
        return Respondent(self.name, self.lfdi.upper())
