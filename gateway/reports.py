"""What people and programs are told of a site: plain dictionaries, made from its last decision and its last looks."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from adapters.driver import Driver
from gateway.loop import SiteLoop
from grid_functions import machines
from grid_functions.model.claim import (
    Bound,
    Claim,
    ConnectionPoint,
    Devices,
    InForce,
    Need,
    Shape,
    Source,
    Switch,
    Target,
    Want,
)
from grid_functions.model.control import Control, mode_of
from grid_functions.model.device import Seen
from grid_functions.model.event import EventKey
from grid_functions.model.instants import Instants, Moment
from grid_functions.model.reading import MeterKey, Reading
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.units import Quantity
from grid_functions.site import prices


def status_of(site: SiteLoop, now: Instants) -> dict[str, Any]:
    """One site on one screen."""
    decision = site.decision
    return {
        "site": site.plan.terms.name,
        "mode": "observe" if site.plan.observe else "active",
        "power_w": power_of(site.snapshot(now).meter),
        "decision": decision.serial if decision else None,
        "in_force": [in_force(each, now) for each in (decision.in_force if decision else ())],
        "devices": devices_of(site, now),
        "alarms": sorted(site.alarms.values()),
        "told": machines.told(site.plan.functions, site.state.kept),
    }


def devices_of(site: SiteLoop, now: Instants) -> list[dict[str, Any]]:
    """Every device: what it is, how it is, what it should hold and what it holds."""
    return [_device(site, name, now) for name in sorted(site.plan.devices)]


async def ports_of(site: SiteLoop, name: str) -> list[dict[str, Any]]:
    """A device's ports of direct current, asked of it now or a minute ago; none where it tells of none."""
    device = site.plan.devices[name]
    told = await device.ports() if isinstance(device, Driver) else ()
    return [asdict(one) | {"alarms": sorted(one.alarms)} for one in told]


def events_of(site: SiteLoop, now: Instants) -> list[dict[str, Any]]:
    """Every control in force, with its source, rank, age and end."""
    return [in_force(each, now) for each in (site.decision.in_force if site.decision else ())]


def prices_of(site: SiteLoop, now: Instants) -> list[dict[str, Any]]:
    """What energy costs from now on: every stretch that an upstream told, in the units of :class:`Priced`."""
    kept = site.state.kept.get(prices.NAME)
    state = kept.state if kept is not None else None
    return [
        {
            "of": of.value,
            "starts_in_s": round(slot.start_utc_s - now.utc_s, 1),
            "ends_in_s": None if slot.end_utc_s is None else round(slot.end_utc_s - now.utc_s, 1),
            "value": slot.value,
            "currency": slot.currency,
            "source": _source(slot.source),
            "event": slot.event,
        }
        for of, slots in (state.tariff.items() if isinstance(state, prices.PricesState) else ())
        for slot in slots
        if slot.end_utc_s is None or slot.end_utc_s > now.utc_s
    ]


def why_device(site: SiteLoop, name: str, now: Instants) -> dict[str, Any]:
    """What holds on one device: who asked, rank, since, until, who lost and why, applied or not."""
    decision = site.decision
    ruling = decision.ruling if decision else None
    claims = [*ruling.bounds, *ruling.winners] if ruling else []
    lost = {id(loss.claim) for loss in ruling.losses} if ruling else set()
    return {
        "site": site.plan.terms.name,
        "device": _device(site, name, now),
        "holds": [_claim(claim, now) for claim in claims if id(claim) not in lost and _concerns(claim, name)],
        "lost": [
            {**_claim(loss.claim, now), "to": _source(loss.to.cause.source), "why": loss.why.value}
            for loss in (ruling.losses if ruling else ())
            if _concerns(loss.claim, name)
        ],
    }


def claims_of(site: SiteLoop, source: str, now: Instants) -> list[dict[str, Any]]:
    """What a local function of that name wants now in its own name."""
    ruling = site.decision.ruling if site.decision else None
    claims = [*ruling.bounds, *ruling.winners, *(one.claim for one in ruling.losses)] if ruling else []
    return [_claim(one, now) for one in dict.fromkeys(claims) if one.cause.source.name == source]


def why_event(site: SiteLoop, event: str, told: Iterable[Mapping[str, Any]], now: Instants) -> dict[str, Any] | None:
    """One event: what of it is in force, what it won and lost, what was told upstream; None when this site knows no such event."""
    decision = site.decision
    mine = [each for each in (decision.in_force if decision else ()) if _is_event(each, event)]
    ruling = decision.ruling if decision else None
    records = list(told)
    if not mine and not records:
        return None
    return {
        "site": site.plan.terms.name,
        "event": event,
        "in_force": [in_force(each, now) for each in mine],
        "won": [
            _claim(c, now) for c in ((*ruling.bounds, *ruling.winners) if ruling else ()) if _is_event(c.cause, event)
        ],
        "lost": [
            {**_claim(loss.claim, now), "to": _source(loss.to.cause.source), "why": loss.why.value}
            for loss in (ruling.losses if ruling else ())
            if _is_event(loss.claim.cause, event)
        ],
        "history": records,
    }


def in_force(each: InForce, now: Instants) -> dict[str, Any]:
    """One control in force."""
    return {
        "control": control_of(each.control),
        "source": _source(each.source),
        "basis": each.basis.value,
        "program": each.program,
        "rank": each.rank.level,
        "since_s": _past(each.since, now),
        "ends_in_s": None if each.until is None else round(each.until.in_s(now), 1),
        "event": each.cause.id if isinstance(each.cause, EventKey) else None,
        "test": each.test,
    }


def control_of(control: Control) -> dict[str, Any]:
    """A control by its mode, with its own fields and their units."""
    return {"mode": mode_of(control).value, **asdict(control)}


def power_of(readings: Mapping[MeterKey, Reading]) -> float | None:
    """Net power of a meter or device in W, positive = consume; None when it is not measured."""
    reading = readings.get((Quantity.NET, None))
    return None if reading is None else round(reading.value, 1)


def _device(site: SiteLoop, name: str, now: Instants) -> dict[str, Any]:
    seen = site.seen.get(name)
    wanted = next((s for s in site.decision.setpoints if s.device == name), None) if site.decision else None
    told: dict[str, Any] = {"name": name, "wanted": None if wanted is None else limits_of(wanted)}
    if seen is None:
        return told | {"online": False, "text": "not answered yet"}
    return told | _seen(seen, now)


def _seen(seen: Seen, now: Instants) -> dict[str, Any]:
    condition, plate = seen.condition, seen.nameplate
    reading = condition.readings.get((Quantity.NET, None))
    return {
        "role": seen.role.value,
        "maker": plate.maker,
        "model": plate.model,
        "serial": plate.serial,
        "online": condition.online,
        "power_w": power_of(condition.readings),
        "quality": None if reading is None else reading.quality.value,
        "age_s": None if reading is None else round(now.mono_s - reading.at_s, 1),
        "holds": None if condition.holds is None else limits_of(condition.holds),
        "troubles": sorted(trouble.value for trouble in condition.troubles),
        "alarms": sorted(condition.alarms),
        "abilities": {mode.value: ability.how.value for mode, ability in sorted(seen.capability.abilities.items())},
        "text": condition.text,
    }


def limits_of(setpoint: Setpoint) -> dict[str, Any]:
    """The limits of a setpoint, without what it leaves alone."""
    names = ("decision", "produce_max_w", "consume_max_w", "target_w", "current_max_a", "on")
    told: dict[str, Any] = {name: getattr(setpoint, name) for name in names if getattr(setpoint, name) is not None}
    if setpoint.revert is not None:
        told["reverts_to_w"], told["reverts_after_s"] = setpoint.revert.produce_max_w, setpoint.revert.after_s
    return told


def _claim(claim: Claim, now: Instants) -> dict[str, Any]:
    return {
        "scope": _scope(claim),
        "quantity": claim.quantity.value,
        "want": _want(claim.want),
        **({} if claim.phase is None else {"phase": claim.phase.value}),
        **in_force(claim.cause, now),
    }


def _scope(claim: Claim) -> str:
    match claim.scope:
        case ConnectionPoint():
            return "connection point"
        case Devices(names=names):
            return ", ".join(sorted(names))
        case area:
            return area.name


def _want(want: Want) -> str:
    match want:
        case Bound(limit=limit):
            return f"<= {limit:g}"
        case Target(value=value):
            return f"= {value:g}"
        case Switch(on=on):
            return "on" if on else "off"
        case Shape(control=control):
            return mode_of(control).value
        case Need(power_w=power_w):
            return f"first {power_w:g}"


def _concerns(claim: Claim, device: str) -> bool:
    return not isinstance(claim.scope, Devices) or device in claim.scope.names


def _is_event(each: InForce, event: str) -> bool:
    return isinstance(each.cause, EventKey) and each.cause.id.upper() == event.upper()


def _source(source: Source) -> str:
    return f"{source.kind.value}/{source.name}"


def _past(moment: Moment, now: Instants) -> float | None:
    """None: since always."""
    return None if moment.at_s == 0 else round(-moment.in_s(now), 1)
