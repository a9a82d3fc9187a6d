"""A session under a hand-moved clock, and a station that says what the test says."""

import json
from collections.abc import Mapping
from itertools import count
from typing import Any

from adapters.ocpp.desk import Desk, Rules
from adapters.ocpp.options import OcppOptions
from adapters.ocpp.outlet import Outlet, OutletSettings
from adapters.ocpp.session import DIALECTS, Session
from adapters.settings import Pinned
from grid_functions.model.device import Currents, Seen
from grid_functions.model.instants import Instants
from grid_functions.model.setpoint import Setpoint

START_UTC_S = 1_700_000_000.0  # 2023-11-14T22:13:20Z
V16, V201 = "ocpp1.6", "ocpp2.0.1"

MANNERS_16 = {
    "configurationKey": [
        {"key": "ChargingScheduleAllowedChargingRateUnit", "readonly": True, "value": "Current,Power"},
        {"key": "ChargingScheduleMaxPeriods", "readonly": True, "value": "24"},
        {"key": "ChargeProfileMaxStackLevel", "readonly": True, "value": "8"},
        {"key": "ConnectorSwitch3to1PhaseSupported", "readonly": True, "value": "false"},
    ]
}


def _told(name: str, value: str) -> dict[str, Any]:
    return {
        "attributeStatus": "Accepted",
        "attributeValue": value,
        "component": {"name": "SmartChargingCtrlr"},
        "variable": {"name": name},
    }


MANNERS_201 = {
    "getVariableResult": [
        _told("RateUnit", "A,W"),
        _told("PeriodsPerSchedule", "24"),
        _told("ProfileStackLevel", "8"),
        _told("Phases3to1", "false"),
    ]
}


class Stage:
    """``said``: the calls that came, not yet answered, as (id, action, payload); ``replies``: what our own were answered with."""

    def __init__(
        self,
        protocol: str = V16,
        options: OcppOptions = OcppOptions(),  # noqa: B008 - it is frozen
        rules: Rules = Rules(),  # noqa: B008 - it is frozen
        connectors: tuple[int, ...] = (1,),
        pinned: Pinned = Pinned(),  # noqa: B008 - it is frozen
        *,
        read_only: bool = False,
        ends: bool = False,
    ) -> None:
        self.protocol = protocol
        self.t_s = 0.0
        self.outlets = [
            Outlet(
                OutletSettings(f"evse-{n}", "CP-1", n, options=options, pinned=pinned, read_only=read_only, ends=ends)
            )
            for n in connectors
        ]
        self.notes: list[tuple[str, str, Mapping[str, Any]]] = []
        self.desk = Desk(rules, count(100).__next__)
        self.said: list[tuple[str, str, dict[str, Any]]] = []
        self.replies: list[list[Any]] = []
        self._ids = (f"gw-{n}" for n in count(1))
        self._station_ids = (f"cp-{n}" for n in count(1))
        self.session = self._anew()

    @property
    def now(self) -> Instants:
        return Instants(self.t_s, START_UTC_S + self.t_s)

    def look(self) -> Seen:
        return self.outlets[0].seen(self.now)

    def held(self) -> Setpoint:
        holds = self.look().condition.holds
        assert holds is not None
        return holds

    def currents(self) -> Currents:
        currents = self.look().capability.currents
        assert currents is not None
        return currents

    def _anew(self) -> Session:
        return Session(
            DIALECTS[self.protocol],
            self.desk,
            self.outlets,
            self._ids.__next__,
            lambda outlet, kind, correlation, body: self.notes.append((kind, correlation, body)),
        )

    def open(self) -> None:
        """The station connects, for the first time or again."""
        self.session = self._anew()
        self.said.clear()
        self._out(self.session.opened(self.now))

    def close(self) -> None:
        self.session.closed("its station is not connected")

    def pass_s(self, seconds: float) -> None:
        self.t_s += seconds
        self._out(self.session.due(self.now))

    def want(self, setpoint: Setpoint, connector: int = 0) -> None:
        self.outlets[connector].want(setpoint)
        self._out(self.session.due(self.now))

    def call(self, action: str, payload: Mapping[str, Any]) -> Any:
        """The station calls; the payload of our result, or the code of our error."""
        before = len(self.replies)
        self.raw(json.dumps([2, next(self._station_ids), action, payload]))
        assert len(self.replies) == before + 1
        reply = self.replies[-1]
        return reply[2]

    def raw(self, text: str) -> None:
        self._out(self.session.received(text, self.now))

    def answer(self, action: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The station answers the call that it was sent; what that asked."""
        id_, asked, said = self.said.pop(0)
        assert asked == action
        self.raw(json.dumps([3, id_, payload]))
        return said

    def fail(self, action: str, code: str) -> dict[str, Any]:
        """The station answers the call with an error."""
        id_, asked, said = self.said.pop(0)
        assert asked == action
        self.raw(json.dumps([4, id_, code, "", {}]))
        return said

    def introduced(self) -> "Stage":
        """Connected, booted, and all that is asked at first is answered; an eighth of a second has passed."""
        self.open()
        if self.protocol == V16:
            self.call("BootNotification", {"chargePointVendor": "Acme", "chargePointModel": "One"})
            self.answer("GetConfiguration", MANNERS_16)
        else:
            station = {"vendorName": "Acme", "model": "One"}
            self.call("BootNotification", {"reason": "PowerUp", "chargingStation": station})
            self.answer("GetVariables", MANNERS_201)
        self.settle()
        self.t_s += 0.125
        return self

    def settle(self) -> None:
        """Answer whatever does not concern limits with consent, and questions about them with no limit."""
        while self.said and self.said[0][1] in _CONSENT:
            id_, action, _ = self.said.pop(0)
            self.raw(json.dumps([3, id_, _CONSENT[action]]))

    def told(self, limit_a: float) -> dict[str, Any]:
        """The limit that is on its way now is taken, and shown as ``limit_a``; the profile."""
        payload = self.answer("SetChargingProfile", {"status": "Accepted"})
        self.answer("GetCompositeSchedule", self.composite(limit_a))
        return payload

    def composite(self, *limits_a: float, unit: str = "A", every_s: int = 300) -> dict[str, Any]:
        """A composite schedule with these limits, one after the other, then the fallback."""
        listed = [{"startPeriod": n * every_s, "limit": one} for n, one in enumerate((*limits_a, 6.0))]
        if self.protocol == V16:
            schedule = {"chargingRateUnit": unit, "chargingSchedulePeriod": listed}
            return {"status": "Accepted", "connectorId": 1, "chargingSchedule": schedule}
        start = "2023-11-14T22:13:20Z"
        about = {"evseId": 1, "duration": 420, "scheduleStart": start, "chargingRateUnit": unit}
        return {"status": "Accepted", "schedule": {**about, "chargingSchedulePeriod": listed}}

    def _out(self, texts: tuple[str, ...]) -> None:
        for text in texts:
            message = json.loads(text)
            if message[0] == 2:
                self.said.append((message[1], message[2], message[3]))
                assert len(self.said) == 1, "one call at a time is in flight"
            else:
                self.replies.append(message)


_SET = {"component": {"name": "SampledDataCtrlr"}, "variable": {"name": "TxUpdatedInterval"}}
_CONSENT: Mapping[str, Any] = {
    "ChangeConfiguration": {"status": "Accepted"},
    "SetVariables": {"setVariableResult": [{"attributeStatus": "Accepted", **_SET}]},
    "TriggerMessage": {"status": "Accepted"},
    "SendLocalList": {"status": "Accepted"},
    "GetCompositeSchedule": {"status": "Rejected"},
}
