"""What the configuration may say about a SunSpec device."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal, TypeVar

from adapters.devices.sunspec.abilities import Series
from adapters.devices.sunspec.meter import Positive
from adapters.devices.sunspec.profiles import PfSign, Profile, named
from adapters.modbus.frames import MAX_READ


class Kind(StrEnum):
    """Which of the devices behind one unit is meant; some makers put inverter and meter into one map."""

    INVERTER = "inverter"
    METER = "meter"


@dataclass(frozen=True, slots=True)
class SunSpecOptions:
    """``kind``: None takes the first inverter, else the first meter. ``max_read``: registers per read, 4..125.

    ``meter_positive``: the direction of power that the meter counts positive. ``function``: 3, or 4 for input registers.
    ``profile``: a maker's habits by name, where the device must be known before it answers; else by what model 1 says.
    ``prefer``: the series to write where a device has both, 700 or 100; ``pf_sign``: which sign of a power factor injects var where
    the device does not show it, eei or iec; ``one_value_per_read``, ``enable_edge``, ``limit_step_pct``: as
    :class:`.profiles.Profile` has them. What is not said here is as the profile says.
    """

    kind: Kind | None = None
    meter_positive: Positive = Positive.IMPORT
    max_read: int = MAX_READ
    function: Literal[3, 4] = 3
    profile: str = ""
    prefer: Series | None = None
    pf_sign: PfSign | None = None
    one_value_per_read: bool | None = None
    enable_edge: bool | None = None
    limit_step_pct: float | None = None

    def __post_init__(self) -> None:
        # The configuration says these as plain words.
        object.__setattr__(self, "kind", None if self.kind is None else _word(Kind, "kind", self.kind))
        object.__setattr__(self, "meter_positive", _word(Positive, "meter_positive", self.meter_positive))
        if type(self.max_read) is not int or not 4 <= self.max_read <= MAX_READ:
            raise ValueError(f"max_read: {self.max_read!r} is no whole number from 4 to {MAX_READ}")
        if self.function not in (3, 4):
            raise ValueError(f"function: {self.function!r} is neither 3 nor 4")
        if self.profile:
            named(self.profile)
        if self.prefer not in (None, 700, 100):
            raise ValueError(f"prefer: {self.prefer!r} is neither 700 nor 100")
        if self.pf_sign not in (None, "eei", "iec"):
            raise ValueError(f"pf_sign: {self.pf_sign!r} is neither eei nor iec")
        for name in ("enable_edge", "one_value_per_read"):
            if (flag := getattr(self, name)) not in (None, True, False):
                raise ValueError(f"{name}: {flag!r} is neither true nor false")
        step = self.limit_step_pct
        if step is not None and (isinstance(step, bool) or not isinstance(step, int | float) or not 0 <= step <= 10):
            raise ValueError(f"limit_step_pct: {step!r} is no number from 0 to 10")

    def over(self, profile: Profile) -> Profile:
        """The profile as this device was found to depart from it."""
        said: dict[str, Any] = {
            "prefer": self.prefer,
            "pf_sign": self.pf_sign,
            "one_value_per_read": self.one_value_per_read,
            "enable_edge": self.enable_edge,
            "limit_step_pct": None if self.limit_step_pct is None else float(self.limit_step_pct),
        }
        return replace(profile, **{name: value for name, value in said.items() if value is not None})


_Word = TypeVar("_Word", bound=StrEnum)


def _word(words: type[_Word], name: str, value: str) -> _Word:
    try:
        return words(value)
    except ValueError:
        raise ValueError(f"{name}: {value!r} is none of {', '.join(words)}") from None
