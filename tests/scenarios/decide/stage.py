"""Plays scenarios of one decision: devices, what is asked and the meter in, setpoints out.

A scenario is ``{name, why, devices, site, asks, meter, expect, lost, alarms}``:

* ``devices``: {name: {role, rated, power, charge, can, only, ...}}; ``power`` positive = consume, none = unmeasured; ``can``: modes obeyed
  natively (default all), ``only``: {mode: means} approximated; ``holds``: what it holds; other keys are fields of its nameplate;
* ``functions``: {function: its options};
* ``site``: fields of SiteTerms, and ``export``/``import``: ratings of the connection; ``meter``: W, positive = import, none = no meter;
* ``asks``: [{by: utility | aggregator | operator | occupant, level, event, ...one control by its class: its arguments}]; several controls
  under one ``event`` are of one event; ``standing: true`` is a default;
* ``expect``: {device: fields of its Setpoint}, complete but for ``limits``, which are compared only where they are told;
* ``refused``: words of what is told upstream of events that nobody can serve;
* ``lost``: ["mode to mode why"], complete where told; ``alarms``: words found in the alarms.
"""

from dataclasses import fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args, get_type_hints

import yaml
from pydantic import TypeAdapter

from grid_functions.catalogue import SITE
from grid_functions.decide import Decision
from grid_functions.model import control as vocabulary
from grid_functions.model import tariff
from grid_functions.model.claim import Bound, SourceKind
from grid_functions.model.control import Control, CurvePoint, Mode
from grid_functions.model.device import Ability, Capability, Condition, How, Nameplate, Role, Seen
from grid_functions.model.event import Event, Rank, Standing
from grid_functions.model.outcome import OutcomeKind
from grid_functions.model.policy import BaselineKind, BaselineTerms, Connection, DeviceTerms, SiteTerms, Yield
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.setpoint import Reactive, Revert, Setpoint
from grid_functions.model.units import Quantity
from tests.grid_functions.house import UTILITY
from tests.scenarios.decide.site import AGGREGATOR, Site, event, override, policy

HERE = Path(__file__).parent
_RESPONDENTS = {"utility": UTILITY, "aggregator": AGGREGATOR}


def scenarios(*files: str) -> list[dict[str, Any]]:
    """All scenarios of these files."""
    return [one for file in files for one in yaml.safe_load((HERE / file).read_text())]


def played(scenario: dict[str, Any]) -> Decision:
    """The first decision of this site."""
    told = scenario.get("site", {})
    devices = [_seen(name, one) for name, one in scenario["devices"].items()]
    connection = Connection(export_limit_w=told.get("export"), import_limit_w=told.get("import"))
    names = frozenset(one.device for one in devices)
    terms = SiteTerms(
        name="house",
        connection=connection,
        devices={one.device: DeviceTerms(one.role, locked=one.device in told.get("locked", ())) for one in devices},
        respondents={UTILITY: names, AGGREGATOR: names},
        yields=Yield(told.get("yield", "pv")),
        baseline=BaselineTerms(BaselineKind(told.get("baseline", "like_hours"))),
        approximate=frozenset(map(Mode, told.get("approximate", ()))),
        protection=told.get("protection", False),
    )
    policies = {UTILITY: policy(), AGGREGATOR: policy(AGGREGATOR, SourceKind.OPENADR)}
    functions = {
        name: maker.build(TypeAdapter(maker.options).validate_python(scenario.get("functions", {}).get(name, {})))
        for name, maker in SITE.items()
    }
    site = Site(devices, terms, policies, functions, meter_w=scenario.get("meter", 0.0))
    reads, overrides = [], []
    for voice in ("utility", "aggregator"):
        events: dict[str, Event] = {}
        standings: list[Standing] = []
        for number, ask in enumerate(one for one in scenario["asks"] if one.get("by", "utility") == voice):
            control, level = _control(ask), float(ask.get("level", 1))
            if ask.get("standing"):
                standings.append(Standing(f"d{number}", Rank(level), (control,)))
                continue
            name = ask.get("event", f"{voice}-{number}")
            before = events[name].intervals[0].controls if name in events else ()
            events[name] = event(
                name, *before, control, level=level, program=f"p{level:g}", respondent=_RESPONDENTS[voice]
            )
        if events or standings:
            reads.append(site.read(0.0, *events.values(), standings=tuple(standings), respondent=_RESPONDENTS[voice]))
    for ask in scenario["asks"]:
        if ask.get("by") in ("operator", "occupant"):
            overrides += [override(_control(ask), SourceKind(ask["by"]))]
    return site.tick(0.0, *reads, words=tuple(overrides))


def check(scenario: dict[str, Any], done: Decision) -> None:
    """Everything the scenario tells about the decision."""
    setpoints = {one.device: one for one in done.setpoints}
    for name, told in scenario["expect"].items():
        assert _shown(setpoints[name]) == {"limits": {}, **told} | (
            {} if "limits" in told else {"limits": _shown(setpoints[name])["limits"]}
        ), (name, scenario["why"])
    if "lost" in scenario:
        lost = [one for one in done.ruling.losses if not isinstance(one.claim.want, Bound)]
        assert sorted(f"{one.claim.mode} to {one.to.mode} {one.why}" for one in lost) == sorted(scenario["lost"])
    for words in scenario.get("alarms", ()):
        assert any(words in one.text for one in done.alarms), (words, done.alarms)
    refused = [one.cause.text for one in done.outcomes if one.kind is OutcomeKind.REFUSED]
    assert refused or not scenario.get("refused")
    assert not refused or scenario.get("refused") != []
    for words in scenario.get("refused", ()):
        assert any(words in text for text in refused), (words, refused)
    # a first decision is one that allocation itself makes: the guard has nothing to cut
    assert done.clamps == ()


def _shown(one: Setpoint) -> dict[str, Any]:
    """A setpoint in a scenario's words: figures to a tenth."""
    limits = {"produce": one.produce_max_w, "consume": one.consume_max_w}
    shown: dict[str, Any] = {"limits": {key: round(value, 1) for key, value in limits.items() if value is not None}}
    if one.target_w is not None:
        shown["target"] = round(one.target_w, 1)
    if isinstance(one.reactive, Reactive):
        shown["var"] = round(one.reactive.power_var, 1)
    elif one.reactive is not None:
        shown["reactive"] = vocabulary.mode_of(one.reactive).value
    if one.shapes:
        shown["shapes"] = [vocabulary.mode_of(shape).value for shape in one.shapes]
    shown |= {key: value for key, value in (("on", one.on), ("connect", one.connect)) if value is not None}
    if isinstance(one.revert, Revert):
        fall = {"produce": one.revert.produce_max_w, "consume": one.revert.consume_max_w}
        shown["revert"] = {key: value for key, value in fall.items() if value is not None}
    return shown


def _seen(name: str, told: dict[str, Any]) -> Seen:
    role = Role(told["role"])
    rated_w = float(told.get("rated", 5000.0))
    plate = {key: told[key] for key in (one.name for one in fields(Nameplate)) if key in told}
    modes = told.get("can", [mode.value for mode in Mode])
    abilities = {Mode(mode): Ability(How.NATIVE) for mode in modes}
    abilities |= {Mode(mode): Ability(How.APPROXIMATED, means) for mode, means in told.get("only", {}).items()}
    readings: dict[MeterKey, Reading] = {}
    if told.get("power", 0.0) is not None:
        quality = Quality(told.get("quality", "good"))
        readings[(Quantity.NET, None)] = Reading(float(told.get("power", 0.0)), quality, 0.0, 0.0)
    if "charge" in told:
        readings[(Quantity.STATE_OF_CHARGE, None)] = Reading(float(told["charge"]), Quality.GOOD, 0.0, 0.0)
    holds = replace(Setpoint(name), **told["holds"]) if "holds" in told else None
    online = bool(told.get("online", True))
    capability = Capability(abilities, minimum_w=float(told.get("minimum", 0.0)), watchdog=told.get("watchdog", False))
    return Seen(
        name,
        role,
        Nameplate(**{"rated_w": rated_w, **plate}),
        replace(capability, off_capable=told.get("off_capable", True)),
        Condition(online=online, holds=holds, readings=readings),
    )


def _control(ask: dict[str, Any]) -> Control:
    name = next(key for key in ask if key[:1].isupper())
    kind = getattr(vocabulary, name, None) or getattr(tariff, name)
    hints, told = get_type_hints(kind), dict[str, Any](ask[name])
    for key, value in told.items():
        word = next((one for one in (hints[key], *get_args(hints[key])) if isinstance(one, type)), object)
        if issubclass(word, StrEnum):
            told[key] = word(value)
        elif key == "points":
            told[key] = tuple(CurvePoint(float(x), float(y)) for x, y in value)
        elif word is float:
            told[key] = float(value)
    made: Control = kind(**told)
    return made
