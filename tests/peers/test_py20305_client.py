"""py20305's own CSIP client at our utility server, over mutual TLS 1.2."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from py20305.client.csip_client import CsipClient
from py20305.client.tls import TlsConfig
from py20305.events.dispatch import NullDispatcher
from py20305.telemetry.der_capability import build_der_capability
from py20305.telemetry.der_settings import build_der_settings
from py20305.telemetry.der_status import build_der_status
from py20305.telemetry.log_events import create_log_event_xml
from py20305.telemetry.mup import create_meter_reading_list, create_mup

from certs.tls import TlsFiles
from protocols.ieee2030_5.server import Exchange, UtilityServer
from tests.protocols.ieee2030_5.lab import Authority, Told, server

CCM8 = "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"


class Applied(NullDispatcher):
    """What the client would have written to a device."""

    def __init__(self) -> None:
        self.connect: list[bool | None] = []
        self.max_w: list[int | None] = []
        self.curves: list[Any] = []

    async def apply_control(self, device_href: str, derc: Any, curves: Any) -> None:
        self.connect.append(derc.dercontrol_base.op_mod_connect)
        limit = derc.dercontrol_base.op_mod_max_lim_w
        self.max_w.append(None if limit is None else limit.value)
        self.curves.append(curves)


def client_at(port: int, files: TlsFiles, dispatcher: NullDispatcher, pins: dict[str, int] | None = None) -> CsipClient:
    trust = TlsConfig(client_cert=files.certificate, client_key=files.key, ca_cert=files.ca, ciphers=CCM8)
    return CsipClient(
        f"https://127.0.0.1:{port}",
        tls=trust,
        dispatcher=dispatcher,
        registration_pins=pins,
    )


def there(href: str | None) -> str:
    """An href that the client must have found."""
    assert href is not None
    return href


def responses(exchanges: list[Exchange]) -> list[Exchange]:
    return [one for one in exchanges if one.method == "POST" and one.path == "/rsps/1/rsp"]


async def told_statuses(utility: UtilityServer) -> list[tuple[str, int]]:
    return [(one["subject"], one["status"]) for one in await utility.admin("GET", "/responses")]


async def test_registers_in_band_receives_executes_and_answers_1_2_3(tmp_path: Path) -> None:
    authority, told, applied = Authority(tmp_path), Told(), Applied()
    files = authority.files("device")
    me = authority.identity(files)
    async with server(authority, told) as utility:
        await utility.admin("PATCH", "/settings", {"in_band": True})
        await utility.admin("POST", "/programs", {"primacy": 1, "default": {"modes": {"opModConnect": True}}})
        client = client_at(utility.port, files, applied)
        async with client:
            await client.connect()
            assert await client.register_end_device(lfdi=me.lfdi) == "/edev/1"
            await client.trigger_rediscovery()
            assert [one.lfdi.hex().upper() for one in client.state.end_devices.values()] == [me.lfdi]
            running = asyncio.create_task(client.run())
            control = await utility.admin(
                "POST", "/programs/1/controls", {"start_in_s": 1, "duration_s": 2, "modes": {"opModConnect": False}}
            )
            await client.poll_now()
            await told.until(lambda seen: len(responses(seen)) >= 3, within_s=15)
            await client.shutdown()
            with suppress(asyncio.CancelledError):
                await running
        received = await utility.admin("GET", "/responses")
    assert [(one["lfdi"], one["subject"], one["status"]) for one in received] == [
        (me.lfdi, control["mRID"], 1),
        (me.lfdi, control["mRID"], 2),
        (me.lfdi, control["mRID"], 3),
    ]
    assert applied.connect == [False]
    assert {one.status for one in responses(told.exchanges)} == {201}


@asynccontextmanager
async def known_client(
    authority: Authority, told: Told, applied: Applied | None = None
) -> AsyncIterator[tuple[UtilityServer, CsipClient, str]]:
    """A client that the server knows out of band, with PIN 111115 and program 1, connected and polling."""
    files = authority.files("device")
    lfdi = authority.identity(files).lfdi
    async with server(authority, told) as utility:
        await utility.admin("POST", "/devices", {"lfdi": lfdi, "pin": 111115, "dialect": "csip"})
        await utility.admin("POST", "/programs", {"primacy": 1})
        async with client_at(utility.port, files, applied or Applied(), {lfdi: 111115}) as client:
            await client.connect()
            running = asyncio.create_task(client.run())
            yield utility, client, lfdi
            await client.shutdown()
            with suppress(asyncio.CancelledError):
                await running


async def test_a_control_that_is_cancelled_is_answered_6(tmp_path: Path) -> None:
    told = Told()
    async with known_client(Authority(tmp_path), told) as (utility, client, _):
        control = await utility.admin(
            "POST", "/programs/1/controls", {"duration_s": 600, "modes": {"opModMaxLimW": 5000}}
        )
        await client.poll_now()
        await told.until(lambda seen: len(responses(seen)) >= 2, within_s=15)
        await utility.admin("POST", "/controls/1/cancel")
        await client.poll_now()
        await told.until(lambda seen: len(responses(seen)) >= 3, within_s=15)
        assert await told_statuses(utility) == [(control["mRID"], status) for status in (1, 2, 6)]


async def test_a_control_that_another_replaces_is_answered_7(tmp_path: Path) -> None:
    told = Told()
    async with known_client(Authority(tmp_path), told) as (utility, client, _):
        body = {"duration_s": 600, "modes": {"opModMaxLimW": 5000}}
        older = await utility.admin("POST", "/programs/1/controls", body)
        await client.poll_now()
        await told.until(lambda seen: len(responses(seen)) >= 2, within_s=15)
        newer = await utility.admin("POST", "/programs/1/controls", body)
        await client.poll_now()
        await told.until(lambda seen: len(responses(seen)) >= 5, within_s=15)
        statuses = await told_statuses(utility)
    assert [status for mrid, status in statuses if mrid == older["mRID"]] == [1, 2, 7]
    assert [status for mrid, status in statuses if mrid == newer["mRID"]] == [1, 2]


async def test_what_the_client_puts_and_posts_is_taken(tmp_path: Path) -> None:
    async with known_client(Authority(tmp_path), Told()) as (utility, client, lfdi):
        (device,) = client.state.end_devices.values()
        http = client.http
        capability = build_der_capability({"WMaxRtg": {"value": 5000, "multiplier": 0}})
        assert await http.put(there(device.der_capability_href), capability) == 204
        settings = build_der_settings({"WMax": {"value": 4800, "multiplier": 0}, "GradW": 27}, 1)
        assert await http.put(there(device.der_settings_href), settings) == 204
        status = build_der_status(
            {"readingTime": 1, "genConnectStatus": {"dateTime": 1, "value": 7}}, server_2018_compat=True
        )
        assert await http.put(there(device.der_status_href), status) == 204
        report = await utility.admin("GET", "/devices/1/report")
        assert report["capability"]["rtgMaxW"] == {"multiplier": 0, "value": 5000}
        assert (report["settings"]["setMaxW"]["value"], report["settings"]["setGradW"]) == (4800, 27)
        assert report["status"]["genConnectStatus"] == {"dateTime": 1, "value": 7}
        point = create_mup(lfdi, {"W": 1200}, 60)
        location = await http.post(there(client.state.mup_list_href), point)
        assert await http.post(there(client.state.mup_list_href), point) == location == "/mup/1"
        readings = create_meter_reading_list(lfdi, {"W": 1200}, 60)
        assert await http.post(there(location), readings) == "/mup/1"
        values = await utility.admin("GET", "/mirrors/1/values")
        assert 1200 in [abs(one["value"]) for one in values]
        event = create_log_event_xml(2, 7, server_2018_compat=True)
        assert await http.post_bytes(there(device.log_event_list_href), event) == "/edev/1/lel/1"
        assert [one["logEventID"] for one in await utility.admin("GET", "/devices/1/log")] == [7]


async def test_of_two_programs_in_two_groups_the_better_one_is_executed(tmp_path: Path) -> None:
    """Primacy 0 in a group of the device's own, primacy 1 for everybody; each is received, the better one is written."""
    told, applied = Told(), Applied()
    async with known_client(Authority(tmp_path), told, applied) as (utility, client, _):
        await utility.admin("POST", "/fsas", {"devices": [1]})
        await utility.admin("POST", "/programs", {"primacy": 0, "fsa": 2})
        await client.trigger_rediscovery()
        body = {"start_in_s": 1, "duration_s": 600}
        worse = await utility.admin("POST", "/programs/1/controls", {**body, "modes": {"opModMaxLimW": 8000}})
        better = await utility.admin("POST", "/programs/2/controls", {**body, "modes": {"opModMaxLimW": 3000}})
        await client.poll_now()
        await told.until(lambda seen: len(responses(seen)) >= 4, within_s=15)
        (judged,) = (await utility.admin("GET", f"/controls/{better['number']}/responses"))["devices"]
        (beaten,) = (await utility.admin("GET", f"/controls/{worse['number']}/responses"))["devices"]
    assert judged["statuses"] == [1, 2]
    # Superseded by another program, before or after its start (2018 edition: 14 or 7).
    assert beaten["statuses"][0] == 1
    assert beaten["statuses"][-1] in (7, 14)
    assert applied.max_w[-1] == 3000


async def test_registers_in_band_finds_its_pin_and_its_own_programs(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    files = authority.files("device")
    lfdi = authority.identity(files).lfdi
    async with server(authority, Told()) as utility:
        await utility.admin("PATCH", "/settings", {"in_band": True, "in_band_pin": 111115})
        await utility.admin("POST", "/programs", {"primacy": 3})
        async with client_at(utility.port, files, Applied(), {lfdi: 111115}) as client:
            await client.connect()
            assert client.state.end_devices == {}
            href = await client.register_end_device(lfdi=lfdi)
            assert href == "/edev/1"
            # It reads the list first, in which it finds itself.
            with pytest.raises(ValueError, match="already registered"):
                await client.register_end_device(lfdi=lfdi)
            await client.trigger_rediscovery()
            assert list(client.state.end_devices) == ["/edev/1"]
            assert [one.primacy for one in client.state.der_programs.values()] == [3]
        (device,) = await utility.admin("GET", "/devices")
    assert (device["lfdi"], device["pin"], device["in_band"]) == (lfdi, 111115, True)


async def test_a_scheduled_control_that_is_cancelled_is_answered_6_and_never_written(
    tmp_path: Path,
) -> None:
    told, applied = Told(), Applied()
    async with known_client(Authority(tmp_path), told, applied) as (utility, client, _):
        body = {"start_in_s": 300, "duration_s": 60, "modes": {"opModMaxLimW": 5000}}
        control = await utility.admin("POST", "/programs/1/controls", body)
        await client.poll_now()
        await told.until(lambda seen: len(responses(seen)) >= 1, within_s=15)
        assert (await utility.admin("POST", "/controls/1/cancel"))["status"] == "cancelled"
        await client.poll_now()
        await told.until(lambda seen: len(responses(seen)) >= 2, within_s=15)
        assert await told_statuses(utility) == [(control["mRID"], 1), (control["mRID"], 6)]
    assert applied.max_w == []


async def test_a_curve_is_found_behind_its_link(tmp_path: Path) -> None:
    told, applied = Told(), Applied()
    points = [(92, 44), (98, 0), (102, 0), (108, -44)]
    async with known_client(Authority(tmp_path), told, applied) as (utility, client, _):
        curve = await utility.admin(
            "POST",
            "/programs/1/curves",
            {
                "curveType": 11,
                "CurveData": [{"xvalue": volts, "yvalue": var} for volts, var in points],
                "xMultiplier": 0,
                "yMultiplier": 0,
                "yRefType": 3,
            },
        )
        await client.trigger_rediscovery()
        modes = {"opModVoltVar": {"href": curve["href"]}}
        await utility.admin("POST", "/programs/1/controls", {"duration_s": 600, "modes": modes})
        await client.poll_now()
        await told.until(lambda seen: len(responses(seen)) >= 2, within_s=15)
    assert applied.curves
    text = repr(applied.curves[-1])
    for volts, var in points:
        assert f"xvalue={volts}" in text
        assert f"yvalue={var}" in text
