"""A third party's charge points (the package ``ocpp``), over a real socket; what they do with a profile is said here, by hand."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType
from ocpp import routing
from ocpp.v16 import ChargePoint as ChargePoint16
from ocpp.v16 import call as call16
from ocpp.v16 import call_result as result16
from ocpp.v201 import ChargePoint as ChargePoint201
from ocpp.v201 import call as call201
from ocpp.v201 import call_result as result201

Handler = TypeVar("Handler", bound=Callable[..., Any])


def on(action: str) -> Callable[[Handler], Handler]:
    """The package's decorator, which is not typed."""
    decorator: Callable[[Handler], Handler] = routing.on(action)
    return decorator


class Wire:
    """What the package wants of a connection."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket

    async def recv(self) -> str:
        message = await self._socket.receive()
        if message.type is not WSMsgType.TEXT:
            raise ConnectionError(f"closed ({self._socket.close_code})")
        return str(message.data)

    async def send(self, text: str) -> None:
        await self._socket.send_str(text)


def _composed(profile: Mapping[str, Any] | None, duration: int, schedule: Mapping[str, Any] | None) -> dict[str, Any]:
    """The periods of the profile as seen from now, as a station that obeys it shows them."""
    if profile is None or schedule is None:
        return {"charging_rate_unit": "A", "charging_schedule_period": [{"start_period": 0, "limit": 32.0}]}
    start = datetime.fromisoformat(schedule["start_schedule"])
    passed_s = int((datetime.now(UTC) - start).total_seconds())
    periods = [
        {**one, "start_period": max(0, one["start_period"] - passed_s), "limit": float(one["limit"])}
        for one in schedule["charging_schedule_period"]
    ]
    current = [one for one in periods if one["start_period"] == 0][-1:]
    later = [one for one in periods if 0 < one["start_period"] < duration]
    return {"charging_rate_unit": schedule["charging_rate_unit"], "charging_schedule_period": [*current, *later]}


class Station16(ChargePoint16):  # type: ignore[misc]  # the package is not typed
    """One connector that obeys the profile it was given last."""

    profile: Mapping[str, Any] | None = None

    @on("SetChargingProfile")
    def on_set(self, connector_id: int, cs_charging_profiles: Mapping[str, Any]) -> Any:
        self.profile = cs_charging_profiles
        return result16.SetChargingProfile(status="Accepted")

    @on("ClearChargingProfile")
    def on_clear(self, **_: Any) -> Any:
        known, self.profile = self.profile is not None, None
        return result16.ClearChargingProfile(status="Accepted" if known else "Unknown")

    @on("GetCompositeSchedule")
    def on_show(self, connector_id: int, duration: int, **_: Any) -> Any:
        schedule = None if self.profile is None else self.profile["charging_schedule"]
        shown = _composed(self.profile, duration, schedule)
        return result16.GetCompositeSchedule(status="Accepted", connector_id=connector_id, charging_schedule=shown)

    @on("GetConfiguration")
    def on_ask(self, key: list[str]) -> Any:
        unit = {"key": "ChargingScheduleAllowedChargingRateUnit", "readonly": True, "value": "Current"}
        return result16.GetConfiguration(configuration_key=[unit], unknown_key=key[1:])

    @on("ChangeConfiguration")
    def on_change(self, **_: Any) -> Any:
        return result16.ChangeConfiguration(status="Accepted")

    @on("TriggerMessage")
    def on_trigger(self, **_: Any) -> Any:
        return result16.TriggerMessage(status="NotImplemented")

    async def introduce(self) -> Any:
        answer = await self.call(call16.BootNotification("One", "Acme", charge_point_serial_number="S-1"))
        await self.call(call16.StatusNotification(connector_id=1, error_code="NoError", status="Preparing"))
        return answer

    async def measure(self, power_w: float) -> None:
        stamp = datetime.now(UTC).isoformat()
        value = {"value": str(power_w), "measurand": "Power.Active.Import", "unit": "W"}
        values = [{"timestamp": stamp, "sampled_value": [value]}]
        await self.call(call16.MeterValues(connector_id=1, meter_value=values))


class Station201(ChargePoint201):  # type: ignore[misc]  # the package is not typed
    """One EVSE that obeys the profile it was given last."""

    profile: Mapping[str, Any] | None = None

    @on("SetChargingProfile")
    def on_set(self, evse_id: int, charging_profile: Mapping[str, Any]) -> Any:
        self.profile = charging_profile
        return result201.SetChargingProfile(status="Accepted")

    @on("ClearChargingProfile")
    def on_clear(self, **_: Any) -> Any:
        known, self.profile = self.profile is not None, None
        return result201.ClearChargingProfile(status="Accepted" if known else "Unknown")

    @on("GetCompositeSchedule")
    def on_show(self, evse_id: int, duration: int, **_: Any) -> Any:
        schedule = None if self.profile is None else self.profile["charging_schedule"][0]
        about = {"evse_id": evse_id, "duration": duration, "schedule_start": datetime.now(UTC).isoformat()}
        shown = {**about, **_composed(self.profile, duration, schedule)}
        return result201.GetCompositeSchedule(status="Accepted", schedule=shown)

    @on("GetVariables")
    def on_ask(self, get_variable_data: list[Mapping[str, Any]]) -> Any:
        told = [{"attribute_status": "UnknownVariable", **one} for one in get_variable_data]
        return result201.GetVariables(get_variable_result=told)

    @on("SetVariables")
    def on_change(self, set_variable_data: list[Mapping[str, Any]]) -> Any:
        told = [
            {"attribute_status": "Accepted", "component": one["component"], "variable": one["variable"]}
            for one in set_variable_data
        ]
        return result201.SetVariables(set_variable_result=told)

    async def introduce(self) -> Any:
        station = {"model": "One", "vendor_name": "Acme", "serial_number": "S-1"}
        answer = await self.call(call201.BootNotification(charging_station=station, reason="PowerUp"))
        stamp = datetime.now(UTC).isoformat()
        await self.call(call201.StatusNotification(stamp, "Occupied", 1, 1))
        return answer

    async def measure(self, power_w: float) -> None:
        stamp = datetime.now(UTC).isoformat()
        values = [{"timestamp": stamp, "sampled_value": [{"value": power_w, "measurand": "Power.Active.Import"}]}]
        await self.call(call201.MeterValues(evse_id=1, meter_value=values))


STATIONS: Mapping[str, type[Any]] = {"ocpp1.6": Station16, "ocpp2.0.1": Station201}


@asynccontextmanager
async def socket_to(
    port: int,
    station: str = "CP-1",
    protocol: str = "ocpp1.6",
    password: bytes | None = None,
    context: ssl.SSLContext | None = None,
) -> AsyncIterator[ClientWebSocketResponse]:
    """A socket to the central system. Raises WSServerHandshakeError where it refuses."""
    headers = {}
    if password is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(station.encode() + b":" + password).decode()
    way = "ws" if context is None else "wss"
    async with (
        ClientSession() as session,
        session.ws_connect(
            f"{way}://127.0.0.1:{port}/charge/{station}",
            protocols=[protocol] if protocol else [],
            headers=headers,
            ssl=True if context is None else context,
        ) as socket,
    ):
        yield socket


@asynccontextmanager
async def station_at(
    port: int, protocol: str, profile: Mapping[str, Any] | None = None, **how: Any
) -> AsyncIterator[Any]:
    """The package's charge point, connected and listening."""
    async with socket_to(port, protocol=protocol, **how) as socket:
        station = STATIONS[protocol]("CP-1", Wire(socket))
        station.profile = profile
        listening = asyncio.create_task(station.start())
        try:
            yield station
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await listening
