"""A limit goes to a station and is read back: both versions, word by word."""

import json

import pytest

from adapters.ocpp.frames import Version, fault_of
from adapters.ocpp.options import OcppOptions
from adapters.settings import Pinned
from grid_functions.model.control import Mode
from grid_functions.model.device import Fallback, How, Trouble
from grid_functions.model.setpoint import Setpoint
from tests.adapters.ocpp.stage import MANNERS_16, V16, V201, Stage

BOTH = pytest.mark.parametrize("protocol", [V16, V201])


def ampere(limit_a: float, decision: int = 7) -> Setpoint:
    return Setpoint("evse-1", decision, current_max_a=limit_a)


def test_a_limit_of_1_6_is_a_default_profile_that_ends_in_the_fallback() -> None:
    stage = Stage(V16).introduced()
    stage.want(ampere(16))
    # 22:13:20.125 less a minute for a clock that is late; 360 = that minute and timeout_s, 300.
    assert stage.said[0][2] == {
        "connectorId": 1,
        "csChargingProfiles": {
            "chargingProfileId": 24201,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": {
                "startSchedule": "2023-11-14T22:12:20.000Z",
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}, {"startPeriod": 360, "limit": 6.0}],
            },
        },
    }
    assert stage.answer("SetChargingProfile", {"status": "Accepted"})
    assert stage.look().condition.holds is None, "told is not held"
    asked = stage.answer("GetCompositeSchedule", stage.composite(16.0))
    assert asked == {"connectorId": 1, "duration": 420, "chargingRateUnit": "A"}
    holds = stage.look().condition.holds
    assert holds == Setpoint("evse-1", 7, consume_max_w=11_040.0, current_max_a=16.0)
    assert stage.currents().fallback == Fallback(6.0, 300.0)
    assert stage.look().condition.troubles == frozenset()


@BOTH
def test_what_is_written_and_read_back_is_noted_with_its_decision(protocol: str) -> None:
    stage = Stage(protocol).introduced()
    stage.notes.clear()
    stage.want(ampere(16, 42))
    stage.told(16.0)
    noted = [(kind, correlation) for kind, correlation, _ in stage.notes]
    assert noted == [("write", "decision-42"), ("call", "decision-42"), ("read-back", "decision-42")]
    assert stage.notes[0][2]["action"] == "SetChargingProfile"


def test_a_limit_of_2_0_1_is_a_default_profile_that_ends_in_the_fallback() -> None:
    stage = Stage(V201).introduced()
    stage.want(ampere(10))
    assert stage.said[0][2] == {
        "evseId": 1,
        "chargingProfile": {
            "id": 24201,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": [
                {
                    "id": 1,
                    "startSchedule": "2023-11-14T22:12:20.000Z",
                    "chargingRateUnit": "A",
                    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10.0}, {"startPeriod": 360, "limit": 6.0}],
                }
            ],
        },
    }
    stage.told(10.0)
    assert stage.look().condition.holds == Setpoint("evse-1", 7, consume_max_w=6900.0, current_max_a=10.0)


@pytest.mark.parametrize(
    ("asked", "limit_a"),
    [
        (Setpoint("evse-1", current_max_a=5.9), 0.0),
        (Setpoint("evse-1", current_max_a=0.0), 0.0),
        (Setpoint("evse-1", current_max_a=-3.0), 0.0),
        (Setpoint("evse-1", current_max_a=float("nan")), 0.0),
        (Setpoint("evse-1", current_max_a=6.0), 6.0),
        (Setpoint("evse-1", current_max_a=9.9), 9.0),
        (Setpoint("evse-1", current_max_a=80.0), 32.0),
        (Setpoint("evse-1", consume_max_w=6900.0), 10.0),  # 6900 / (3 * 230)
        (Setpoint("evse-1", consume_max_w=4000.0), 0.0),  # 5.8 A
        (Setpoint("evse-1", consume_max_w=float("inf")), 32.0),
        (Setpoint("evse-1", current_max_a=16.0, consume_max_w=6900.0), 10.0),
        (Setpoint("evse-1", current_max_a=16.0, on=False), 0.0),
        (Setpoint("evse-1", connect=False), 0.0),
    ],
)
def test_what_is_asked_in_the_steps_of_a_charger(asked: Setpoint, limit_a: float) -> None:
    stage = Stage(V16).introduced()
    stage.want(asked)
    periods = stage.said[0][2]["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"]
    assert periods[0]["limit"] == limit_a


@BOTH
def test_a_station_that_takes_watts_only_is_told_watts(protocol: str) -> None:
    stage = Stage(protocol)
    stage.open()
    if protocol == V16:
        keys = [dict(one) for one in MANNERS_16["configurationKey"]]
        keys[0]["value"] = "Power"
        stage.answer("GetConfiguration", {"configurationKey": keys})
    else:
        told = {"attributeStatus": "Accepted", "attributeValue": "W"}
        name = {"component": {"name": "SmartChargingCtrlr"}, "variable": {"name": "RateUnit"}}
        stage.answer("GetVariables", {"getVariableResult": [{**told, **name}]})
    stage.settle()
    stage.want(ampere(16))
    payload = stage.answer("SetChargingProfile", {"status": "Accepted"})
    text = json.dumps(payload)
    assert '"chargingRateUnit": "W"' in text
    assert '"limit": 11040.0' in text  # 16 A * 230 V * 3
    assert '"limit": 4140.0' in text
    schedule = stage.composite(11040.0, unit="W")
    stage.answer("GetCompositeSchedule", schedule)
    holds = stage.held()
    assert holds.current_max_a == 16.0


@BOTH
def test_what_is_said_fits_the_schemas(protocol: str) -> None:
    stage = Stage(protocol, OcppOptions(resolution_a=0.1, purpose="station_max"))
    seen = set()
    stage.open()
    stage.want(ampere(13.7))
    for _ in range(12):
        if not stage.said:
            break
        _, action, payload = stage.said[0]
        assert fault_of(action, payload, Version(protocol), answer=False) is None
        seen.add(action)
        stage.fail(action, "GenericError")
    assert {"SetChargingProfile", "GetCompositeSchedule", "TriggerMessage"} <= seen


@BOTH
def test_the_timer_is_fed_at_half_time(protocol: str) -> None:
    stage = Stage(protocol).introduced()
    stage.want(ampere(16))
    stage.told(16.0)
    stage.pass_s(59.0)
    assert stage.said == []
    stage.pass_s(1.0)
    stage.answer("GetCompositeSchedule", stage.composite(16.0))
    stage.pass_s(60.0)
    stage.answer("GetCompositeSchedule", stage.composite(16.0))
    stage.pass_s(29.0)
    assert stage.said == []
    stage.pass_s(1.0)
    stage.told(16.0)
    assert stage.look().condition.holds is not None


@BOTH
def test_what_tightens_is_told_at_once_and_what_loosens_after_a_while(protocol: str) -> None:
    stage = Stage(protocol).introduced()
    stage.want(ampere(16))
    stage.told(16.0)
    stage.want(ampere(8, 8))
    stage.told(8.0)
    stage.want(ampere(20, 9))
    assert stage.said == []
    stage.pass_s(4.5)
    assert stage.said == []
    stage.pass_s(0.5)
    stage.told(20.0)
    assert stage.held().decision == 9


@BOTH
def test_what_is_shown_otherwise_is_told_again_and_not_held(protocol: str) -> None:
    stage = Stage(protocol).introduced()
    stage.want(ampere(16))
    stage.told(32.0)
    stage.told(32.0)
    assert stage.said == []
    condition = stage.look().condition
    assert Trouble.NOT_HELD in condition.troubles
    assert condition.holds is not None
    assert condition.holds.current_max_a == 32.0, "what is shown is what holds"
    assert condition.holds.decision == 0
    stage.pass_s(9.5)
    assert stage.said == []
    stage.pass_s(0.5)
    stage.told(16.0)
    assert stage.look().condition.troubles == frozenset()


@BOTH
def test_a_limit_that_is_not_shown_is_not_held(protocol: str) -> None:
    stage = Stage(protocol).introduced()
    stage.want(ampere(16))
    for _ in range(2):
        stage.answer("SetChargingProfile", {"status": "Accepted"})
        stage.answer("GetCompositeSchedule", {"status": "Rejected"})
    condition = stage.look().condition
    assert condition.holds is None
    assert condition.troubles == {Trouble.NOT_HELD, Trouble.NO_WATCHDOG}
    assert "Rejected" in condition.text


@BOTH
def test_a_station_that_refuses_is_tried_again_and_then_said_to_be_unable(protocol: str) -> None:
    stage = Stage(protocol).introduced()
    stage.want(ampere(16))
    for n in range(3):
        stage.answer("SetChargingProfile", {"status": "Rejected"})
        assert Trouble.WRITE_REFUSED in stage.look().condition.troubles
        how = stage.look().capability.abilities[Mode.LOAD_LIMIT].how
        assert how is (How.NATIVE if n < 2 else How.NOT_POSSIBLE)
        stage.pass_s(10.0)
        stage.settle()
    assert stage.said == []


def _unable(stage: Stage, by: str) -> None:
    if by == "status":
        stage.answer("SetChargingProfile", {"status": "NotSupported"})
    else:
        stage.fail("SetChargingProfile", by)


@pytest.mark.parametrize(
    ("protocol", "by"),
    [(V16, "status"), (V16, "NotImplemented"), (V16, "NotSupported"), (V201, "NotImplemented"), (V201, "NotSupported")],
)
def test_a_station_without_smart_charging_says_so_once(protocol: str, by: str) -> None:
    stage = Stage(protocol).introduced()
    stage.want(ampere(16))
    _unable(stage, by)
    assert stage.look().capability.abilities[Mode.LOAD_LIMIT].how is How.NOT_POSSIBLE
    assert Trouble.WRITE_REFUSED in stage.look().condition.troubles
    stage.pass_s(30.0)
    stage.settle()
    assert stage.said == []


@BOTH
def test_a_release_clears_the_profile(protocol: str) -> None:
    stage = Stage(protocol).introduced()
    stage.want(ampere(16))
    stage.told(16.0)
    stage.want(Setpoint("evse-1", 8))
    assert not stage.outlets[0].released()
    payload = stage.answer("ClearChargingProfile", {"status": "Accepted"})
    assert payload == ({"id": 24201} if protocol == V16 else {"chargingProfileId": 24201})
    stage.answer("GetCompositeSchedule", {"status": "Rejected"})
    assert stage.outlets[0].released()
    assert stage.look().condition.holds is None


@BOTH
def test_what_is_unknown_need_not_be_cleared(protocol: str) -> None:
    stage = Stage(protocol).introduced()
    stage.want(Setpoint("evse-1", 1))
    stage.answer("ClearChargingProfile", {"status": "Unknown"})
    assert stage.outlets[0].released()


@BOTH
def test_a_reconnect_tells_the_limit_anew(protocol: str) -> None:
    stage = Stage(protocol).introduced()
    stage.want(ampere(16))
    stage.told(16.0)
    stage.close()
    assert Trouble.SILENT in stage.look().condition.troubles
    assert not stage.look().condition.online
    stage.t_s += 20
    stage.open()
    assert stage.said[0][1] in ("GetConfiguration", "GetVariables")
    stage.fail(stage.said[0][1], "InternalError")
    stage.told(16.0)
    assert stage.look().condition.online
    assert stage.held().decision == 7


@BOTH
def test_a_restart_of_the_station_tells_the_limit_anew(protocol: str) -> None:
    stage = Stage(protocol).introduced()
    stage.want(ampere(16))
    stage.told(16.0)
    if protocol == V16:
        stage.call("BootNotification", {"chargePointVendor": "Acme", "chargePointModel": "One"})
    else:
        about = {"vendorName": "Acme", "model": "One"}
        stage.call("BootNotification", {"reason": "Watchdog", "chargingStation": about})
    assert stage.look().condition.holds is None, "what a station forgot does not hold"
    stage.fail(stage.said[0][1], "InternalError")
    stage.told(16.0)
    assert stage.look().condition.holds is not None


@BOTH
def test_a_silent_station_counts_with_the_most_it_may_hold_and_then_with_its_fallback(protocol: str) -> None:
    stage = Stage(protocol).introduced()
    stage.want(ampere(8))
    stage.told(8.0)
    stage.pass_s(10)
    stage.want(ampere(20, 8))  # it goes out, and nothing comes back
    stage.close()
    holds = stage.held()
    assert holds.current_max_a == 20.0
    stage.t_s += 369.0
    assert stage.look().condition.holds == holds
    # timeout_s, the minute it was dated back, and ten seconds that the message may have been late.
    stage.t_s += 1.125
    after = stage.held()
    assert after.current_max_a == 6.0


def test_where_it_is_to_end_in_no_limit_the_schedule_ends() -> None:
    stage = Stage(V16, ends=True).introduced()
    stage.want(ampere(16))
    schedule = stage.said[0][2]["csChargingProfiles"]["chargingSchedule"]
    assert schedule["duration"] == 360
    assert len(schedule["chargingSchedulePeriod"]) == 1
    stage.told(16.0)
    assert Trouble.NO_WATCHDOG in stage.look().condition.troubles
    assert stage.currents().fallback is None


@BOTH
def test_the_whole_station_may_be_limited_instead(protocol: str) -> None:
    stage = Stage(protocol, OcppOptions(purpose="station_max")).introduced()
    stage.want(ampere(16))
    payload = stage.said[0][2]
    if protocol == V16:
        assert payload["connectorId"] == 0
        assert payload["csChargingProfiles"]["chargingProfilePurpose"] == "ChargePointMaxProfile"
    else:
        assert payload["evseId"] == 0
        assert payload["chargingProfile"]["chargingProfilePurpose"] == "ChargingStationMaxProfile"


@BOTH
def test_two_connectors_of_a_station_speak_one_after_the_other(protocol: str) -> None:
    stage = Stage(protocol, connectors=(1, 2)).introduced()
    stage.want(ampere(16))
    stage.want(Setpoint("evse-2", 7, current_max_a=10.0), connector=1)
    told = [stage.answer("SetChargingProfile", {"status": "Accepted"}) for _ in range(1)]
    while stage.said:
        action = stage.said[0][1]
        if action == "SetChargingProfile":
            told.append(stage.answer(action, {"status": "Accepted"}))
        else:
            limit_a = 16.0 if (1 in stage.said[0][2].values()) else 10.0
            stage.answer(action, stage.composite(limit_a))
    places = [one.get("connectorId", one.get("evseId")) for one in told]
    assert places == [1, 2]
    held = [one.seen(stage.now).condition.holds for one in stage.outlets]
    assert [one.current_max_a for one in held if one is not None] == [16.0, 10.0]


def test_another_station_than_the_one_pinned_is_only_looked_at() -> None:
    stage = Stage(V16, pinned=Pinned(maker="Other")).introduced()
    stage.want(ampere(16))
    assert stage.said == []
    assert Trouble.WRONG_DEVICE in stage.look().condition.troubles
    assert "'Acme', pinned 'Other'" in stage.look().condition.text


@BOTH
def test_where_it_only_watches_nothing_is_written(protocol: str) -> None:
    stage = Stage(protocol, read_only=True).introduced()
    stage.want(ampere(16))
    assert stage.said == []
    stage.pass_s(60.0)
    stage.answer("GetCompositeSchedule", stage.composite(24.0))
    holds = stage.held()
    assert holds.current_max_a == 24.0
