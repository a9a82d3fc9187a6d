"""The control channel's vocabulary: one JSON object in, the changed site and one JSON object out. Pure.

sun {fraction, over_s?}   load {w, over_s?}   grid {volts_pct?, hz?, over_s?}
quirk {device, set: {name: value}}   car {device, car: {...} or null}   state   dump {since_s?}   stop
and of stations that speak OCPP: central {device, url, password?}   cut {device, for_s?}

A device that is a profile has three of the quirks: ignores, mute (what it is asked meanwhile is lost) and revert_off (its watchdog sleeps).
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from adapters.registers.map import Sort
from adapters.simulator.fields import PlanError, known, number, table
from adapters.simulator.plan import parse_car
from adapters.simulator.quirks import Quirks, parse_quirks
from adapters.simulator.site import Site
from adapters.simulator.twin import Twin


def apply(site: Site, message: Mapping[str, Any]) -> Site:
    """The site after a command; a reading one leaves it as it is. PlanError says what is wrong with the command."""
    match message.get("do"):
        case "sun":
            _known(message, {"do", "fraction", "over_s"})
            return site.with_sun(_number(message, "fraction", 1.5), _number(message, "over_s", 1e6, 0.0))
        case "load":
            _known(message, {"do", "w", "over_s"})
            top = site.plan.meter.full_scale_w
            return site.with_load(_number(message, "w", top), _number(message, "over_s", 1e6, 0.0))
        case "grid":
            _known(message, {"do", "volts_pct", "hz", "over_s"})
            volts = _number(message, "volts_pct", 150) if "volts_pct" in message else None
            hertz = _number(message, "hz", 70) if "hz" in message else None
            return site.with_grid(volts, hertz, _number(message, "over_s", 1e6, 0.0))
        case "quirk":
            _known(message, {"do", "device", "set"})
            device = message.get("device")
            if isinstance(device, str) and device in site.twins:
                return site.with_twin(device, _quirked(site.twins[device], message.get("set")))
            if not isinstance(device, str) or device not in _names(site):
                raise PlanError(f"quirk: no device {device!r}; there are {', '.join(_names(site))}")
            return site.with_quirks(
                device, parse_quirks(message.get("set"), "quirk.set", site.quirks(device), site.kind(device))
            )
        case "car":
            _known(message, {"do", "device", "car"})
            device, twin = _twin(site, message)
            car = None if message.get("car") is None else parse_car(message["car"], "car.car")
            return site.with_twin(device, twin.plugged(car))
        case "state" | "stop":
            _known(message, {"do"})
        case "dump":
            _known(message, {"do", "since_s"})
        case other:
            raise PlanError(
                f"unknown command {other!r}; known are sun, load, grid, quirk, car, central, cut, state, dump, stop"
            )
    return site


def since(message: Mapping[str, Any]) -> float:
    """From which instant a dump is wanted; everything unless it says."""
    return _number(message, "since_s", 1e12, 0.0) if "since_s" in message else -1.0


def shown(site: Site) -> dict[str, Any]:
    """The site's true state for a reader: powers in W, meter positive = import, production positive."""
    return {
        "t_s": site.t_s,
        "sun": site.sun.at(site.t_s),
        "load_w": site.load_w,
        "meter_w": site.meter_w,
        "devices": {
            inverter.plan.name: {
                "available_w": site.available_w(inverter.plan),
                "produced_w": site.produced_w(inverter.plan.name),
                "produced_var": site.produced_var(inverter.plan.name),
                "quirks": _on(inverter.quirks),
            }
            for inverter in site.inverters
        }
        | {site.meter.plan.name: {"quirks": _on(site.meter.quirks)}}
        | {name: _shown(twin) for name, twin in site.twins.items()}
        | {name: {"consumed_w": draw.power_w, **asdict(draw)} for name, draw in site.stations.items()},
    }


def _shown(twin: Twin) -> dict[str, Any]:
    if twin.profile.kind is not Sort.CHARGER:
        return {"consumed_w": twin.power_w, "soc_pct": twin.soc_pct}
    return {
        "consumed_w": twin.power_w,
        "limit_a": twin.limit_a,
        "drawn_a": twin.drawn_a,
        "phases": twin.phases,
        "vehicle": twin.state,
        "session_wh": twin.session_wh,
        "fell_back": twin.fell_back,
    }


def _quirked(twin: Twin, data: object) -> Twin:
    given = table(data, "quirk.set")
    known(given, {"ignores", "mute", "revert_off"}, "quirk.set")
    if not all(isinstance(on, bool) for on in given.values()):
        raise PlanError("quirk.set: these quirks are true or false")
    return replace(
        twin,
        obeys=not given.get("ignores", not twin.obeys),
        mute=given.get("mute", twin.mute),
        watches=not given.get("revert_off", not twin.watches),
    )


def _twin(site: Site, message: Mapping[str, Any]) -> tuple[str, Twin]:
    device = message.get("device")
    if not isinstance(device, str) or device not in site.twins:
        raise PlanError(f"{message['do']}: no twin {device!r}; there are {', '.join(site.twins) or 'none'}")
    return device, site.twins[device]


def _names(site: Site) -> list[str]:
    return [*(i.plan.name for i in site.inverters), site.meter.plan.name]


def _on(quirks: Quirks) -> list[str]:
    return [name for name, on in asdict(quirks).items() if on]


def _known(message: Mapping[str, Any], names: set[str]) -> None:
    if strangers := sorted(set(message) - names):
        raise PlanError(f"{message['do']}: unknown {', '.join(strangers)}")


def _number(message: Mapping[str, Any], name: str, high: float, default: float | None = None) -> float:
    return number(message.get(name, default), f"{message['do']}.{name}", 0, high)
