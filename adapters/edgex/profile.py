"""Devices and profiles of core-metadata, and what of them could be a device here; pure.

Source: edgexfoundry/edgex-go, openapi core-metadata.yaml 4.0: MultiDevicesResponse, DeviceProfileResponse, ResourceProperties (valueType,
readWrite, units, minimum, maximum). Units are free text there: what is none of ours is asked of people.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from adapters.edgex.messages import FLOATS, INTEGERS, VERSIONS, json_in
from adapters.knobs.units import SCALES, number
from grid_functions.model.device import Role
from grid_functions.model.errors import MalformedMessage
from grid_functions.model.units import Quantity

_SPELLINGS: Final[Mapping[str, str]] = {
    "W": "w watt watts",
    "kW": "kw kilowatt kilowatts",
    "Wh": "wh watthours",
    "kWh": "kwh kilowatthours",
    "A": "a amp amps ampere amperes",
    "V": "v volt volts",
    "Hz": "hz hertz",
    "%": "percent pct",
    "°C": "c degc celsius degreescelsius",
    "°F": "f degf fahrenheit degreesfahrenheit degreesfarenheit",
}
_SPELLED: Final[Mapping[str, str]] = {
    **{unit: unit for units in SCALES.values() for unit in units},
    **{word: unit for unit, words in _SPELLINGS.items() for word in words.split()},
}
_LIMIT: Final = re.compile(r"lim|max|curtail|cap", re.IGNORECASE)
_CHARGING: Final = re.compile(r"charg|consum|import|load", re.IGNORECASE)
_PRODUCED: Final = re.compile(r"export|produc|generat|deliver|discharg", re.IGNORECASE)
_SOC: Final = re.compile(r"soc|charge|battery", re.IGNORECASE)
_SWITCH: Final = re.compile(r"switch|relay|on|enable|power|run|output", re.IGNORECASE)
_PHASES: Final = re.compile(r"(?:phase|l|[ui])_?(?:(1|a)|(2|b)|(3|c))(?:n|$|[^0-9a-z])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Resource:
    """``unit``: one of ours, empty = none that is known; ``said``: as the profile spells it."""

    name: str
    kind: str
    access: str
    unit: str = ""
    said: str = ""
    most: float | None = None

    @property
    def numeric(self) -> bool:
        """Whether it is one."""
        return self.kind in INTEGERS or self.kind in FLOATS


@dataclass(frozen=True, slots=True)
class Profile:
    """What a kind of device is made of."""

    name: str
    maker: str = ""
    model: str = ""
    resources: tuple[Resource, ...] = ()


@dataclass(frozen=True, slots=True)
class Listed:
    """A device. ``state``: admin and operating."""

    name: str
    profile: str
    state: str


@dataclass(frozen=True, slots=True)
class Could:
    """What a device could be. ``options``: its resources as the configuration names them; ``open``: what a profile cannot answer."""

    device: str
    role: Role
    profile: Profile
    state: str
    options: Mapping[str, str | float] = field(default_factory=dict)
    open: tuple[str, ...] = ()


def devices_in(body: bytes) -> tuple[list[Listed], int]:
    """One page of ``/device/all``, and how many there are. Raises MalformedMessage."""
    plain = _answer(body)
    found, total = plain.get("devices"), plain.get("totalCount")
    if not isinstance(found, list) or isinstance(total, bool) or not isinstance(total, int):
        raise MalformedMessage("a page of devices has devices and totalCount")
    named = [one for one in found if isinstance(one, dict) and _text(one, "name") and _text(one, "profileName")]
    states = [f"{_text(one, 'adminState')} {_text(one, 'operatingState')}".strip() for one in named]
    listed = [
        Listed(_text(one, "name"), _text(one, "profileName"), state) for one, state in zip(named, states, strict=True)
    ]
    return listed, total


def profile_in(body: bytes) -> Profile:
    """``/deviceprofile/name/{name}``. Raises MalformedMessage."""
    plain = _answer(body).get("profile")
    if not isinstance(plain, dict) or not _text(plain, "name"):
        raise MalformedMessage("a profile has a name")
    resources = plain.get("deviceResources")
    found = [_resource(one) for one in resources if isinstance(one, dict)] if isinstance(resources, list) else []
    told = tuple(one for one in found if one is not None)
    return Profile(_text(plain, "name"), _text(plain, "manufacturer"), _text(plain, "model"), told)


def could(device: Listed, profile: Profile) -> Could | None:
    """The role that it could have, and its options; None where nothing of it is measured or set that we know."""
    options: dict[str, str | float] = {}
    open_: list[str] = []
    for one in profile.resources:
        name, text = _option(one)
        if not name:
            continue
        if name in options:
            open_.append(f"{name}: {one.name} as well")
            continue
        options[name] = text
        if name == "limit_current" and one.most:
            options["maximum_a"] = one.most
        if (
            name in ("limit_production", "limit_consumption", "target_power")
            and one.most
            and one.unit in SCALES[Quantity.NET]
        ):
            options.setdefault("rated_w", one.most * SCALES[Quantity.NET][one.unit])
    watts = {"limit_production", "limit_consumption", "target_power"} & options.keys()
    if watts and "rated_w" not in options:
        open_.append("rated_w: no profile tells it")
    if "power" in options:
        open_.append("power: positive must be consumption; else write -1 before its unit")
    if "target_power" in options:
        open_.append("target_power: positive must be charging; else write -1 before its unit")
    role = _role(options)
    return None if role is None else Could(device.name, role, profile, device.state, options, tuple(open_))


def _role(options: Iterable[str]) -> Role | None:
    has = set(options)
    if "target_power" in has or ("state_of_charge" in has and has & {"limit_production", "limit_consumption"}):
        return Role.BATTERY
    if "limit_production" in has:
        return Role.PV
    if has & {"limit_current", "limit_consumption"}:
        return Role.EVSE
    if has & {"set_temperature", "switch"}:
        return Role.LOAD
    return Role.METER if "power" in has else None


def _option(one: Resource) -> tuple[str, str]:
    """Which option a resource could be, and how it is written there."""
    writable, readable = "W" in one.access, "R" in one.access
    if one.kind == "Bool" and writable and readable and _SWITCH.search(one.name):
        return "switch", one.name
    if not one.numeric or not one.unit or not readable:
        return "", ""
    text = f"{one.name} {one.unit}"
    if writable:
        return _set_by(one), text
    if one.unit in SCALES[Quantity.NET]:
        return "power", text
    if one.unit in SCALES[Quantity.ENERGY_CONSUMED]:
        return ("energy_produced" if _PRODUCED.search(one.name) else "energy"), text
    if one.unit in SCALES[Quantity.TEMPERATURE]:
        return "temperature", text
    if one.unit == "Hz":
        return "frequency", text
    if one.unit == "%":
        return ("state_of_charge" if _SOC.search(one.name) else ""), text
    phase = _PHASES.search(one.name)
    letter = "abc"[(phase.lastindex or 1) - 1] if phase else "a"
    return f"{'voltage' if one.unit in SCALES[Quantity.VOLTAGE] else 'current'}_{letter}", text


def _set_by(one: Resource) -> str:
    if one.unit in SCALES[Quantity.NET]:
        if not _LIMIT.search(one.name):
            return "target_power"
        return (
            "limit_consumption" if _CHARGING.search(one.name) and not _PRODUCED.search(one.name) else "limit_production"
        )
    if one.unit in SCALES[Quantity.CURRENT]:
        return "limit_current"
    return "set_temperature" if one.unit in SCALES[Quantity.TEMPERATURE] else ""


def _resource(one: Mapping[str, Any]) -> Resource | None:
    properties, name = one.get("properties"), _text(one, "name")
    if not name or one.get("isHidden") is True or not isinstance(properties, dict):
        return None
    said = _text(properties, "units")
    unit = _SPELLED.get(said.strip()) or _SPELLED.get(re.sub(r"[\s_.]", "", said).lower(), "")
    told = number(properties.get("maximum"))
    most = told if told is not None and 0 < told < 1e9 else None
    access = _text(properties, "readWrite")
    return Resource(name, _text(properties, "valueType"), access, unit, said, most)


def _answer(body: bytes) -> dict[str, Any]:
    plain = json_in(body)
    if not isinstance(plain, dict) or plain.get("apiVersion") not in VERSIONS:
        raise MalformedMessage("no answer of core-metadata")
    code = plain.get("statusCode", 200)
    if code != 200:
        raise MalformedMessage(f"{code} {_text(plain, 'message')}")
    return plain


def _text(one: Mapping[str, Any], name: str) -> str:
    said = one.get(name)
    return "".join(each for each in said[:200] if each.isprintable()) if isinstance(said, str) else ""
