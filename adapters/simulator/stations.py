"""The charging stations of a site that speak OCPP: what they draw, and each one's connection to its central system. Awaits."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.simulator.car import Car
from adapters.simulator.charge_point import ChargePoint, PointPlan
from adapters.simulator.charging import ChargingStation
from adapters.simulator.fields import PlanError, known, number, text
from adapters.simulator.plan import StationPlan, parse_car
from adapters.simulator.site import Draw, Row


@dataclass(slots=True)
class _Berth:
    """`away_until_s`: it does not connect before."""

    point: ChargePoint
    station: ChargingStation | None = None
    running: asyncio.Task[None] | None = None
    away_until_s: float = 0.0
    cars: list[Car | None] = field(default_factory=list)


class Stations:
    """A command is taken at once and carried out in `attend`, which may wait for the wire."""

    def __init__(self, plans: tuple[StationPlan, ...], clock: Callable[[], float]) -> None:
        self._clock = clock
        self._berths = {
            one.name: _Berth(
                ChargePoint(
                    PointPlan(one.version, maximum_a=one.maximum_a, phases=one.phases, serial=one.serial), clock()
                ),
                cars=[one.car],
            )
            for one in plans
        }

    def takes(self, message: Mapping[str, Any]) -> bool:
        """Whether a command is theirs: `central`, `cut`, and `car` where the device is one of them."""
        what, name = message.get("do"), message.get("device")
        return what in ("central", "cut") or (what == "car" and isinstance(name, str) and name in self._berths)

    def draws(self) -> dict[str, Draw]:
        """What each does now."""
        now_s = self._clock()
        return {
            name: Draw(
                limit_a=berth.point.offered_a(now_s),
                drawn_a=berth.point.drawn_a(now_s),
                phases=berth.point.used(now_s) or berth.point.plan.phases,
                connected=berth.running is not None and berth.station is not None and berth.station.connected,
            )
            for name, berth in self._berths.items()
        }

    def heard(self) -> tuple[Row, ...]:
        """What they were told and asked since the last time, with the limit in it, A."""
        return tuple(
            Row(t_s, name, 0, action, limit_a)
            for name, berth in self._berths.items()
            for t_s, action, limit_a in berth.point.heard()
        )

    def command(self, message: Mapping[str, Any]) -> None:
        """Take a command. PlanError says what is wrong with it."""
        name = message.get("device")
        if not isinstance(name, str) or name not in self._berths:
            raise PlanError(f"{message['do']}: no station {name!r}; there are {', '.join(self._berths) or 'none'}")
        berth = self._berths[name]
        match message["do"]:
            case "car":
                known(message, {"do", "device", "car"}, "car")
                berth.cars.append(None if message.get("car") is None else parse_car(message["car"], "car.car"))
            case "central":
                known(message, {"do", "device", "url", "password"}, "central")
                url = text(message.get("url"), "central.url")
                password = message.get("password")
                said = None if password is None else text(password, "central.password").encode()
                berth.station = ChargingStation(berth.point, url, name, self._clock, said)
                _let_go(berth)
            case _:
                known(message, {"do", "device", "for_s"}, "cut")
                berth.away_until_s = self._clock() + number(message.get("for_s", 0.0), "cut.for_s", 0, 3600)
                _let_go(berth)

    async def attend(self) -> None:
        """Cars come and go; who is to be connected is."""
        for name, berth in self._berths.items():
            while berth.cars:
                car = berth.cars.pop(0)
                if berth.station is None:
                    berth.point.plug(car, self._clock())
                else:
                    await berth.station.plug(car)
            if berth.station is not None and berth.running is None and self._clock() >= berth.away_until_s:
                berth.running = asyncio.create_task(berth.station.run(), name=f"station {name}")

    async def close(self) -> None:
        """Hang up."""
        tasks = [berth.running for berth in self._berths.values() if berth.running is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _let_go(berth: _Berth) -> None:
    if berth.running is not None:
        berth.running.cancel()
    berth.running = None
