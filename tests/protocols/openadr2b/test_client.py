"""The awaiting shell: what it promises the roof, whatever the VTN and the memory do."""

import asyncio
import time
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from grid_functions.model.device import Capability, Condition, Nameplate, Role, Seen
from grid_functions.model.errors import LedgerUnavailable, OurFault
from grid_functions.model.event import EventKey, Respondent
from grid_functions.model.instants import Moment
from grid_functions.model.outcome import Outcome, OutcomeKind
from grid_functions.model.reading import Average
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from protocols.exchange import Failed
from protocols.openadr2b.client import Client2b
from protocols.openadr2b.exchanger import LONG_BYTES, Codec, Exchanger
from protocols.openadr2b.session.exchange import Reply, Request
from protocols.openadr2b.session.terms import Terms
from protocols.openadr2b.wire.events import OadrDistributeEvent
from protocols.openadr2b.wire.messages import Service
from protocols.openadr2b.wire.reader import MalformedBody
from protocols.openadr2b.wire.registration import OadrCreateOpt, OadrPoll
from protocols.openadr2b.wire.writer import encode
from tests.protocols.openadr2b.samples import START_S, distribution, event, signal
from tests.protocols.openadr2b.vtn import POLICY, Forward, Kept, Low, Wall, between, ven, vtn
from tests.protocols.openadr2b.vtn import signal as peers_signal

ME = Respondent("vtn", "depot")


def client(**more: Any) -> Client2b:
    terms = Terms(
        name="vtn", url="http://127.0.0.1:9", ven_name="depot", respondents={"": frozenset(), "r1": frozenset({"pv"})}
    )
    shell: dict[str, Any] = {"policy": POLICY, "ssl_context": None, "memory": Kept(), "clock": Wall(), "dice": Low()}
    return Client2b(terms, **{**shell, **more})


def test_respondents_are_known_before_any_registration() -> None:
    one = client()
    assert one.respondents == (ME, Respondent("vtn", "r1"))
    assert one.policy(ME) is POLICY
    with pytest.raises(OurFault, match="no resource"):
        one.policy(Respondent("vtn", "r2"))
    assert one.status(Wall().now())["registered"] is False


def test_policies_by_respondent() -> None:
    one = client(policy=None, policies={ME: POLICY})
    assert one.policy(ME) is POLICY
    with pytest.raises(OurFault):
        one.policy(Respondent("vtn", "r1"))


def test_signatures_go_both_ways() -> None:
    with pytest.raises(OurFault, match="both ways"):
        client(sign=lambda body: body)
    assert client(sign=lambda body: body, verify=lambda body: body).terms.xml_signature


async def test_an_outcome_told_twice_is_sent_once_and_one_told_before_the_session_waits_for_it() -> None:
    posted: list[str] = []

    async def count(service: str, forward: Forward) -> web.Response:
        posted.append(service)
        return await forward()

    async with vtn() as utility, between(utility.url, count) as url, ven(url) as depot:
        utility.add("e1")
        await depot.until(lambda: depot.fates)
        before = posted.count("EiEvent")
        await depot.client.tell(depot.fates[0])
        assert posted.count("EiEvent") == before


async def test_told_before_a_session_is_held() -> None:
    one = client()
    waiting = asyncio.create_task(one.tell(Outcome(EventKey(ME, "e1"), OutcomeKind.RECEIVED, Moment("vtn", 0.0))))
    await asyncio.sleep(0)
    assert not waiting.done()
    session = asyncio.create_task(one.run(lambda read: None))
    await asyncio.wait_for(waiting, 5.0)  # of an event nobody knows there is nothing to say
    session.cancel()
    await asyncio.gather(session, return_exceptions=True)


async def test_a_session_is_held_again_after_it_was_left() -> None:
    async with vtn() as utility:
        utility.add("e1")
        async with ven(utility.url) as depot:
            await depot.until(lambda: depot.fates)
            again = depot.client
        read = asyncio.Event()
        session = asyncio.create_task(again.run(lambda one: read.set()))
        await asyncio.wait_for(read.wait(), 20.0)
        session.cancel()
        await asyncio.gather(session, return_exceptions=True)
        assert len(utility.registrations) == 1


class Full(Kept):
    """A ledger whose disk is full for the first writes."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals = 0

    async def put(self, key: str, version: int, body: bytes) -> None:
        if self.refusals < 1:
            self.refusals += 1
            raise LedgerUnavailable("disk full")
        await super().put(key, version, body)


async def test_a_memory_that_cannot_keep_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protocols.shell.RETRY_S", 0.0)
    memory = Full()
    async with vtn() as utility, ven(utility.url, memory=memory) as depot:
        utility.add("e1")
        await depot.until(lambda: depot.fates and {"registration", "events"} <= memory.rows.keys())
        assert memory.refusals == 1


async def test_pictures_become_reports() -> None:
    class Ahead(Wall):
        """Two hours pass at the turn of a hand."""

        shift_s = 0.0

        def now(self) -> Any:
            now = super().now()
            return type(now)(now.mono_s + self.shift_s, now.utc_s + self.shift_s)

    wall = Ahead()
    async with vtn(reports_every=timedelta(minutes=1)) as utility, ven(utility.url, wall=wall) as depot:
        await depot.until(lambda: len(depot.client.status(wall.now())["reports"]) == 2)
        now = wall.now()
        minute = now.utc_s // 60 * 60 + 60
        average = Average(Quantity.NET, None, minute, 60.0, 1234.0, 1.0)
        look = Seen("pv", Role.PV, Nameplate("m", "m", "s"), Capability(), Condition(online=True))
        depot.client.show(ME, Snapshot("s", now, {}, {"pv": look}), (average,))
        wall.shift_s = 300.0

        def told(point: str) -> list[float]:
            # The peer stumbles over a report with nothing measured in it, which is sent again later: that time passes too.
            wall.shift_s += 1.0
            depot.client.show(ME, Snapshot("s", now, {}, {"pv": look}), ())
            return [float(value) for name, values in utility.values if name == point for _, value in values]

        await depot.until(lambda: told("RealPower").count(1234.0) == 1)
        await depot.until(lambda: any(energy > 0.0 for energy in told("RealEnergy")))
        assert round(max(told("RealEnergy")), 2) == round(1234.0 / 60.0, 2)


async def test_what_a_vtn_without_the_service_says_to_an_opt() -> None:
    async with vtn() as utility, ven(utility.url) as depot:
        await depot.until(lambda: depot.reads)
        opt = OadrCreateOpt(
            optID="o", optType="optOut", optReason="x-schedule", venID="", createdDateTime=START_S, requestID=""
        )
        depot.client.schedule(opt)
        await depot.until(lambda: any(alarm.key == "opt" for alarm in depot.alarms))
        depot.client.unschedule("o")
        depot.client.leave()
        await depot.until(lambda: depot.client.status(Wall().now())["stage"] == "left")


async def _post(answer: web.Response) -> Reply | Failed:
    async def handler(service: str, forward: Forward) -> web.Response:
        return answer

    async with (
        between("http://nowhere", handler) as url,
        Exchanger(url, None, Codec(), time.monotonic) as exchanger,
    ):
        return await exchanger.exchange(Request(1, Service.POLL, OadrPoll(venID="v"), "test"))


BODIES = {
    "html": (b"<html>maintenance</html>", "HTML page"),
    "json": (b"{}", "not XML"),
    "cut": (encode(OadrPoll(venID="v"))[:-10], "not well-formed"),
    "bomb": (b'<!DOCTYPE a [<!ENTITY b "b">]><a>&b;</a>', "document type"),
    "ten megabytes": (bytes(10_000_000), "more than"),
}


@pytest.mark.parametrize(("body", "why"), BODIES.values(), ids=BODIES)
async def test_bodies_that_are_no_message_are_faults_of_the_reply(body: bytes, why: str) -> None:
    reply = await _post(web.Response(body=body))
    assert isinstance(reply, Reply)
    assert reply.body is None
    assert why in reply.fault


async def test_headers_of_an_answer() -> None:
    told = {"Retry-After": "120", "Date": "Sun, 29 Nov 2026 12:00:00 GMT"}
    reply = await _post(web.Response(status=503, headers=told))
    assert isinstance(reply, Reply)
    assert (reply.status, reply.retry_s, reply.date_s) == (503, 120.0, int(START_S))
    for value in ("Sun, 29 Nov 2026 12:00:00 GMT", "-5", "soon", ""):
        reply = await _post(web.Response(status=503, headers={"Retry-After": value}))
        assert isinstance(reply, Reply)
        assert reply.retry_s == 0.0
    # a minute before the calendar's end its events and reports could soon be dated in no way, and the session ended with the first of them
    for value in ("Fri, 31 Dec 9999 23:59:00 GMT", "Wed, 01 Jan 3000 00:00:00 GMT", "noon"):
        reply = await _post(web.Response(status=503, headers={"Date": value}))
        assert isinstance(reply, Reply)
        assert reply.date_s is None


async def test_headers_of_a_request() -> None:
    """Length and type always; chunked never (profile 1.1, clause 9)."""
    seen: list[tuple[dict[str, str], bytes]] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append((dict(request.headers), await request.read()))
        return web.Response(status=503)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        url = "http://{}:{}/OpenADR2/Simple/2.0b".format(*runner.addresses[0])
        async with Exchanger(url, None, Codec(), time.monotonic) as exchanger:
            await exchanger.exchange(Request(1, Service.POLL, OadrPoll(venID="v"), "test"))
    finally:
        await runner.cleanup()
    ((headers, body),) = seen
    assert headers["Content-Type"] == "application/xml"
    assert int(headers["Content-Length"]) == len(body) > 0
    assert "Transfer-Encoding" not in headers
    assert headers["Host"] in url


async def test_nobody_there_is_a_failure_not_an_error() -> None:
    async with Exchanger("http://127.0.0.1:9", None, Codec(), time.monotonic) as exchanger:
        failed = await exchanger.exchange(Request(1, Service.POLL, OadrPoll(venID="v"), "test"))
    assert isinstance(failed, Failed)


async def test_a_message_of_ours_that_cannot_be_written_is_never_sent() -> None:
    async with Exchanger("http://127.0.0.1:9", None, Codec(), time.monotonic) as exchanger:
        reply = await exchanger.exchange(Request(1, Service.POLL, OadrPoll(venID="\x00"), "test"))
    assert isinstance(reply, Reply)
    assert reply.status == 406


async def test_long_documents_and_signed_ones_are_read_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[Any] = []
    real = asyncio.to_thread

    async def noted(function: Any, *arguments: Any) -> Any:
        threads.append(function)
        return await real(function, *arguments)

    monkeypatch.setattr(asyncio, "to_thread", noted)
    short = encode(distribution(event()))
    long = encode(distribution(event("e", signal("SIMPLE", "level", *([1.0] * 288)))))
    assert len(short) < LONG_BYTES < len(long)
    await Codec().read(short)
    assert threads == []
    decoded = await Codec().read(long)
    assert isinstance(decoded.message, OadrDistributeEvent)
    assert len(threads) == 1
    signed = Codec(lambda body: body, lambda body: body)
    await signed.read(short)
    await signed.written(OadrPoll(venID="v"))
    assert len(threads) == 3


async def test_a_signature_that_is_not_believed_is_a_malformed_body() -> None:
    def refuse(body: bytes) -> bytes:
        raise ValueError("there is none")

    with pytest.raises(MalformedBody, match="signature: there is none"):
        await Codec(lambda body: body, refuse).read(encode(OadrPoll(venID="v")))


async def test_an_answer_whose_signature_is_stripped_on_the_way_changes_nothing() -> None:
    """With signatures configured, what is not signed is ignored (rule 514); the VTN counts as silent."""

    def refuse(body: bytes) -> bytes:
        raise ValueError("there is none")

    async with vtn() as utility, ven(utility.url, sign=lambda body: body, verify=refuse) as depot:
        utility.add("e1")
        await depot.until(lambda: any("signature: there is none" in alarm.text for alarm in depot.alarms))
        assert depot.reads == []
        assert utility.registrations == []


async def test_no_signal_of_the_peer_is_lost_over_a_hundred_events() -> None:
    async with vtn() as utility:
        for number in range(100):
            utility.add(f"{number:04}", peers_signal())
        async with ven(utility.url) as depot:
            await depot.until(lambda: len(depot.events) == 100)
            assert sorted(depot.events) == [f"{number:04}" for number in range(100)]
