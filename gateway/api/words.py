"""What people may say over the socket, as words of the ground floor. What cannot be meant is refused with what can."""

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from gateway.api.bodies import text_of
from gateway.loop import SiteLoop
from gateway.reports import control_of
from grid_functions.model.claim import SourceKind
from grid_functions.model.control import (
    Connect,
    Control,
    Energize,
    ExportLimit,
    GenerationLimit,
    ImportLimit,
    LoadLimit,
    MaxPower,
    StoragePower,
    TargetPower,
    Thermostat,
)
from grid_functions.model.errors import OperatorFault
from grid_functions.model.event import EventKey
from grid_functions.model.policy import OptOut
from grid_functions.timeline.state import Opt, Phase
from grid_functions.words import Lock, Override, Release, Word

Sites = Mapping[str, SiteLoop]

_MADE: dict[str, tuple[Callable[[float], Control], float, float]] = {
    "export_limit": (ExportLimit, 0.0, 1e9),
    "import_limit": (ImportLimit, 0.0, 1e9),
    "generation_limit": (GenerationLimit, 0.0, 1e9),
    "load_limit": (LoadLimit, 0.0, 1e9),
    "max_power": (MaxPower, 0.0, 100.0),
    "target_power": (TargetPower, -1e9, 1e9),
    "storage_power": (StoragePower, -1e9, 1e9),
    "temperature": (partial(Thermostat, offset=False), -50.0, 100.0),
    "temperature_offset": (partial(Thermostat, offset=True), -20.0, 20.0),
}
_SWITCHES: dict[str, Control] = {"off": Energize(on=False), "disconnect": Connect(on=False)}
_AT_CONNECTION = frozenset({"export_limit", "import_limit"})
LOCK = "lock"
KINDS = (*_MADE, *_SWITCHES, LOCK)
"""What can be wanted; limits and targets take a value, W, for max_power percent, °C, K."""

_VOICES = {"operator": SourceKind.OPERATOR, "occupant": SourceKind.OCCUPANT}


def opts_of(sites: Sites, body: Mapping[str, Any]) -> list[tuple[SiteLoop, Opt]]:
    """{event, out, upstream?}: the opt for every respondent that knows the event. Raises OperatorFault."""
    name, out, upstream = text_of(body, "event"), body.get("out"), body.get("upstream")
    if not isinstance(out, bool):
        raise OperatorFault("in or out is missing", "say 'osed opt EVENT out'")
    found: list[tuple[SiteLoop, Opt]] = []
    over = closed = ""
    known = set[str]()
    for site in sites.values():
        for respondent, times in site.state.timelines.items():
            live = {key for key, one in times.kept.events.items() if one.phase is not Phase.DONE}
            known |= live
            if name not in times.kept.events or upstream not in (None, respondent.upstream):
                continue
            policy = site.plan.policies.get(respondent)
            if name not in live or policy is None:
                over = name
            elif policy.opt_out is OptOut.NONE:
                closed = respondent.upstream
            else:
                found.append((site, Opt(EventKey(respondent, name), out)))
    if found:
        return found
    if closed:
        raise OperatorFault(f"upstream {closed} lets nobody opt out", "its opt_out in osed.yaml is none")
    if over:
        raise OperatorFault(f"event {over} is over", "nothing is left to opt out of")
    listed = ", ".join(sorted(known)[:10]) or "none at all"
    raise OperatorFault(f"no event {name!r} is known", f"there are: {listed}")


def dropped(site: SiteLoop, opt: Opt) -> str:
    """What an opt-out takes of its event: all, or its targets alone."""
    return site.plan.policies[opt.event.respondent].opt_out.value


def overrides_of(sites: Sites, body: Mapping[str, Any], utc_s: float) -> tuple[SiteLoop, list[Override | Lock]]:
    """{site?, kind, value?, by?, devices?, for_s?}. Raises OperatorFault."""
    site = _site(sites, body)
    kind, by = text_of(body, "kind").replace("-", "_"), str(body.get("by", "operator"))
    if kind not in KINDS:
        raise OperatorFault(f"{kind!r} cannot be wanted", f"choose one of {', '.join(KINDS)}")
    if by not in _VOICES:
        raise OperatorFault(f"{by!r} has no voice here", f"choose one of {', '.join(_VOICES)}")
    devices = _devices(site, body.get("devices") or ())
    until_utc_s = _until(body.get("for_s"), utc_s)
    if kind == LOCK:
        if by != "operator" or not devices:
            raise OperatorFault("a lock is the operator's, of a device", "name it with --device")
        return site, [Lock(name, utc_s, until_utc_s) for name in sorted(devices)]
    if devices and kind in _AT_CONNECTION:
        raise OperatorFault(f"{kind} is of the connection, not of a device", "leave --device out, or limit the device")
    control = _SWITCHES.get(kind) or _valued(kind, body.get("value"))
    return site, [Override(_VOICES[by], control, utc_s, until_utc_s, devices)]


def releases_of(sites: Sites, body: Mapping[str, Any]) -> list[tuple[SiteLoop, Release]]:
    """{name, site?} or {all: true, site?}. Raises OperatorFault when there is nothing of that name."""
    asked = sites.values() if body.get("site") is None else [_site(sites, body)]
    held = [(site, name) for site in asked for name in sorted(site.state.words.holds)]
    if body.get("all") is True:
        return [(site, Release(name)) for site, name in held]
    named = text_of(body, "name")
    wanted = [(site, Release(name)) for site, name in held if name == named]
    if not wanted:
        names = ", ".join(name for _, name in held)
        raise OperatorFault(f"nothing named {named!r} is held", f"there is: {names}" if names else "nothing is held")
    return wanted


def told(site: SiteLoop, utc_s: float) -> list[dict[str, Any]]:
    """All that holds at a site because somebody said so."""
    held = [
        {
            "name": name,
            "control": control_of(one.control) if isinstance(one, Override) else "locked to zero",
            "devices": sorted(one.devices) if isinstance(one, Override) else [one.device],
            "since_s": round(utc_s - one.since_utc_s, 1),
            "ends_in_s": None if one.until_utc_s is None else round(one.until_utc_s - utc_s, 1),
        }
        for name, one in sorted(site.state.words.holds.items())
    ]
    opted: list[dict[str, Any]] = [
        {"name": f"opt/{event.id}", "control": "opted out", "devices": [], "since_s": None, "ends_in_s": None}
        for event in sorted(site.state.words.opts)
    ]
    return held + opted


def word_name(word: Word) -> str:
    """By which a word is known afterwards."""
    return f"opt/{word.event.id}" if isinstance(word, Opt) else word.name


def _site(sites: Sites, body: Mapping[str, Any]) -> SiteLoop:
    name = body.get("site")
    if name is None and len(sites) == 1:
        return next(iter(sites.values()))
    if not isinstance(name, str) or name not in sites:
        raise OperatorFault(
            "which site is meant is missing" if name is None else f"no site is named {name!r}",
            f"there are: {', '.join(sorted(sites))}",
        )
    return sites[name]


def _devices(site: SiteLoop, names: Iterable[Any]) -> frozenset[str]:
    found = frozenset(str(name) for name in names)
    strange = sorted(found - site.plan.terms.devices.keys())
    if strange:
        known = ", ".join(sorted(site.plan.terms.devices))
        raise OperatorFault(f"site {site.plan.terms.name} has no device named {strange[0]!r}", f"there are: {known}")
    return found


def _valued(kind: str, value: Any) -> Control:
    make, low, high = _MADE[kind]
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    if not low <= number <= high:
        raise OperatorFault(f"{kind} of {value!r} cannot be meant", f"give {low:g} to {high:g}")
    return make(float(number))


def _until(for_s: Any, utc_s: float) -> float | None:
    if for_s is None:
        return None
    number = for_s if isinstance(for_s, int | float) and not isinstance(for_s, bool) else math.nan
    if not 0 < number <= 366 * 86_400:
        raise OperatorFault(f"a time of {for_s!r} s cannot be meant", "give more than 0 s and at most a year")
    return utc_s + float(number)
