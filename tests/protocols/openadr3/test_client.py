"""The awaiting client and the VTN's server on loopback: HTTP, TLS with a private authority, limits, reports, restarts."""

import asyncio
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grid_functions.model.control import ImportLimit
from grid_functions.model.errors import OurFault, Refused, Unreachable
from grid_functions.model.event import EventKey, Respondent
from grid_functions.model.instants import ClockQuality, Moment
from grid_functions.model.outcome import Outcome, OutcomeKind
from protocols.exchange import Failed
from protocols.openadr3.desk.mischief import Trick
from protocols.openadr3.exchanger import Exchanger
from protocols.openadr3.server import VtnSettings, running
from protocols.openadr3.session.exchange import Method, Reply, Request
from protocols.openadr3.session.terms import AuthStyle
from tests.protocols.ieee2030_5.lab import Authority
from tests.protocols.openadr3.lab import IN_TIME_S, Kept, Log, Wall, held, served, vtn
from tests.protocols.openadr3.report.site import battery, charger, picture
from tests.protocols.openadr3.rig import TERMS, event, in_3_0_1

FAST = replace(TERMS, floor_s=1.0)


@pytest.mark.parametrize("terms", [FAST, in_3_0_1(FAST)], ids=["3.1", "3.0.1"])
@pytest.mark.parametrize("style", list(AuthStyle))
async def test_an_event_comes_down(terms: Any, style: AuthStyle) -> None:
    clients: dict[str, Any] = {"clients": ()} if style is AuthStyle.NONE else {}
    async with served(replace(terms, auth=style), **clients) as one:
        program = (await one.vtn.write("POST", "/programs", {"programName": "capacity"}))["id"]
        made = await one.vtn.write("POST", "/events", event(program))
        await one.until(lambda: any(read.events for read in one.reads))
        (found,) = one.reads[-1].events
        assert found.key == EventKey(one.client.respondents[0], made["id"])
        assert found.intervals[0].controls == (ImportLimit(5000.0),)
        status = one.client.status(Wall().now())
    assert (status["registered"], status["reachable"], status["events"], status["alarms"]) == (True, True, 1, {})
    assert status["edition"] == str(terms.edition)


async def test_over_tls_with_a_private_authority(tmp_path: Path) -> None:
    files = Authority(tmp_path).files("vtn")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(files.certificate, files.key)
    trust = ssl.create_default_context(cafile=files.ca)
    async with served(FAST, trust=trust, tls=server) as one:
        assert one.vtn.url.startswith("https://")
        assert (await one.complete()).complete


async def test_a_stranger_with_tls_is_not_spoken_to(tmp_path: Path) -> None:
    files = Authority(tmp_path).files("vtn")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(files.certificate, files.key)
    async with vtn(tls=server) as found, Exchanger(None) as exchanger:
        answer = await exchanger.exchange(Request(1, Method.GET, f"{found.url}/programs", "test", bearer="secret"))
    assert isinstance(answer, Failed)
    assert "certificate" in answer.why.lower()


async def test_outcomes_are_told_at_once_and_reports_go_up() -> None:
    """A report in pieces of a second, of an event that never ends."""
    terms = replace(FAST, report_s=1.0)
    async with served(terms) as one:
        await one.complete()
        program = (await one.vtn.write("POST", "/programs", {"programName": "capacity"}))["id"]
        asked = {
            "payloadType": "STORAGE_CHARGE_LEVEL",
            "startInterval": 0,
            "numIntervals": 1,
            "repeat": 1,
            "historical": False,
        }
        body = event(program, intervalPeriod={"start": "0001-01-01", "duration": "P9999Y"}, reportDescriptors=[asked])
        one.client.show(one.client.respondents[0], picture([battery(), charger()]), ())
        made = await one.vtn.write("POST", "/events", body)
        async with asyncio.timeout(IN_TIME_S):
            key = EventKey(one.client.respondents[0], made["id"])
            await one.client.tell(Outcome(key, OutcomeKind.STARTED, Moment("aggregator", 0.0)))
        await one.until(lambda: len(one.vtn.store.all("REPORT")))
        (report,) = await one.vtn.write("GET", "/reports")
    (interval,) = report["resources"][0]["intervals"]
    assert interval["payloads"] == [{"type": "STORAGE_CHARGE_LEVEL", "values": [0.6]}]


@pytest.mark.parametrize("does", ["large", "deep", "html", "cut", "nan", "truncated", "redirect"])
async def test_bad_answers_end_at_the_border(does: str) -> None:
    async with vtn(clients=()) as found, Exchanger(None) as exchanger:
        found.tricks.append(Trick(does))
        answer = await exchanger.exchange(Request(1, Method.GET, f"{found.url}/events", "test"))
    if does == "cut":
        assert isinstance(answer, Failed)
    else:
        assert isinstance(answer, Reply)
        assert not answer.good
        assert answer.json is None


async def test_a_body_beyond_a_few_kilobytes_is_parsed_apart_and_whole() -> None:
    async with vtn(clients=()) as found, Exchanger(None) as exchanger:
        program = (await found.write("POST", "/programs", {"programName": "p"}))["id"]
        intervals = [{"id": number, "payloads": [{"type": "PRICE", "values": [number / 7]}]} for number in range(2000)]
        await found.write("POST", "/events", event(program, intervals=intervals))
        answer = await exchanger.exchange(Request(1, Method.GET, f"{found.url}/events", "test"))
    assert isinstance(answer, Reply)
    assert len(answer.json[0]["intervals"]) == 2000


async def test_unchanged_bytes_come_back_as_the_very_same_object() -> None:
    async with vtn(clients=()) as found, Exchanger(None) as exchanger:
        await found.write("POST", "/programs", {"programName": "p"})
        request = Request(1, Method.GET, f"{found.url}/programs", "test")
        answers = [await exchanger.exchange(request) for _ in range(2)]
        await found.write("POST", "/programs", {"programName": "q"})
        answers.append(await exchanger.exchange(request))
    first, second, third = (one.json for one in answers if isinstance(one, Reply))
    assert first is second
    assert len(third) == 2


async def test_the_date_and_the_patience_of_a_vtn_are_read() -> None:
    async with vtn(clients=()) as found, Exchanger(None) as exchanger:
        found.tricks.append(Trick("clock", by_s=3600.0))
        answer = await exchanger.exchange(Request(1, Method.GET, f"{found.url}/events", "test"))
        found.tricks[:] = [Trick("status", status=503, by_s=7.0)]
        busy = await exchanger.exchange(Request(1, Method.GET, f"{found.url}/events", "test"))
    assert isinstance(answer, Reply)
    assert answer.date_s is not None
    assert 3590.0 < answer.date_s - Wall().now().utc_s < 3610.0
    assert isinstance(busy, Reply)
    assert busy.retry_s == 7.0


async def test_nobody_there_is_a_failure_and_nothing_worse() -> None:
    async with vtn() as found:
        url = found.url
    async with Exchanger(None) as exchanger:
        assert isinstance(await exchanger.exchange(Request(1, Method.GET, f"{url}/events", "test")), Failed)


async def test_an_exchange_needs_a_session() -> None:
    with pytest.raises(OurFault):
        await Exchanger(None).exchange(Request(1, Method.GET, "http://localhost/", "test"))


async def test_a_restart_remembers_when_now_was() -> None:
    memory = Kept()
    body = {"intervalPeriod": {"start": "0001-01-01T00:00:00Z", "duration": "PT30M"}}
    told = Log()
    async with vtn(told) as found:
        program = (await found.write("POST", "/programs", {"programName": "p"}))["id"]
        await found.write("POST", "/events", event(program, **body))
        starts = []
        for _ in range(2):
            async with held(found, FAST, told, memory=memory) as one:
                read = await one.complete()
                starts.append((read.events[0].start_s, read.events[0].version))
                await one.until(lambda: "sightings" in memory.rows)
    assert starts[0] == starts[1]


async def test_a_policy_and_a_time_for_each_respondent() -> None:
    async with served(replace(FAST, serves={"evse-1": frozenset({"a"}), "evse-2": frozenset({"b"})})) as one:
        await one.complete()
        first, second = one.client.respondents
        assert (first, second) == (Respondent("aggregator", "evse-1"), Respondent("aggregator", "evse-2"))
        assert one.client.policy(second).source.respondent == second
        with pytest.raises(OurFault):
            one.client.policy(Respondent("aggregator", "evse-3"))
        now = Wall().now()
        told = one.client.time_at(now.mono_s)
    assert told.quality is ClockQuality.SYNCHRONISED
    assert abs(told.now_s - now.utc_s) < 1.0


async def test_a_port_that_is_taken_is_said() -> None:
    async with vtn() as found:
        port = int(found.url.split(":")[2].split("/")[0])
        with pytest.raises(Unreachable, match="choose another port"):
            async with running(VtnSettings(port=port)):
                pass


async def test_business_logic_hears_why_it_is_refused() -> None:
    async with vtn() as found:
        with pytest.raises(Refused, match="missing: programName"):
            await found.write("POST", "/programs", {})
