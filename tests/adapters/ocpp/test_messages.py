"""What stations say, and what they should not: text in, answers and looks out, both versions."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.ocpp.desk import Rules
from adapters.ocpp.frames import Call, Failure, Nonsense, Result, Version, decode, fault_of
from adapters.ocpp.options import OcppOptions
from grid_functions.model.device import Trouble, Vehicle
from grid_functions.model.reading import Quality
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.units import Phase, Quantity
from tests.adapters.ocpp.stage import MANNERS_16, V16, V201, Stage

BOTH = pytest.mark.parametrize("protocol", [V16, V201])
NOW = "2023-11-14T22:13:20Z"


def test_a_boot_of_1_6_is_accepted_with_our_time() -> None:
    stage = Stage(V16, rules=Rules(heartbeat_s=90))
    stage.open()
    answer = stage.call(
        "BootNotification",
        {
            "chargePointVendor": "Acme",
            "chargePointModel": "One",
            "chargePointSerialNumber": "S-1",
            "firmwareVersion": "1.2",
        },
    )
    assert answer == {"status": "Accepted", "currentTime": "2023-11-14T22:13:20.000Z", "interval": 90}
    plate = stage.look().nameplate
    assert (plate.maker, plate.model, plate.serial, plate.version) == ("Acme", "One", "S-1", "1.2")


def test_a_boot_of_2_0_1_is_accepted_with_our_time() -> None:
    stage = Stage(V201)
    stage.open()
    about = {"vendorName": "Acme", "model": "One", "serialNumber": "S-1"}
    answer = stage.call("BootNotification", {"reason": "PowerUp", "chargingStation": about})
    assert answer == {"status": "Accepted", "currentTime": "2023-11-14T22:13:20.000Z", "interval": 60}
    assert stage.look().nameplate.serial == "S-1"


@BOTH
def test_a_heartbeat_is_answered_with_our_time(protocol: str) -> None:
    assert Stage(protocol).introduced().call("Heartbeat", {}) == {"currentTime": "2023-11-14T22:13:20.125Z"}


@pytest.mark.parametrize(
    ("status", "vehicle"),
    [
        ("Available", Vehicle.ABSENT),
        ("Preparing", Vehicle.CONNECTED),
        ("Charging", Vehicle.CHARGING),
        ("SuspendedEVSE", Vehicle.CONNECTED),
        ("SuspendedEV", Vehicle.CONNECTED),
        ("Finishing", Vehicle.CONNECTED),
        ("Reserved", Vehicle.ABSENT),
        ("Unavailable", Vehicle.NO_POWER),
        ("Faulted", Vehicle.FAULT),
    ],
)
def test_the_states_of_1_6(status: str, vehicle: Vehicle) -> None:
    stage = Stage(V16).introduced()
    assert stage.call("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": status}) == {}
    condition = stage.look().condition
    assert (condition.vehicle, condition.alarms) == (vehicle, frozenset())


@pytest.mark.parametrize(
    ("state", "vehicle"),
    [
        ("Charging", Vehicle.CHARGING),
        ("EVConnected", Vehicle.CONNECTED),
        ("SuspendedEV", Vehicle.CONNECTED),
        ("SuspendedEVSE", Vehicle.CONNECTED),
        ("Idle", Vehicle.ABSENT),
    ],
)
def test_the_states_of_2_0_1(state: str, vehicle: Vehicle) -> None:
    stage = Stage(V201).introduced()
    occupied = {"timestamp": NOW, "connectorStatus": "Occupied", "evseId": 1, "connectorId": 1}
    assert stage.call("StatusNotification", occupied) == {}
    assert stage.look().condition.vehicle is Vehicle.CONNECTED
    assert stage.call("TransactionEvent", event(state=state)) == {}
    assert stage.look().condition.vehicle is vehicle


def event(kind: str = "Started", state: str = "Charging", evse: bool = True, **more: Any) -> dict[str, Any]:
    where = {"evse": {"id": 1, "connectorId": 1}} if evse else {}
    info = {"transactionId": "T-1", "chargingState": state}
    about = {"eventType": kind, "timestamp": NOW, "triggerReason": "ChargingStateChanged", "seqNo": 0}
    return {**about, **where, "transactionInfo": info, **more}


def test_errors_of_a_connector_and_of_the_station_are_alarms() -> None:
    stage = Stage(V16).introduced()
    fault = {"connectorId": 1, "errorCode": "GroundFailure", "status": "Faulted", "vendorErrorCode": "E7"}
    stage.call("StatusNotification", fault)
    stage.call("StatusNotification", {"connectorId": 0, "errorCode": "WeakSignal", "status": "Available"})
    assert stage.look().condition.alarms == {"GroundFailure (E7)", "WeakSignal"}
    stage.call("StatusNotification", {"connectorId": 0, "errorCode": "NoError", "status": "Available"})
    stage.call("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Charging"})
    assert stage.look().condition.alarms == frozenset()


@pytest.mark.parametrize(
    ("tags", "tag", "word"),
    [(None, "ANY", "Accepted"), (frozenset({"A1"}), "a1", "Accepted"), (frozenset({"A1"}), "A2", "no")],
)
def test_who_may_charge(tags: frozenset[str] | None, tag: str, word: str) -> None:
    stage = Stage(V16, rules=Rules(tags)).introduced()
    answer = stage.call("Authorize", {"idTag": tag})
    assert answer == {"idTagInfo": {"status": word.replace("no", "Invalid")}}
    stage = Stage(V201, rules=Rules(tags)).introduced()
    answer = stage.call("Authorize", {"idToken": {"idToken": tag, "type": "ISO14443"}})
    assert answer == {"idTokenInfo": {"status": word.replace("no", "Unknown")}}


@BOTH
def test_a_station_is_given_the_list_for_when_nobody_can_be_asked(protocol: str) -> None:
    stage = Stage(protocol, rules=Rules(frozenset({"B2", "A1"})))
    stage.open()
    for _ in range(12):
        if stage.said[0][1] == "SendLocalList":
            break
        stage.fail(stage.said[0][1], "InternalError")
    listed = stage.said[0][2]["localAuthorizationList"]
    if protocol == V16:
        assert listed == [{"idTag": one, "idTagInfo": {"status": "Accepted"}} for one in ("A1", "B2")]
    else:
        assert [one["idToken"] for one in listed] == [
            {"idToken": "A1", "type": "ISO14443"},
            {"idToken": "B2", "type": "ISO14443"},
        ]


def test_a_transaction_of_1_6_told_twice_is_one() -> None:
    stage = Stage(V16).introduced()
    start = {"connectorId": 1, "idTag": "A1", "meterStart": 5000, "timestamp": NOW}
    first = stage.call("StartTransaction", start)
    assert first == {"transactionId": 100, "idTagInfo": {"status": "Accepted"}}
    assert stage.call("StartTransaction", start) == first
    assert stage.call("StartTransaction", {**start, "timestamp": "2023-11-14T23:00:00Z"})["transactionId"] == 101


def test_connectors_without_end_fill_no_memory() -> None:
    """Of 256 the last transaction is remembered; the first told of more is a new one when it is told again."""
    stage = Stage(V16).introduced()

    def number(connector: int) -> int:
        start = {"connectorId": connector, "idTag": "A1", "meterStart": 0, "timestamp": NOW}
        told: int = stage.call("StartTransaction", start)["transactionId"]
        return told

    numbers = [number(connector) for connector in range(1, 258)]
    assert number(257) == numbers[-1]
    assert number(2) == numbers[1]
    assert number(1) not in numbers


def test_the_energy_of_a_session_is_since_its_start() -> None:
    stage = Stage(V16).introduced()
    stage.call("StartTransaction", {"connectorId": 1, "idTag": "A1", "meterStart": 5000, "timestamp": NOW})
    stage.call("MeterValues", meter16(("6.2", {"unit": "kWh"})))
    readings = stage.look().condition.readings
    assert readings[Quantity.ENERGY_CONSUMED, None].value == 6200.0
    assert readings[Quantity.SESSION_ENERGY, None].value == pytest.approx(1200.0)


def meter16(*values: tuple[str, dict[str, str]], taken: str = NOW) -> dict[str, Any]:
    sampled = [{"value": value, **about} for value, about in values]
    return {"connectorId": 1, "meterValue": [{"timestamp": taken, "sampledValue": sampled}]}


def power(value: str, **about: str) -> tuple[str, dict[str, str]]:
    return value, {"measurand": "Power.Active.Import", **about}


def test_meter_values_of_1_6_lie_on_the_phases_of_the_site() -> None:
    stage = Stage(V16, OcppOptions(phases="bca")).introduced()
    amps = [(str(n), {"measurand": "Current.Import", "phase": f"L{n}", "unit": "A"}) for n in (1, 2, 3)]
    volts = ("231", {"measurand": "Voltage", "phase": "L1-N"})
    stage.call("MeterValues", meter16(*amps, volts, power("4.1", unit="kW")))
    readings = {key: one.value for key, one in stage.look().condition.readings.items()}
    assert readings == {
        (Quantity.CURRENT, Phase.B): 1.0,
        (Quantity.CURRENT, Phase.C): 2.0,
        (Quantity.CURRENT, Phase.A): 3.0,
        (Quantity.VOLTAGE, Phase.B): 231.0,
        (Quantity.NET, None): 4100.0,
    }


def test_power_is_import_less_export_and_the_sum_of_phases_where_none_is_told() -> None:
    stage = Stage(V16).introduced()
    exported = ("500", {"measurand": "Power.Active.Export"})
    stage.call("MeterValues", meter16(power("200"), exported))
    assert stage.look().condition.readings[Quantity.NET, None].value == -300.0
    stage = Stage(V16).introduced()
    stage.call("MeterValues", meter16(*(power("100", phase=f"L{n}") for n in (1, 2, 3))))
    assert stage.look().condition.readings[Quantity.NET, None].value == 300.0


def test_meter_values_of_2_0_1_have_a_unit_with_a_multiplier() -> None:
    stage = Stage(V201).introduced()
    sampled = {"value": 74, "measurand": "Power.Active.Import", "unitOfMeasure": {"unit": "W", "multiplier": 2}}
    stage.call("TransactionEvent", event(meterValue=[{"timestamp": NOW, "sampledValue": [sampled]}]))
    assert stage.look().condition.readings[Quantity.NET, None].value == 7400.0
    # Later events of a transaction need not say where it is (E02).
    sampled = {**sampled, "value": 10}
    later = event("Updated", evse=False, meterValue=[{"timestamp": NOW, "sampledValue": [sampled]}])
    stage.call("TransactionEvent", later)
    assert stage.look().condition.readings[Quantity.NET, None].value == 1000.0


@pytest.mark.parametrize("value", ["", "NaN", "inf", "1e400", "-1e12", "eleven", "0x10", "1,5"])
def test_what_is_no_measure_is_suspect(value: str) -> None:
    stage = Stage(V16).introduced()
    stage.call("MeterValues", meter16(power("1000")))
    stage.call("MeterValues", meter16(power(value)))
    assert stage.look().condition.readings[Quantity.NET, None].quality is Quality.SUSPECT


def test_a_unit_that_does_not_fit_is_suspect() -> None:
    stage = Stage(V16).introduced()
    stage.call("MeterValues", meter16(power("16", unit="A")))
    assert stage.look().condition.readings[Quantity.NET, None].quality is Quality.SUSPECT


def test_values_kept_while_nobody_could_be_reached_are_no_measure_of_now() -> None:
    stage = Stage(V16).introduced()
    stage.call("MeterValues", meter16(power("7000")))
    stage.call("MeterValues", meter16(power("3000"), taken="2023-11-14T21:00:00Z"))
    reading = stage.look().condition.readings[Quantity.NET, None]
    assert (reading.value, reading.quality) == (7000.0, Quality.GOOD)


def test_readings_age_and_a_charger_without_a_car_draws_nothing() -> None:
    stage = Stage(V16).introduced()
    stage.call("MeterValues", meter16(power("7000")))
    stage.t_s += 30.0
    assert stage.look().condition.readings[Quantity.NET, None].quality is Quality.GOOD
    stage.t_s += 0.5
    assert stage.look().condition.readings[Quantity.NET, None].quality is Quality.STALE
    stage.call("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Available"})
    reading = stage.look().condition.readings[Quantity.NET, None]
    assert (reading.value, reading.quality) == (0.0, Quality.GOOD)


NONSENSE = [
    ("", "-1"),
    ("{", "-1"),
    ("null", "-1"),
    ("7", "-1"),
    ("[]", "-1"),
    ("{}", "-1"),
    ('"[2]"', "-1"),
    ("[2]", "-1"),
    ('[9,"x","Heartbeat",{}]', "-1"),
    ('[true,"x","Heartbeat",{}]', "-1"),
    ('[2,"","Heartbeat",{}]', "-1"),
    ('[2,7,"Heartbeat",{}]', "-1"),
    ('[2,"' + "x" * 37 + '","Heartbeat",{}]', "-1"),
    ('[2,"a"]', "a"),
    ('[2,"a","Heartbeat"]', "a"),
    ('[2,"a","Heartbeat",[]]', "a"),
    ('[2,"a","Heartbeat",null]', "a"),
    ('[2,"a",7,{}]', "a"),
    ('[2,"a","Heartbeat",{},1]', "a"),
    ('[2,"a","Heartbeat",{"x":1}]', "a"),
    ('[2,"a","Heartbeat",{"x":NaN}]', "-1"),
    ('[2,"a","heartbeat",{}]', "a"),
    ('[2,"a","HeartbeatResponse",{}]', "a"),
    ('[2,"a","../schemas/Heartbeat",{}]', "a"),
    ('[2,"a","Heart\\u0000beat",{}]', "a"),
    ('[2,"a","",{}]', "a"),
    ('[2,"a","StatusNotification",{}]', "a"),
    ('[2,"a","SetChargingProfile",{}]', "a"),
    ("[" * 50_000, "-1"),
    ("9" * 5_000, "-1"),
]


@BOTH
@pytest.mark.parametrize(("text", "id_"), NONSENSE)
def test_nonsense_is_answered_with_an_error_and_harms_nothing(protocol: str, text: str, id_: str) -> None:
    stage = Stage(protocol).introduced()
    stage.want(Setpoint("evse-1", 7, current_max_a=16.0))
    stage.told(16.0)
    before = stage.look()
    stage.raw(text)
    (reply,) = stage.replies[-1:]
    assert reply[:2] == [4, id_]
    assert len(reply) == 5
    assert stage.look() == before


@BOTH
@pytest.mark.parametrize(
    "text", ["[3]", "[3,7,{}]", '[3,"x",[]]', "[4]", '[4,"x"]', '[3,"x",{}]', '[4,"x","y","z",{}]']
)
def test_answers_to_nothing_are_never_answered(protocol: str, text: str) -> None:
    stage = Stage(protocol).introduced()
    before, replies = stage.look(), len(stage.replies)
    stage.raw(text)
    assert (stage.look(), len(stage.replies), stage.said) == (before, replies, [])


CODES = [
    ("Heartbeat", {"x": 1}, "FormationViolation", "FormatViolation"),
    ("NoSuchThing", {}, "NotImplemented", "NotImplemented"),
    ("GetConfiguration", {}, "NotSupported", "NotImplemented"),
    ("GetVariables", {"getVariableData": []}, "NotImplemented", None),
    ("DataTransfer", {}, "ProtocolError", "ProtocolError"),
    ("DataTransfer", {"vendorId": 7}, "TypeConstraintViolation", "TypeConstraintViolation"),
    ("DataTransfer", {"vendorId": "x" * 256}, "PropertyConstraintViolation", "PropertyConstraintViolation"),
]


@pytest.mark.parametrize(("action", "payload", "code16", "code201"), CODES)
def test_the_code_says_what_was_wrong(action: str, payload: Any, code16: str, code201: str | None) -> None:
    for protocol, code in ((V16, code16), (V201, code201)):
        if code is not None:
            assert Stage(protocol).introduced().call(action, payload) == code


@BOTH
@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"status": "Perhaps"},
        {"status": 7},
        {"status": "Accepted", "connectorId": "one"},
        {"status": "Accepted", "chargingSchedule": {}},
        {"status": "Accepted", "schedule": {}},
        {"status": "Accepted", "nonsense": True},
    ],
)
def test_an_answer_that_is_malformed_holds_nothing(protocol: str, payload: dict[str, Any]) -> None:
    stage = Stage(protocol).introduced()
    stage.want(Setpoint("evse-1", 7, current_max_a=16.0))
    stage.answer("SetChargingProfile", {"status": "Accepted"})
    stage.answer("GetCompositeSchedule", payload)
    assert stage.look().condition.holds is None


@pytest.mark.parametrize("limit", [-1.0, 1e308, -0.1])
@BOTH
def test_limits_that_cannot_be_are_not_believed(protocol: str, limit: float) -> None:
    stage = Stage(protocol).introduced()
    stage.want(Setpoint("evse-1", 7, current_max_a=16.0))
    stage.answer("SetChargingProfile", {"status": "Accepted"})
    stage.answer("GetCompositeSchedule", stage.composite(limit))
    holds = stage.look().condition.holds
    assert holds is None or holds.decision == 0
    assert Trouble.NOT_HELD in stage.look().condition.troubles


@BOTH
def test_a_schedule_without_periods_shows_nothing(protocol: str) -> None:
    stage = Stage(protocol).introduced()
    stage.want(Setpoint("evse-1", 7, current_max_a=16.0))
    stage.answer("SetChargingProfile", {"status": "Accepted"})
    shown = stage.composite(16.0)
    shown["schedule" if protocol == V201 else "chargingSchedule"]["chargingSchedulePeriod"] = []
    stage.answer("GetCompositeSchedule", shown)
    assert stage.look().condition.holds is None


@BOTH
def test_a_call_without_an_answer_is_given_up_and_a_deaf_station_is_hung_up_on(protocol: str) -> None:
    stage = Stage(protocol).introduced()
    stage.want(Setpoint("evse-1", 7, current_max_a=16.0))
    (id_, _, _) = stage.said.pop(0)
    stage.pass_s(29.5)
    assert (stage.said, stage.session.hung) == ([], False)
    stage.pass_s(0.5)
    assert "no answer in 30 s" in stage.look().condition.text
    # The late answer is to nothing any more.
    stage.raw(json.dumps([3, id_, {"status": "Accepted"}]))
    assert stage.look().condition.holds is None
    stage.pass_s(10.0)
    assert stage.said[0][1] == "SetChargingProfile"
    stage.pass_s(30.0)
    assert stage.session.hung


def test_one_connectors_words_are_not_anothers() -> None:
    stage = Stage(V16, connectors=(1, 2)).introduced()
    stage.call("StatusNotification", {"connectorId": 2, "errorCode": "NoError", "status": "Charging"})
    stage.call("StatusNotification", {"connectorId": 9, "errorCode": "NoError", "status": "Faulted"})
    vehicles = [one.seen(stage.now).condition.vehicle for one in stage.outlets]
    assert vehicles == [None, Vehicle.CHARGING]


@pytest.mark.parametrize(
    "settings_",
    [
        {"ChargingScheduleAllowedChargingRateUnit": None},
        {"ChargingScheduleAllowedChargingRateUnit": "Volts"},
        {"ChargingScheduleMaxPeriods": "many"},
        {"ChargingScheduleMaxPeriods": "-1"},
        {"ChargeProfileMaxStackLevel": "9" * 400},
    ],
)
def test_settings_that_mean_nothing_are_taken_to_be_the_least(settings_: dict[str, str | None]) -> None:
    stage = Stage(V16)
    stage.open()
    keys = []
    for one in MANNERS_16["configurationKey"]:
        value = settings_.get(str(one["key"]), one["value"])
        keys.append({"key": one["key"], "readonly": True} | ({} if value is None else {"value": value}))
    stage.answer("GetConfiguration", {"configurationKey": keys})
    stage.settle()
    stage.want(Setpoint("evse-1", 7, current_max_a=16.0))
    schedule = stage.said[0][2]["csChargingProfiles"]["chargingSchedule"]
    assert schedule["chargingRateUnit"] == "A"
    assert len(schedule["chargingSchedulePeriod"]) == 2


def test_a_station_of_one_period_is_limited_without_a_fallback() -> None:
    stage = Stage(V16)
    stage.open()
    keys = [{"key": "ChargingScheduleMaxPeriods", "readonly": True, "value": "1"}]
    stage.answer("GetConfiguration", {"configurationKey": keys})
    stage.settle()
    stage.want(Setpoint("evse-1", 7, current_max_a=16.0))
    schedule = stage.said[0][2]["csChargingProfiles"]["chargingSchedule"]
    assert schedule["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 16.0}]
    assert "duration" not in schedule, "after its end nothing would limit it"
    assert Trouble.NO_WATCHDOG in stage.look().condition.troubles


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
_ACTIONS = [
    "BootNotification",
    "StatusNotification",
    "MeterValues",
    "StartTransaction",
    "TransactionEvent",
    "Heartbeat",
]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([V16, V201]), st.sampled_from(_ACTIONS), st.dictionaries(st.text(max_size=8), _JSON, max_size=4))
def test_whatever_comes_one_answer_goes_back(protocol: str, action: str, payload: dict[str, Any]) -> None:
    stage = Stage(protocol).introduced()
    stage.call(action, payload)
    assert stage.replies[-1][0] in (3, 4)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60) | _JSON.map(json.dumps))
def test_decoding_never_raises(text: str) -> None:
    for version in Version:
        assert isinstance(decode(text, version), Call | Result | Failure | Nonsense)


def test_tenths_are_exact_in_1_6() -> None:
    def of(limit: float) -> dict[str, Any]:
        periods = [{"startPeriod": 0, "limit": limit}]
        return {"status": "Accepted", "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": periods}}

    assert fault_of("GetCompositeSchedule", of(16.3), Version.V16, answer=True) is None
    assert fault_of("GetCompositeSchedule", of(16.31), Version.V16, answer=True) is not None
