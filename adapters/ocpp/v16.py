"""OCPP 1.6 (edition 2): calls of stations -> facts, orders -> calls; pure. Clauses are of its specification."""

import math
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


class V16:
    """The dialect ``ocpp1.6``."""

    version: Final = Version.V16
    sample_parts: Final = 2

    @property
    def calls(self) -> Mapping[str, Hear]:
        """Clause 4."""
        return _CALLS

    def say(self, order: Order) -> Phrase:
        """Clause 5."""
        match order:
            case Tell():
                connector = order.connector if order.purpose is Purpose.TX_DEFAULT else 0
                return Phrase("SetChargingProfile", {"connectorId": connector, "csChargingProfiles": _profile(order)})
            case Show():
                asked = {"connectorId": order.connector, "duration": order.duration_s, "chargingRateUnit": order.unit}
                return Phrase("GetCompositeSchedule", asked)
            case Clear():
                return Phrase("ClearChargingProfile", {"id": PROFILE_ID + order.connector})
            case AskManners():
                return Phrase("GetConfiguration", {"key": list(_MANNERS)})
            case SampleEvery(part=0):
                return Phrase("ChangeConfiguration", {"key": "MeterValuesSampledData", "value": MEASURANDS})
            case SampleEvery():
                return Phrase("ChangeConfiguration", {"key": "MeterValueSampleInterval", "value": str(order.seconds)})
            case Trigger():
                where = {} if order.connector is None else {"connectorId": order.connector}
                return Phrase("TriggerMessage", {"requestedMessage": order.what, **where})
            case KeepList():
                entries = [{"idTag": tag, "idTagInfo": {"status": "Accepted"}} for tag in order.tags]
                listed = {"listVersion": order.version, "updateType": "Full", "localAuthorizationList": entries}
                return Phrase("SendLocalList", listed)

    def understand(self, order: Order, payload: Payload) -> Answer:
        """Clause 5; the payload fits its schema."""
        match order:
            case AskManners():
                told = {one["key"]: one.get("value") for one in payload.get("configurationKey", ())}
                return Answer(Verdict.ACCEPTED, manners=_manners(told))
            case Show() if payload["status"] == "Accepted" and (said := payload.get("chargingSchedule")) is not None:
                start_s = times.read(said.get("startSchedule") or payload.get("scheduleStart"))
                shown = Schedule(
                    said["chargingRateUnit"], periods(said["chargingSchedulePeriod"]), start_s, said.get("duration")
                )
                return Answer(Verdict.ACCEPTED, schedule=shown)
            case _:
                return verdict(payload.get("status"))


def _profile(order: Tell) -> dict[str, Any]:
    """Clause 7.8. Absolute, so that its end does not depend on when a car came."""
    return {
        "chargingProfileId": PROFILE_ID + order.connector,
        "stackLevel": order.stack,
        "chargingProfilePurpose": _PURPOSES[order.purpose],
        "chargingProfileKind": "Absolute",
        "chargingSchedule": plain_schedule(order.schedule),
    }


def _manners(told: Mapping[str, Any]) -> Manners:
    """Clause 9.4; what a station does not tell is taken to be the least."""
    return Manners(
        units=rate_units(told.get("ChargingScheduleAllowedChargingRateUnit") or ""),
        most_periods=whole(told.get("ChargingScheduleMaxPeriods"), Manners().most_periods),
        most_stack=whole(told.get("ChargeProfileMaxStackLevel"), 0),
        switches=str(told.get("ConnectorSwitch3to1PhaseSupported")).lower() == "true",
    )


def _boot(payload: Payload, desk: Desk, utc_s: float) -> Heard:
    plate = Nameplate(
        maker=payload["chargePointVendor"],
        model=payload["chargePointModel"],
        serial=payload.get("chargePointSerialNumber") or payload.get("chargeBoxSerialNumber") or "",
        version=payload.get("firmwareVersion", ""),
    )
    return booted(desk, utc_s), (Booted(plate),)


def _status(payload: Payload, desk: Desk, utc_s: float) -> Heard:
    error = payload["errorCode"]
    alarms = {error} if error != "NoError" else set()
    if alarms and payload.get("vendorErrorCode"):
        alarms = {f"{error} ({payload['vendorErrorCode']})"}
    return {}, (Status(payload["connectorId"], _VEHICLES[payload["status"]], frozenset(alarms)),)


def _authorize(payload: Payload, desk: Desk, utc_s: float) -> Heard:
    return {"idTagInfo": {"status": _admission(payload["idTag"], desk)}}, ()


def _start(payload: Payload, desk: Desk, utc_s: float) -> Heard:
    connector, tag = payload["connectorId"], payload["idTag"]
    key = (payload["timestamp"], tag, payload["meterStart"])
    number = desk.transaction(connector, key)
    answer = {"transactionId": number, "idTagInfo": {"status": _admission(tag, desk)}}
    return answer, (Began(connector, str(number), float(payload["meterStart"])),)


def _stop(payload: Payload, desk: Desk, utc_s: float) -> Heard:
    tag = payload.get("idTag")
    answer = {} if tag is None else {"idTagInfo": {"status": _admission(tag, desk)}}
    return answer, (Ended(str(payload["transactionId"])),)


def _meter(payload: Payload, desk: Desk, utc_s: float) -> Heard:
    return {}, (Sampled(payload["connectorId"], tuple(_samples(payload["meterValue"]))),)


def _admission(tag: str, desk: Desk) -> str:
    return "Accepted" if desk.rules.admits(tag) else "Invalid"


def _samples(values: list[Payload]) -> Iterator[Sample]:
    for one in values:
        taken_s = times.read(one["timestamp"])
        for said in one["sampledValue"]:
            if said.get("format", "Raw") == "Raw" and said.get("location", "Outlet") in ("Outlet", "EV"):
                measurand = said.get("measurand", "Energy.Active.Import.Register")
                yield Sample(measurand, said.get("phase", ""), said.get("unit", ""), _number(said["value"]), taken_s)


def _number(text: str) -> float:
    try:
        return float(text) if len(text) < 40 else math.nan
    except ValueError:
        return math.nan


_PURPOSES: Final = {Purpose.TX_DEFAULT: "TxDefaultProfile", Purpose.STATION_MAX: "ChargePointMaxProfile"}
_MANNERS: Final = (
    "ChargingScheduleAllowedChargingRateUnit",
    "ChargingScheduleMaxPeriods",
    "ChargeProfileMaxStackLevel",
    "ConnectorSwitch3to1PhaseSupported",
)
_VEHICLES: Final[Mapping[str, Vehicle]] = MappingProxyType(
    {
        "Available": Vehicle.ABSENT,
        "Preparing": Vehicle.CONNECTED,
        "Charging": Vehicle.CHARGING,
        "SuspendedEVSE": Vehicle.CONNECTED,
        "SuspendedEV": Vehicle.CONNECTED,
        "Finishing": Vehicle.CONNECTED,
        "Reserved": Vehicle.ABSENT,
        "Unavailable": Vehicle.NO_POWER,
        "Faulted": Vehicle.FAULT,
    }
)
"""Clause 7.7 by the states of IEC 61851-1. Interpretation: who is suspended, by whichever side, is there and takes nothing."""
_CALLS: Final[Mapping[str, Hear]] = MappingProxyType(
    {
        "BootNotification": _boot,
        "Heartbeat": heartbeat,
        "StatusNotification": _status,
        "Authorize": _authorize,
        "StartTransaction": _start,
        "StopTransaction": _stop,
        "MeterValues": _meter,
        "DataTransfer": data,
        "SignCertificate": no,
        "DiagnosticsStatusNotification": nothing,
        "FirmwareStatusNotification": nothing,
        "SignedFirmwareStatusNotification": nothing,
        "LogStatusNotification": nothing,
        "SecurityEventNotification": nothing,
    }
)
