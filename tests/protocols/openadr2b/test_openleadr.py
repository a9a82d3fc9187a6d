"""Real conversations with openleadr's VTN over loopback: plain, mutual TLS, EC and RSA signatures."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from certs.signature import Signer, Trust, Verifier
from certs.tls import openadr_client_context
from grid_functions.model.control import DispatchKind, LoadDispatch, ShedLevel
from grid_functions.model.event import EventKey, EventStatus, Respondent
from grid_functions.model.outcome import OutcomeKind
from tests.protocols.openadr2b.authority import authority
from tests.protocols.openadr2b.vtn import Forward, Kept, Wall, between, kilowatts, signal, ven, vtn

ME = Respondent("vtn", "depot")


async def test_registers_reads_and_accepts_an_event() -> None:
    async with vtn() as utility:
        utility.add("e1", signal("LOAD_DISPATCH", "setpoint", 5, 7, measurement=kilowatts()))
        async with ven(utility.url) as depot:
            await depot.until(lambda: utility.opts)
            assert utility.opts == [("e1", "optIn")]
            event = depot.events["e1"]
            assert event.key == EventKey(ME, "e1")
            assert [interval.controls for interval in event.intervals] == [
                (LoadDispatch(DispatchKind.SETPOINT_W, 5000.0),),
                (LoadDispatch(DispatchKind.SETPOINT_W, 7000.0),),
            ]
            assert [(interval.offset_s, interval.duration_s) for interval in event.intervals] == [(0, 900), (900, 900)]
            await depot.until(lambda: depot.fates)
            status = depot.client.status(Wall().now())
            assert status["registered"]
            assert (status["ven_id"], status["vtn_id"]) == ("ven-1", "my-vtn")


@pytest.mark.parametrize("kind", ["ec", "rsa"])
@pytest.mark.parametrize("signed", [False, True])
async def test_over_mutual_tls_with_and_without_signatures(tmp_path: Path, kind: str, signed: bool) -> None:
    root = authority(tmp_path, kind)
    theirs, ours = root.issue("vtn"), root.issue("ven")
    more: dict[str, Any] = {"ssl_context": openadr_client_context(ours.files)}
    if signed:
        more["sign"] = Signer(ours.certificate, ours.key, time.time)
        more["verify"] = Verifier(Trust.of([theirs.fingerprint]), time.time)
    async with vtn(party=theirs, ven_fingerprint=ours.fingerprint, signed=signed) as utility:
        utility.add("e1")
        async with ven(utility.url, **more) as depot:
            await depot.until(lambda: utility.opts)
            assert utility.opts == [("e1", "optIn")]
            assert utility.registrations[0]["xml_signature"] is signed
            await depot.until(lambda: depot.fates)


async def test_a_restart_registers_nothing_anew() -> None:
    memory = Kept()
    async with vtn() as utility:
        utility.add("e1")
        async with ven(utility.url, memory=memory) as depot:
            await depot.until(lambda: depot.fates and {"registration", "events"} <= memory.rows.keys())
        async with ven(utility.url, memory=memory) as depot:
            await depot.until(lambda: "e1" in depot.events)
        assert len(utility.registrations) == 1


async def test_a_cancelled_event_stops_and_the_vtn_lets_it_go() -> None:
    async with vtn() as utility:
        utility.add("e1")
        utility.add("e2")
        async with ven(utility.url) as depot:
            await depot.until(lambda: len(depot.fates) == 2)
            utility.server.cancel_event("ven-1", "e1")
            await depot.until(lambda: depot.events["e1"].status is EventStatus.CANCELLED)
            await depot.until(lambda: len(utility.server.events["ven-1"]) == 1)
            assert depot.events["e2"].status is not EventStatus.CANCELLED


async def test_a_refusal_of_the_devices_opts_out_of_that_event_alone() -> None:
    async with vtn() as utility:
        utility.add("good")
        utility.add("impossible")
        async with ven(utility.url, refuse=frozenset({"impossible"})) as depot:
            await depot.until(lambda: len(utility.opts) == 2)
            assert sorted(utility.opts) == [("good", "optIn"), ("impossible", "optOut")]


async def test_report_requests_are_taken_and_confirmed() -> None:
    async with vtn(reports_every=timedelta(minutes=1)) as utility, ven(utility.url) as depot:
        await depot.until(lambda: len(depot.client.status(Wall().now())["reports"]) == 2)
        pending = depot.client.status(Wall().now())["reports"]
        assert pending == [
            one.report_request_id for one in utility.server.services["report_service"].requested_reports["ven-1"]
        ]


async def test_a_name_with_markup_is_carried_whole() -> None:
    async with vtn() as utility, ven(utility.url, ven_name="Depot & <Sons>") as depot:
        await depot.until(lambda: utility.registrations and depot.reads)
        assert utility.registrations[0]["ven_name"] == "Depot & <Sons>"


async def test_a_vtn_clock_an_hour_off_is_told_and_followed() -> None:
    async with vtn() as utility:
        utility.add("e1", start=datetime.now(UTC))
        async with ven(utility.url, wall=Wall(-3600.0)) as depot:
            await depot.until(lambda: depot.events)
            assert any(alarm.key == "clock" and "3600 s ahead" in alarm.text for alarm in depot.alarms)
            told = depot.client.time_at(time.monotonic())
            assert abs(told.now_s - time.time()) < 2.0
            assert depot.events["e1"].intervals[0].controls == (ShedLevel(1),)


async def test_a_vtn_that_is_down_at_the_start_is_waited_for() -> None:
    """openleadr's client gives up here (fault 8)."""
    asked: list[str] = []

    async def late(service: str, forward: Forward) -> web.Response:
        asked.append(service)
        return web.Response(status=503, headers={"Retry-After": "0"}) if len(asked) <= 2 else await forward()

    async with vtn() as utility, between(utility.url, late) as url, ven(url) as depot:
        utility.add("e1")
        await depot.until(lambda: depot.events)
    assert asked[:3] == ["EiRegisterParty"] * 3


class Listening(dict[str, Any]):
    """openleadr forgets who wants to hear of an event once it was answered."""

    def pop(self, key: str, *default: Any) -> Any:
        return self[key]


async def test_opt_out_later_reaches_the_vtn() -> None:
    async with vtn() as utility:
        service = utility.server.services["event_service"]
        service.event_callbacks = Listening(service.event_callbacks)
        utility.add("e1")
        async with ven(utility.url) as depot:
            await depot.until(lambda: depot.fates)
            assert {opt for _, opt in utility.opts} == {"optIn"}
            depot.client.opt(EventKey(ME, "e1"), False)
            await depot.until(lambda: ("e1", "optOut") in utility.opts)
            await depot.tell(EventKey(ME, "e1"), OutcomeKind.OPTED_OUT)
