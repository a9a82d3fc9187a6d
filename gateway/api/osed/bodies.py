"""What OSED's own interface takes, by its names and limits; what is said of times and windows is checked too, which it is not there.

Times need a zone: without one nobody knows when is meant.
"""

from datetime import datetime, timedelta
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, model_validator

Price = Annotated[float, Field(ge=-1e4, le=1e4, allow_inf_nan=False)]
Kilowatts = Annotated[float, Field(gt=0, le=30, allow_inf_nan=False)]
DAY = timedelta(days=1)
STEP = timedelta(minutes=10)
STEPS = 144
"""A tariff's day: 144 steps of ten minutes."""

_RANGES = {
    "space_heating": (10, 30),
    "electric_storage": (-100, 100),
    "on_off_ev_charger": (0, 1),
    "electric_vehicle_v1g": (-100, 100),
    "electric_vehicle_v2g": (-100, 100),
    "water_heater": (30, 70),
}


class Body(BaseModel):
    """An unknown field is a mistake: whoever sends it means something by it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Setpoint(Body):
    """``setpoint``: degrees Celsius, percent, or on and off, by ``device``; ``duration`` in minutes."""

    device: Literal[
        "space_heating",
        "electric_storage",
        "on_off_ev_charger",
        "electric_vehicle_v1g",
        "electric_vehicle_v2g",
        "water_heater",
    ] = "space_heating"
    setpoint: int = 20
    duration: Annotated[int, Field(ge=5, le=240)] = 5

    @model_validator(mode="after")
    def _in_range(self) -> Self:
        low, high = _RANGES[self.device]
        if not low <= self.setpoint <= high:
            raise ValueError(f"setpoint of {self.device} is {self.setpoint}: give {low} to {high}")
        return self


class PowerLimit(Body):
    """``limit`` of each building, kW."""

    limit: Kilowatts


class Flat(Body):
    """``date``: the day it is of."""

    flat_price: Annotated[Price, Field(ge=0)] = 0.08
    date: AwareDatetime | None = None


class TimeOfUse(Body):
    """Both windows lie within the day of ``date``."""

    date: AwareDatetime | None = None
    start_peak: AwareDatetime | None = None
    stop_peak: AwareDatetime | None = None
    off_peak_value: Price = 0.05
    on_peak_value: Price = 0.25


class Shift(Body):
    """``increase`` and ``reduction`` are of the price, as OSED's code has them: by its defaults energy is cheap from 16 to 21."""

    date: AwareDatetime | None = None
    flat_price: Price = 0.08
    reduction_multiplier: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = 0.5
    increase_multiplier: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = 2.0
    start_increase: AwareDatetime | None = None
    stop_increase: AwareDatetime | None = None
    start_reduction: AwareDatetime | None = None
    stop_reduction: AwareDatetime | None = None


class Mpc(Body):
    """``prices`` per kWh and ``power_limit`` in kW by the beginning of each step of ``interval`` minutes, from ``start`` to ``stop``."""

    space_heating: bool = True
    electric_storage: bool = True
    electric_vehicle: bool = True
    water_heater: bool = True
    prices: Annotated[dict[AwareDatetime, Price], Field(min_length=1, max_length=1008)]
    power_limit: Annotated[dict[AwareDatetime, Kilowatts], Field(min_length=1, max_length=1008)]
    interval: Annotated[int, Field(ge=1, le=100)] = 10
    start: AwareDatetime
    stop: AwareDatetime

    @model_validator(mode="after")
    def _one_grid(self) -> Self:
        step = timedelta(minutes=self.interval)
        steps = -(-(self.stop - self.start) // step)
        if not 0 < steps <= 1008:
            raise ValueError("stop must lie after start, and no more than 1008 steps of interval")
        wanted = dict.fromkeys(self.start + k * step for k in range(steps))
        for name in ("prices", "power_limit"):
            given = getattr(self, name)
            missing = next((one for one in wanted if one not in given), None)
            if missing is not None:
                raise ValueError(
                    f"{name} has no value for {missing.isoformat()}: one for each step from start until stop"
                )
            odd = next((one for one in given if one not in wanted and one != self.stop), None)
            if odd is not None:
                raise ValueError(f"{name} has a value for {odd.isoformat()}, which is no step from start until stop")
        return self

    @property
    def steps(self) -> tuple[datetime, ...]:
        """The beginning of each step."""
        step = timedelta(minutes=self.interval)
        return tuple(self.start + k * step for k in range(-(-(self.stop - self.start) // step)))


Seconds = TypeAdapter(Annotated[int, Field(ge=60, le=600)])
DeviceName = Annotated[str, StringConstraints(min_length=1, max_length=64)]


def flat(told: Flat) -> tuple[float, ...]:
    """Its prices by step."""
    return (told.flat_price,) * STEPS


def time_of_use(told: TimeOfUse, midnight: datetime) -> tuple[float, ...]:
    """Its prices by step. Raises ValueError for a window that is none of the day."""
    dear = _window(told.start_peak, told.stop_peak, midnight, "peak", 16, 21)
    return tuple(told.on_peak_value if k in dear else told.off_peak_value for k in range(STEPS))


def shift(told: Shift, midnight: datetime) -> tuple[float, ...]:
    """Its prices by step: where both windows hold, the reduction stands, as it does there. Raises ValueError."""
    dear = _window(told.start_increase, told.stop_increase, midnight, "increase", 10, 15)
    cheap = _window(told.start_reduction, told.stop_reduction, midnight, "reduction", 16, 21)
    factor = [
        told.reduction_multiplier if k in cheap else told.increase_multiplier if k in dear else 1.0
        for k in range(STEPS)
    ]
    return tuple(told.flat_price * one for one in factor)


def _window(
    start: datetime | None, stop: datetime | None, midnight: datetime, name: str, first: int, last: int
) -> range:
    """The steps of a window: those that begin in it."""
    begin = midnight + timedelta(hours=first) if start is None else start
    end = midnight + timedelta(hours=last) if stop is None else stop
    if not midnight <= begin < end <= midnight + DAY:
        raise ValueError(f"start_{name} and stop_{name} must lie within the day of date, the one before the other")
    return range(-(-(begin - midnight) // STEP), -(-(end - midnight) // STEP))
