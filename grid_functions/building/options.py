"""What a home's steward is configured with."""

from dataclasses import dataclass, field
from typing import Final

from grid_functions import letters
from grid_functions.building.civil import DAY_S, Civil
from grid_functions.building.dwelling import Dwelling
from grid_functions.model.errors import ConfigurationFault

FUNCTION: Final = "home"
"""The steward's name among functions."""


@dataclass(frozen=True, slots=True)
class HomeOptions:
    """``import_price`` and ``export_price``, currency per kWh, hold where no upstream tells one; plans are made every ``replan_s``.

    What the household takes beside all that is planned is foreseen from the site's own days once two of them are known; until then it is
    ``base_by_hour_w`` (24 hours of the local day), else as the connection point is wont to, else ``base_w``. ``time_zone``: a name such as
    America/Toronto; without one the clock is ``utc_offset_s`` east of UTC all year. ``learns_s``: after local midnight; each day the
    thermal model is learnt anew. ``outdoor_sensor``: the device that reads the air outdoors, where there is one. ``doubt``: by which share
    of what is foreseen the household may take more, 0 to 5: so much is kept back of what a market is offered, until it is learnt from the
    home's own days.
    """

    dwelling: Dwelling = field(default_factory=Dwelling)
    import_price: float = 0.08
    export_price: float = 0.03
    base_w: float = 400.0
    base_by_hour_w: tuple[float, ...] = ()
    outdoor_c: float = 5.0
    step_s: float = 600.0
    steps: int = 144
    replan_s: float = 1800.0
    utc_offset_s: float = 0.0
    time_zone: str = ""
    learns_s: float = 3 * 3600.0
    outdoor_sensor: str = ""
    doubt: float = 1.0

    @property
    def civil(self) -> Civil:
        """Local time."""
        return Civil(self.time_zone, self.utc_offset_s)

    def __post_init__(self) -> None:
        mistakes = []
        if not self.import_price > self.export_price:
            mistakes.append(f"{FUNCTION}.import_price must be above export_price: energy would circulate for profit")
        if len(self.base_by_hour_w) not in (0, 24) or min(self.base_by_hour_w, default=0.0) < 0.0:
            mistakes.append(f"{FUNCTION}.base_by_hour_w has 24 powers of 0 W or more, or none")
        if not 0.0 <= self.doubt <= 5.0:
            mistakes.append(f"{FUNCTION}.doubt is {self.doubt:g}: choose 0 to 5")
        if not 60.0 <= self.step_s <= 3600.0:
            mistakes.append(f"{FUNCTION}.step_s is {self.step_s:g}: choose 60 to 3600")
        if not 2 <= self.steps <= letters.LONGEST:
            mistakes.append(f"{FUNCTION}.steps is {self.steps}: choose 2 to {letters.LONGEST}")
        if not 60.0 <= self.replan_s <= 86_400.0:
            mistakes.append(f"{FUNCTION}.replan_s is {self.replan_s:g}: choose 60 to 86400")
        if not self.civil.known:
            mistakes.append(
                f"{FUNCTION}.time_zone {self.time_zone!r} is not known here: choose one such as America/Toronto"
            )
        if not 0.0 <= self.learns_s < DAY_S:
            mistakes.append(
                f"{FUNCTION}.learns_s is {self.learns_s:g}: choose 0 to below 86400, seconds after midnight"
            )
        if mistakes:
            raise ConfigurationFault(tuple(mistakes))
