"""A simulated charging station of one connector, OCPP 1.6J or 2.0.1, with a car behind it. Pure but for its own memory.

It keeps the charging profiles it is given, obeys them by its own clock, and shows what it obeys. What it does not do it refuses.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from adapters.ocpp import times
from adapters.ocpp.frames import Call, Code, Failure, Nonsense, Result, Version, decode, encode
from adapters.simulator.car import Car

VOLTS: Final = 230.0
_STEP_S: Final = 1.0
_KEPT: Final = 1000


@dataclass(frozen=True, slots=True)
class PointPlan:
    """``refuses``: what it says to charging profiles. ``clock_off_s``: by how much its clock is ahead. ``switches``: it charges on as many
    phases as it is told.
    """

    version: Version = Version.V16
    maximum_a: float = 32.0
    phases: int = 3
    sample_s: float = 10.0
    refuses: Literal["", "Rejected", "NotSupported"] = ""
    clock_off_s: float = 0.0
    serial: str = "SIM-1"
    switches: bool = False


@dataclass(frozen=True, slots=True)
class _Profile:
    stack: int
    whole: bool  # of the station, and not of a charging alone
    start_s: float
    end_s: float
    unit: str
    periods: tuple[tuple[float, float, int | None], ...]

    def limit_a(self, at_s: float, phases: int) -> tuple[float, int | None] | None:
        """The current, and on how many phases if it says so. None: it says nothing then."""
        if not self.start_s <= at_s < self.end_s:
            return None
        _, limit, on = [one for one in self.periods if self.start_s + one[0] <= at_s][-1]
        return (limit if self.unit == "A" else limit / (VOLTS * (on or phases))), on


class ChargePoint:
    """``utc_s`` is handed to whatever it does; it moves on whenever it is asked."""

    def __init__(self, plan: PointPlan, utc_s: float) -> None:
        self.plan = plan
        self.car: Car | None = None
        self.energy_wh = 0.0
        self._begun_wh = 0.0
        self._profiles: dict[int, _Profile] = {}
        self._out: deque[tuple[str, dict[str, Any]]] = deque()
        self._flight: str | None = None
        self._count = 0
        self._at_s = utc_s
        self._sampled_s = utc_s
        self._sample_s = plan.sample_s
        self._transaction: int | str | None = None
        self._told = ""
        self._heard: deque[tuple[float, str, float]] = deque(maxlen=_KEPT)

    def heard(self) -> tuple[tuple[float, str, float], ...]:
        """What it was told and asked since the last time, each with the limit that was in it, A: (UTC s, action, A)."""
        found = tuple(self._heard)
        self._heard.clear()
        return found

    def connected(self, utc_s: float) -> tuple[str, ...]:
        """What it says when it has connected."""
        self._flight = None
        self._out.clear()
        self._say_who()
        self._say_how(utc_s, anew=True)
        return self._next()

    def plug(self, car: Car | None, utc_s: float) -> tuple[str, ...]:
        """This car, or none, from now on."""
        self._move(utc_s)
        if self._transaction is not None:
            self._end(utc_s)
        self.car, self._begun_wh = car, self.energy_wh
        if car is not None:
            self._begin(utc_s)
        self._say_how(utc_s)
        return self._next()

    def tick(self, utc_s: float) -> tuple[str, ...]:
        """Time has passed."""
        self._move(utc_s)
        self._say_how(utc_s)
        if self.car is not None and self._sample_s and utc_s - self._sampled_s >= self._sample_s:
            self._sampled_s = utc_s
            self._say_measured(utc_s)
        return self._next()

    def received(self, text: str, utc_s: float) -> tuple[str, ...]:
        """A message of the central system."""
        self._move(utc_s)
        version = self.plan.version
        match decode(text, version):
            case Call() as call:
                payload = self._asked(call.action, call.payload, utc_s)
                said = Failure(call.id, Code.NOT_IMPLEMENTED, "") if payload is None else Result(call.id, payload)
                return (encode(said, version), *self._next())
            case Result(id_, payload) if id_ == self._flight:
                self._flight = None
                if "transactionId" in payload:
                    self._transaction = payload["transactionId"]
                return self._next()
            case Failure(id_) if id_ == self._flight:
                self._flight = None
                return self._next()
            case Nonsense(_, answer) if answer is not None:
                return (encode(answer, version),)
            case _:
                return ()

    def offered_a(self, utc_s: float) -> float:
        """The current it offers per phase."""
        return min([self.plan.maximum_a, *(limit_a for limit_a, _ in self._told_at(utc_s))])

    def phases_at(self, utc_s: float) -> int:
        """On how many phases it offers that."""
        told = [on for _, on in self._told_at(utc_s) if on is not None] if self.plan.switches else []
        return min([self.plan.phases, *told])

    def _told_at(self, utc_s: float) -> list[tuple[float, int | None]]:
        """What the highest profile of each purpose says then."""
        at_s = utc_s + self.plan.clock_off_s
        limits: list[tuple[float, int | None]] = []
        for whole in (False, True):
            told = [
                (one.stack, limit)
                for one in self._profiles.values()
                if one.whole is whole and (limit := one.limit_a(at_s, self.plan.phases)) is not None
            ]
            limits += [max(told, key=lambda one: (one[0], one[1][0]))[1]] if told else []
        return limits

    def power_w(self, utc_s: float) -> float:
        """What its car draws."""
        return self.drawn_a(utc_s) * VOLTS * self.used(utc_s)

    def used(self, utc_s: float) -> int:
        """On how many phases its car charges; 0 without one."""
        return 0 if self.car is None else min(self.car.phases, self.phases_at(utc_s))

    def drawn_a(self, utc_s: float) -> float:
        """What its car takes, per phase."""
        return 0.0 if self.car is None else self.car.draws_a(self.offered_a(utc_s))

    def _move(self, utc_s: float) -> None:
        while self._at_s < utc_s:
            step_s = min(_STEP_S, utc_s - self._at_s)
            energy_wh = self.power_w(self._at_s) * step_s / 3600
            self.energy_wh += energy_wh
            if self.car is not None:
                self.car = self.car.charged(energy_wh)
            self._at_s += step_s

    def _next(self) -> tuple[str, ...]:
        if self._flight is not None or not self._out:
            return ()
        self._count += 1
        self._flight = f"{self.plan.serial}-{self._count}"
        action, payload = self._out.popleft()
        return (encode(Call(self._flight, action, payload), self.plan.version),)

    def _asked(self, action: str, payload: Mapping[str, Any], utc_s: float) -> dict[str, Any] | None:
        match action:
            case "SetChargingProfile":
                status = self._keep(payload)
                if status == "Accepted":
                    self._heard.append((utc_s, action, self.offered_a(utc_s)))
                return {"status": status}
            case "ClearChargingProfile":
                id_ = payload.get("id", payload.get("chargingProfileId"))
                known = self._profiles.pop(id_, None) if isinstance(id_, int) else None
                return {"status": "Unknown" if known is None else "Accepted"}
            case "GetCompositeSchedule":
                composed = self._composed(payload, utc_s)
                self._heard.append((utc_s, action, self.offered_a(utc_s)))
                return composed
            case "TriggerMessage":
                return {"status": self._triggered(payload["requestedMessage"], utc_s)}
            case "SendLocalList":
                return {"status": "Accepted"}
            case "GetConfiguration":
                manners = _MANNERS_16 | {"ConnectorSwitch3to1PhaseSupported": str(self.plan.switches).lower()}
                told = [{"key": key, "readonly": True, "value": value} for key, value in manners.items()]
                return {"configurationKey": [one for one in told if one["key"] in payload.get("key", _MANNERS_16)]}
            case "ChangeConfiguration":
                if payload["key"] == "MeterValueSampleInterval" and payload["value"].isdigit():
                    self._sample_s = float(payload["value"])
                return {"status": "Accepted"}
            case "GetVariables":
                return {"getVariableResult": [self._variable(one) for one in payload["getVariableData"]]}
            case "SetVariables":
                return {"setVariableResult": [self._set(one) for one in payload["setVariableData"]]}
            case _:
                return None

    def _variable(self, one: Mapping[str, Any]) -> dict[str, Any]:
        about = {"component": one["component"], "variable": one["variable"]}
        known = _MANNERS_201 | {"Phases3to1": str(self.plan.switches).lower()}
        value = known.get(one["variable"]["name"])
        if value is None:
            return {"attributeStatus": "UnknownVariable", **about}
        return {"attributeStatus": "Accepted", "attributeValue": value, **about}

    def _set(self, one: Mapping[str, Any]) -> dict[str, Any]:
        if one["variable"]["name"] == "TxUpdatedInterval" and one["attributeValue"].isdigit():
            self._sample_s = float(one["attributeValue"])
        return {"attributeStatus": "Accepted", "component": one["component"], "variable": one["variable"]}

    def _keep(self, payload: Mapping[str, Any]) -> str:
        if self.plan.refuses:
            return self.plan.refuses if self.plan.version is Version.V16 else "Rejected"
        profile = payload.get("csChargingProfiles") or payload.get("chargingProfile") or {}
        listed = profile["chargingSchedule"]
        schedule = listed[0] if isinstance(listed, list) else listed
        start_s = times.read(schedule.get("startSchedule"))
        purpose = profile["chargingProfilePurpose"]
        if start_s is None or profile["chargingProfileKind"] != "Absolute" or purpose not in _PURPOSES:
            return "Rejected"
        periods = tuple(
            (float(one["startPeriod"]), float(one["limit"]), one.get("numberPhases"))
            for one in schedule["chargingSchedulePeriod"]
        )
        if not periods or periods[0][0] != 0:
            return "Rejected"
        number: int = profile["chargingProfileId"] if self.plan.version is Version.V16 else profile["id"]
        self._profiles[number] = _Profile(
            profile["stackLevel"],
            _PURPOSES[purpose],
            start_s,
            start_s + schedule.get("duration", 1e12),
            schedule["chargingRateUnit"],
            periods,
        )
        return "Accepted"

    def _composed(self, payload: Mapping[str, Any], utc_s: float) -> dict[str, Any]:
        duration_s = payload["duration"]
        edges = {0}
        for one in self._profiles.values():
            ends = [one.start_s, one.end_s, *(one.start_s + period[0] for period in one.periods)]
            edges |= {round(end_s - utc_s - self.plan.clock_off_s) for end_s in ends}
        periods: list[dict[str, Any]] = []
        for edge in sorted(one for one in edges if 0 <= one < duration_s):
            at_s = utc_s + edge + (0.5 if edge else 0.0)
            period: dict[str, Any] = {"limit": round(self.offered_a(at_s), 1)}
            period |= {"numberPhases": self.phases_at(at_s)} if self.plan.switches else {}
            if not periods or period.items() - periods[-1].items():
                periods.append({"startPeriod": edge, **period})
        start = times.written(utc_s + self.plan.clock_off_s)
        schedule = {"duration": duration_s, "chargingRateUnit": "A", "chargingSchedulePeriod": periods}
        if self.plan.version is Version.V16:
            about = {"status": "Accepted", "connectorId": payload["connectorId"], "scheduleStart": start}
            return {**about, "chargingSchedule": schedule}
        return {"status": "Accepted", "schedule": {**schedule, "evseId": payload["evseId"], "scheduleStart": start}}

    def _triggered(self, what: str, utc_s: float) -> str:
        match what:
            case "BootNotification":
                self._say_who()
            case "StatusNotification":
                self._say_how(utc_s, anew=True)
            case "MeterValues":
                self._say_measured(utc_s)
            case _:
                return "NotImplemented"
        return "Accepted"

    def _say_who(self) -> None:
        if self.plan.version is Version.V16:
            about = {"chargePointVendor": "OSED", "chargePointModel": "Simulated"}
            self._out.append(("BootNotification", {**about, "chargePointSerialNumber": self.plan.serial}))
        else:
            station = {"vendorName": "OSED", "model": "Simulated", "serialNumber": self.plan.serial}
            self._out.append(("BootNotification", {"reason": "PowerUp", "chargingStation": station}))

    def _state(self, utc_s: float) -> str:
        if self.car is None:
            return "Available"
        if self.drawn_a(utc_s) > 0:
            return "Charging"
        return "SuspendedEV" if self.car.asks_a() <= 0 else "SuspendedEVSE"

    def _say_how(self, utc_s: float, *, anew: bool = False) -> None:
        state = self._state(utc_s)
        if state == self._told and not anew:
            return
        before, self._told = self._told, state
        stamp = times.written(utc_s)
        if self.plan.version is Version.V16:
            about = {"connectorId": 1, "errorCode": "NoError", "status": state, "timestamp": stamp}
            self._out.append(("StatusNotification", about))
            return
        status = "Available" if state == "Available" else "Occupied"
        if anew or "Available" in (before, state):
            about = {"timestamp": stamp, "connectorStatus": status, "evseId": 1, "connectorId": 1}
            self._out.append(("StatusNotification", about))
        if self._transaction is not None:
            self._say_event("Updated", "ChargingStateChanged", utc_s)

    def _begin(self, utc_s: float) -> None:
        if self.plan.version is Version.V16:
            # Its number is what the answer says.
            self._transaction = 0
            start = {"connectorId": 1, "idTag": "SIM", "meterStart": round(self.energy_wh)}
            self._out.append(("StartTransaction", {**start, "timestamp": times.written(utc_s)}))
            return
        self._transaction = f"{self.plan.serial}-{round(utc_s)}"
        self._say_event("Started", "CablePluggedIn", utc_s)

    def _end(self, utc_s: float) -> None:
        if self.plan.version is Version.V16:
            stop = {"transactionId": self._transaction, "meterStop": round(self.energy_wh), "reason": "EVDisconnected"}
            self._out.append(("StopTransaction", {**stop, "timestamp": times.written(utc_s)}))
        else:
            self._say_event("Ended", "EVDeparted", utc_s)
        self._transaction = None

    def _say_event(self, kind: str, trigger: str, utc_s: float) -> None:
        state = {"Available": "Idle"}.get(self._state(utc_s), self._state(utc_s))
        info = {"transactionId": self._transaction, "chargingState": state}
        about = {"eventType": kind, "timestamp": times.written(utc_s), "triggerReason": trigger, "seqNo": self._count}
        values = self._values(utc_s)
        event = {**about, "evse": {"id": 1, "connectorId": 1}, "transactionInfo": info, "meterValue": values}
        self._out.append(("TransactionEvent", event))

    def _say_measured(self, utc_s: float) -> None:
        if self.plan.version is Version.V16:
            self._out.append(("MeterValues", {"connectorId": 1, "meterValue": self._values(utc_s)}))
        elif self._transaction is not None:
            self._say_event("Updated", "MeterValuePeriodic", utc_s)
        else:
            self._out.append(("MeterValues", {"evseId": 1, "meterValue": self._values(utc_s)}))

    def _values(self, utc_s: float) -> list[dict[str, Any]]:
        current_a = self.drawn_a(utc_s)
        listed: list[tuple[float, dict[str, str], str]] = [
            (self.power_w(utc_s), {"measurand": "Power.Active.Import"}, "W"),
            (self.energy_wh, {"measurand": "Energy.Active.Import.Register"}, "Wh"),
        ]
        for n in range(1, self.plan.phases + 1):
            flows_a = current_a if n <= self.used(utc_s) else 0.0
            listed.append((flows_a, {"measurand": "Current.Import", "phase": f"L{n}"}, "A"))
            listed.append((VOLTS, {"measurand": "Voltage", "phase": f"L{n}-N"}, "V"))
        old = self.plan.version is Version.V16
        sampled = [
            {"value": f"{value:.3f}" if old else round(value, 3), **about}
            | ({"unit": unit} if old else {"unitOfMeasure": {"unit": unit}})
            for value, about, unit in listed
        ]
        return [{"timestamp": times.written(utc_s), "sampledValue": sampled}]

    def rebooted(self, utc_s: float) -> None:
        """As after a power cut: default profiles are kept (1.6, clause 3.13.2), transactions are not."""
        self._move(utc_s)
        self._transaction, self._told, self._flight = None, "", None
        self._out.clear()

    def changed(self, **what: Any) -> None:
        """From now on otherwise, by the fields of its plan."""
        self.plan = replace(self.plan, **what)


_PURPOSES: Final = {
    "TxDefaultProfile": False,
    "TxProfile": False,
    "ChargePointMaxProfile": True,
    "ChargingStationMaxProfile": True,
}
_MANNERS_16: Final = {
    "ChargingScheduleAllowedChargingRateUnit": "Current,Power",
    "ChargingScheduleMaxPeriods": "24",
    "ChargeProfileMaxStackLevel": "8",
    "ConnectorSwitch3to1PhaseSupported": "false",
}
_MANNERS_201: Final = {"RateUnit": "A,W", "PeriodsPerSchedule": "24", "ProfileStackLevel": "8", "Phases3to1": "false"}
