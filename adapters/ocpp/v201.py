"""OCPP 2.0.1 (edition 2): calls of stations -> facts, orders -> calls; pure. Use cases are of its part 2.

A connector is here an EVSE: that is what is limited and measured.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from adapters.ocpp import times
from adapters.ocpp.desk import Desk
from adapters.ocpp.dialect import (
    MEASURANDS,
    PROFILE_ID,
    Hear,
    Heard,
    Phrase,
    booted,
    data,
    heartbeat,
    no,
    nothing,
    periods,
    plain_schedule,
    rate_units,
    verdict,
    whole,
)
from adapters.ocpp.facts import (
    Answer,
    AskManners,
    Began,
    Booted,
    Clear,
    Ended,
    Fact,
    KeepList,
    Manners,
    Order,
    Purpose,
    Sample,
    Sampled,
    SampleEvery,
    Schedule,
    Show,
    Status,
    Tell,
    Trigger,
    Verdict,
)
from adapters.ocpp.frames import Payload, Version
from grid_functions.model.device import Nameplate, Vehicle


class V201:
    """The dialect ``ocpp2.0.1``."""

    version: Final = Version.V201
    sample_parts: Final = 1

    @property
    def calls(self) -> Mapping[str, Hear]:
        """What charging stations may call."""
        return _CALLS

    def say(self, order: Order) -> Phrase:
        """K01, K08, K10, B05, B06, F06, D01."""
        match order:
            case Tell():
                evse = order.connector if order.purpose is Purpose.TX_DEFAULT else 0
                return Phrase("SetChargingProfile", {"evseId": evse, "chargingProfile": _profile(order)})
            case Show():
                asked = {"evseId": order.connector, "duration": order.duration_s, "chargingRateUnit": order.unit}
                return Phrase("GetCompositeSchedule", asked)
            case Clear():
                return Phrase("ClearChargingProfile", {"chargingProfileId": PROFILE_ID + order.connector})
            case AskManners():
                variables = {"getVariableData": [_variable("SmartChargingCtrlr", one) for one in _MANNERS]}
                return Phrase("GetVariables", variables)
            case SampleEvery():
                data = [
                    {**_variable("SampledDataCtrlr", "TxUpdatedMeasurands"), "attributeValue": MEASURANDS},
                    {**_variable("SampledDataCtrlr", "TxUpdatedInterval"), "attributeValue": str(order.seconds)},
                ]
                return Phrase("SetVariables", {"setVariableData": data})
            case Trigger():
                where = {} if order.connector is None else {"evse": {"id": order.connector}}
                if order.what == "StatusNotification" and where:
                    # F06.FR.12: of a connector, never of an EVSE.
                    where["evse"]["connectorId"] = 1
                return Phrase("TriggerMessage", {"requestedMessage": order.what, **where})
            case KeepList():
                entries = [
                    {"idToken": {"idToken": tag, "type": "ISO14443"}, "idTokenInfo": {"status": "Accepted"}}
                    for tag in order.tags
                ]
                listed = {"versionNumber": order.version, "updateType": "Full"}
                return Phrase("SendLocalList", listed | ({"localAuthorizationList": entries} if entries else {}))

    def understand(self, order: Order, payload: Payload) -> Answer:
        """The payload fits its schema."""
        match order:
            case AskManners():
                told = {
                    one["variable"]["name"]: one.get("attributeValue")
                    for one in payload["getVariableResult"]
                    if one["attributeStatus"] == "Accepted"
                }
                return Answer(Verdict.ACCEPTED, manners=_manners(told))
            case SampleEvery():
                refused = [one for one in payload["setVariableResult"] if one["attributeStatus"] != "Accepted"]
                why = ", ".join(f"{one['variable']['name']}: {one['attributeStatus']}" for one in refused)
                return verdict(refused[0]["attributeStatus"] if refused else "Accepted", why)
            case Show() if payload["status"] == "Accepted" and (said := payload.get("schedule")) is not None:
                start_s = times.read(said["scheduleStart"])
                listed = periods(said["chargingSchedulePeriod"])
                return Answer(
                    Verdict.ACCEPTED, schedule=Schedule(said["chargingRateUnit"], listed, start_s, said["duration"])
                )
            case _:
                return verdict(payload.get("status"), (payload.get("statusInfo") or {}).get("reasonCode", ""))


def _profile(order: Tell) -> dict[str, Any]:
    """ChargingProfileType. Absolute, so that its end does not depend on when a car came."""
    return {
        "id": PROFILE_ID + order.connector,
        "stackLevel": order.stack,
        "chargingProfilePurpose": _PURPOSES[order.purpose],
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [{"id": 1, **plain_schedule(order.schedule)}],
    }


def _variable(component: str, name: str) -> dict[str, Any]:
    return {"component": {"name": component}, "variable": {"name": name}}


def _manners(told: Mapping[str, Any]) -> Manners:
    """Part 2, appendix 3, SmartChargingCtrlr; what a station does not tell is taken to be the least."""
    return Manners(
        units=rate_units(told.get("RateUnit") or ""),
        most_periods=whole(told.get("PeriodsPerSchedule"), Manners().most_periods),
        most_stack=whole(told.get("ProfileStackLevel"), 0),
        switches=str(told.get("Phases3to1")).lower() == "true",
    )


def _boot(payload: Payload, desk: Desk, utc_s: float) -> Heard:
    station = payload["chargingStation"]
    plate = Nameplate(
        maker=station["vendorName"],
        model=station["model"],
        serial=station.get("serialNumber", ""),
        version=station.get("firmwareVersion", ""),
    )
    return booted(desk, utc_s), (Booted(plate),)


def _status(payload: Payload, desk: Desk, utc_s: float) -> Heard:
    status = payload["connectorStatus"]
    alarms = frozenset({status}) if status == "Faulted" else frozenset[str]()
    return {}, (Status(payload["evseId"], _CONNECTORS[status], alarms),)


def _authorize(payload: Payload, desk: Desk, utc_s: float) -> Heard:
    return {"idTokenInfo": {"status": _admission(payload["idToken"], desk)}}, ()


def _transaction(payload: Payload, desk: Desk, utc_s: float) -> Heard:
    """E01 to E13. What names no EVSE is of the one named before; where none was, it is answered and not used."""
    token = payload.get("idToken")
    answer = {} if token is None else {"idTokenInfo": {"status": _admission(token, desk)}}
    info, evse = payload["transactionInfo"], (payload.get("evse") or {}).get("id")
    number, kind = info["transactionId"], payload["eventType"]
    if kind == "Ended":
        return answer, (Ended(number),)
    connector = desk.placed(number, evse)
    if connector is None:
        return answer, ()
    samples = tuple(_samples(payload.get("meterValue") or ()))
    energies = [one for one in samples if (one.measurand, one.phase) == (_REGISTER, "")]
    facts: list[Fact] = []
    if kind == "Started":
        scale = {"": 1.0, "Wh": 1.0, "kWh": 1e3}
        begun = energies[0] if energies else None
        meter_wh = begun.value * scale[begun.unit] if begun is not None and begun.unit in scale else None
        facts.append(Began(connector, number, meter_wh))
    if (state := _VEHICLES.get(info.get("chargingState", ""))) is not None and not payload.get("offline", False):
        facts.append(Status(connector, state, None))
    if samples:
        facts.append(Sampled(connector, samples))
    return answer, tuple(facts)


def _meter(payload: Payload, desk: Desk, utc_s: float) -> Heard:
    return {}, (Sampled(payload["evseId"], tuple(_samples(payload["meterValue"]))),)


def _admission(token: Payload, desk: Desk) -> str:
    """C02 and C06: no token is none to refuse."""
    free = token["type"] == "NoAuthorization"
    return "Accepted" if free or desk.rules.admits(token["idToken"]) else "Unknown"


def _samples(values: list[Payload] | tuple[()]) -> Iterator[Sample]:
    for one in values:
        taken_s = times.read(one["timestamp"])
        for said in one["sampledValue"]:
            if said.get("location", "Outlet") not in ("Outlet", "EV"):
                continue
            unit = said.get("unitOfMeasure") or {}
            exponent = unit.get("multiplier", 0)
            value = float(said["value"]) * 10.0**exponent if abs(exponent) < 20 else float("nan")
            yield Sample(said.get("measurand", _REGISTER), said.get("phase", ""), unit.get("unit", ""), value, taken_s)


_REGISTER: Final = "Energy.Active.Import.Register"
_PURPOSES: Final = {Purpose.TX_DEFAULT: "TxDefaultProfile", Purpose.STATION_MAX: "ChargingStationMaxProfile"}
"""ChargingStationExternalConstraints is what stations report of others' limits; who gets it set refuses it (K01.FR.22)."""
_MANNERS: Final = ("RateUnit", "PeriodsPerSchedule", "ProfileStackLevel", "Phases3to1")
_CONNECTORS: Final[Mapping[str, Vehicle | None]] = MappingProxyType(
    {
        "Available": Vehicle.ABSENT,
        "Occupied": None,
        "Reserved": Vehicle.ABSENT,
        "Unavailable": Vehicle.NO_POWER,
        "Faulted": Vehicle.FAULT,
    }
)
"""ConnectorStatusEnumType by the states of IEC 61851-1; what an occupied one does is told by its transaction."""
_VEHICLES: Final[Mapping[str, Vehicle]] = MappingProxyType(
    {
        "Charging": Vehicle.CHARGING,
        "EVConnected": Vehicle.CONNECTED,
        "SuspendedEV": Vehicle.CONNECTED,
        "SuspendedEVSE": Vehicle.CONNECTED,
        "Idle": Vehicle.ABSENT,
    }
)
"""ChargingStateEnumType; Idle: no car is there."""
_CALLS: Final[Mapping[str, Hear]] = MappingProxyType(
    {
        "BootNotification": _boot,
        "Heartbeat": heartbeat,
        "StatusNotification": _status,
        "Authorize": _authorize,
        "TransactionEvent": _transaction,
        "MeterValues": _meter,
        "DataTransfer": data,
        "SignCertificate": no,
        "NotifyEVChargingNeeds": no,
        **dict.fromkeys(
            (
                "ClearedChargingLimit",
                "FirmwareStatusNotification",
                "LogStatusNotification",
                "NotifyChargingLimit",
                "NotifyCustomerInformation",
                "NotifyDisplayMessages",
                "NotifyEvent",
                "NotifyMonitoringReport",
                "NotifyReport",
                "PublishFirmwareStatusNotification",
                "ReportChargingProfiles",
                "ReservationStatusUpdate",
                "SecurityEventNotification",
            ),
            nothing,
        ),
    }
)
