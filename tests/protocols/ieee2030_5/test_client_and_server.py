"""Client and utility server over mutual TLS with ECDHE-ECDSA-AES128-CCM8: one control goes down, its Responses come up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

import pytest

from certs import tls
from grid_functions.model.control import ExportLimit, Mode
from grid_functions.model.device import Ability, Capability, Condition, How, Nameplate, Role, Seen
from grid_functions.model.event import EventKey, Read
from grid_functions.model.instants import Moment
from grid_functions.model.outcome import Outcome, OutcomeKind
from grid_functions.model.snapshot import Snapshot
from protocols.ieee2030_5.client import Client2030_5
from protocols.ieee2030_5.server import UtilityServer
from protocols.ieee2030_5.session.terms import Terms
from tests.protocols.ieee2030_5.lab import Authority, Told, server
from tests.protocols.ieee2030_5.session.rig import Middle
from tests.protocols.ieee2030_5.test_client import Kept, Wall, a_policy

IN_TIME_S = 20.0


class Served:
    """A running session with its reads, and the server it talks to."""

    def __init__(self, client: Client2030_5, utility: UtilityServer, told: Told) -> None:
        self.client, self.utility, self.told = client, utility, told
        self.reads: asyncio.Queue[Read] = asyncio.Queue()

    async def complete(self) -> Read:
        async with asyncio.timeout(IN_TIME_S):
            while not (read := await self.reads.get()).complete:
                pass
        return read


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    authority, told = Authority(tmp_path), Told()
    files = authority.files("device")
    identity = authority.identity(files)
    async with server(authority, told) as utility:
        await utility.admin("POST", "/devices", {"lfdi": identity.lfdi, "pin": 111115})
        terms = Terms(
            name="utility",
            url=f"https://127.0.0.1:{utility.port}/dcap",
            lfdi=identity.lfdi,
            sfdi=identity.sfdi,
            pin=111115,
            nmi="4102335210",
        )
        client = Client2030_5(
            terms,
            policy=a_policy("utility", terms.respondent),
            ssl_context=tls.client_context(files, ["CCM8"]),
            memory=Kept(),
            clock=Wall(),
            dice=Middle(),
        )
        found = Served(client, utility, told)
        await utility.admin("POST", "/programs", {"primacy": 1})
        await utility.admin("PUT", "/programs/1/default", {"modes": {"opModExpLimW": {"value": 5000, "multiplier": 0}}})
        await utility.admin(
            "POST",
            "/programs/1/controls",
            {"modes": {"opModExpLimW": {"value": 150, "multiplier": 1}}, "start_in_s": 60, "duration_s": 600},
        )
        running = asyncio.create_task(client.run(found.reads.put_nowait))
        try:
            yield found
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


async def test_a_control_and_a_default_come_down_and_the_response_goes_up(served: Served) -> None:
    read = await served.complete()
    (event,) = read.events
    assert event.intervals[0].controls == (ExportLimit(1500.0),)
    assert [standing.controls for standing in read.standings] == [(ExportLimit(5000.0),)]
    at_s = read.at_s
    async with asyncio.timeout(IN_TIME_S):
        await served.client.tell(Outcome(event.key, OutcomeKind.RECEIVED, Moment("utility", at_s)))
    (kept,) = await served.utility.admin("GET", "/responses")
    assert (kept["subject"], kept["status"]) == (event.key.id, 1)
    assert event.key == EventKey(served.client.respondent, event.key.id)


async def test_ratings_settings_and_status_are_taken_by_the_server(served: Served) -> None:
    await served.complete()
    pv = Seen(
        "pv",
        Role.PV,
        Nameplate(rated_w=5000.0, rated_va=5500.0),
        Capability(abilities=MappingProxyType({Mode.MAX_POWER: Ability(How.NATIVE)})),
        Condition(online=True, connected=True),
    )
    snapshot = Snapshot("house", Wall().now(), {}, {"pv": pv})
    served.client.show(served.client.respondent, snapshot, ())
    await served.told.until(
        lambda exchanges: len({one.path for one in exchanges if one.method == "PUT" and one.status < 300}) >= 3,
        IN_TIME_S,
    )
    assert [one for one in served.told.exchanges if one.status >= 400] == []
