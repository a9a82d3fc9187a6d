"""The longest time for which an event of 288 intervals holds up everything else in the loop, beside openleadr's validate and parse.

Ours is the whole client: the bytes of the answer to its poll, read, reconciled, translated, handed over, kept. A task that only yields
measures the gaps, in CPU time of the loop's thread: what threads take besides is bounded by the switch interval. The bound is 10 ms;
the peer does its work in the loop at one go.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from openleadr.messaging import parse_message, validate_xml_schema

from benchmarks.openadr.documents import distribution
from benchmarks.row import Row
from benchmarks.sessions.product import Memory
from gateway.clock import SystemClock, SystemDice
from grid_functions.model.claim import Source, SourceKind
from grid_functions.model.event import Read
from grid_functions.model.policy import OptOut, Policy, Vanished
from protocols.openadr2b.client import Client2b
from protocols.openadr2b.exchanger import Codec
from protocols.openadr2b.session.terms import Terms
from protocols.openadr2b.wire.events import EiResponse, OadrResponse
from protocols.openadr2b.wire.messages import Service
from protocols.openadr2b.wire.registration import OadrCreatedPartyRegistration
from protocols.openadr2b.wire.reports import OadrRegisteredReport
from protocols.openadr2b.wire.writer import encode

BOUND_MS = 10.0
ROUNDS = 11
OK = EiResponse(responseCode=200)


def run() -> list[dict[str, Any]]:
    """One row beside the bound, one beside the peer."""
    body = distribution(1, 288)
    ours = [asyncio.run(_held_ms(body)) for _ in range(ROUNDS)]
    theirs = []
    for _ in range(ROUNDS):
        start = time.thread_time()
        validate_xml_schema(body)
        parse_message(body)
        theirs.append(1e3 * (time.thread_time() - start))
    case = "event of 288 intervals, longest hold"
    return [
        Row("oadr_loop_hold", case, "ms CPU", ours, [BOUND_MS] * ROUNDS, "bound", 1.0, "asyncio").plain(),
        Row("oadr_loop_hold", case, "ms CPU", ours, theirs, "openleadr", 0.5, "asyncio").plain(),
    ]


async def _held_ms(body: bytes) -> float:
    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=next(answers[Service(request.match_info["service"])]), content_type="application/xml")

    answers = {service: _answers(service, body) for service in Service}
    app = web.Application()
    app.router.add_post("/{service}", answer)
    server = TestServer(app)
    await server.start_server()
    terms = Terms(name="vtn", url=str(server.make_url("")), ven_name="depot", query=False)
    policy = Policy("vtn", Source(SourceKind.OPENADR, "vtn", None), False, Vanished.CANCEL, OptOut.ALL)
    clock = SystemClock()
    client = Client2b(
        terms, policy=policy, ssl_context=None, memory=Memory(), clock=clock.showing("vtn"), dice=SystemDice()
    )
    read = asyncio.Event()
    warm = asyncio.get_running_loop().run_in_executor(None, len, b"")
    await warm
    await Codec().read(body)

    def take(one: Read) -> None:
        assert len(one.events[0].intervals) == 288
        read.set()

    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        before = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            longest, before = max(longest, now - before), now

    watcher = asyncio.create_task(watch())
    session = asyncio.create_task(client.run(take))
    await read.wait()
    await asyncio.sleep(0.05)  # what is kept is written meanwhile
    for task in (watcher, session):
        task.cancel()
    await asyncio.gather(watcher, session, return_exceptions=True)
    await server.close()
    return 1e3 * longest


def _answers(service: Service, body: bytes) -> Iterator[bytes]:
    registered = OadrCreatedPartyRegistration(eiResponse=OK, registrationID="r", venID="ven", vtnID="vtn")
    first = {
        Service.REGISTER: encode(registered),
        Service.REPORT: encode(OadrRegisteredReport(eiResponse=OK)),
        Service.EVENT: body,
    }
    if service in first:
        yield first[service]
    while True:
        yield encode(OadrResponse(eiResponse=OK))


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
