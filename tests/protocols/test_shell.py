"""The shell all clients share, where no session is held: what is handed over meanwhile waits for the next one."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from adapters.doorway import Doorway
from grid_functions.model.instants import Instants
from grid_functions.model.reading import Average
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.units import Quantity
from protocols.exchange import Failed, Tick
from protocols.ieee2030_5.client import Client2030_5
from protocols.openadr2b.client import Client2b
from protocols.openadr2b.session.terms import Terms as Terms2b
from protocols.openadr3.client import Client3
from tests.protocols.ieee2030_5.session.rig import TERMS as TERMS_2030_5
from tests.protocols.openadr3.lab import IN_TIME_S, Kept, policy
from tests.protocols.openadr3.rig import TERMS as TERMS_3
from tests.protocols.openadr3.rig import Middle

NOBODY = "http://127.0.0.1:9"


class Seconds:
    """A clock that is a second later each time it is asked."""

    def __init__(self) -> None:
        self.mono_s = 0.0

    def now(self) -> Instants:
        self.mono_s += 1.0
        return Instants(self.mono_s, 1_800_000_000.0 + self.mono_s)


def _shell() -> dict[str, Any]:
    return {"policy": policy(), "ssl_context": None, "memory": Kept(), "clock": Seconds(), "dice": Middle()}


CLIENTS: dict[str, Callable[[], Any]] = {
    "ieee2030_5": lambda: Client2030_5(replace(TERMS_2030_5, url=f"{NOBODY}/dcap"), **_shell()),
    "openadr2b": lambda: Client2b(
        Terms2b(name="vtn", url=NOBODY, ven_name="depot", respondents={"": frozenset()}), **_shell()
    ),
    "openadr3": lambda: Client3(replace(TERMS_3, url=NOBODY), **_shell(), doorway=Doorway()),
}


@pytest.mark.parametrize("standard", CLIENTS)
async def test_of_pictures_before_a_session_the_last_is_enough_and_no_minute_is_lost(
    standard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = CLIENTS[standard]()
    given: list[Any] = []
    heard_all = asyncio.Event()
    step = client._step

    def heard(one: Any) -> Any:
        given.append(one)
        if isinstance(one, Tick):  # the first one follows what had waited
            heard_all.set()
        return step(one)

    monkeypatch.setattr(client, "_step", heard)
    minutes = [Average(Quantity.NET, None, 1_800_000_000.0 + 60.0 * n, 60.0, 100.0 * n, 1.0) for n in range(2)]
    for averages in ((), (minutes[0],), (), (minutes[1],), (), ()):
        client.show(client.respondents[0], Snapshot("house", Instants(0.0, 0.0), {}, {}), averages)
    session = asyncio.create_task(client.run(lambda read: None))
    async with asyncio.timeout(IN_TIME_S):
        await heard_all.wait()
    session.cancel()
    await asyncio.gather(session, return_exceptions=True)
    pictures = [one.averages for one in given if type(one).__name__ == "Picture"]
    assert pictures == [(minutes[0],), (minutes[1],), ()]


@pytest.mark.parametrize("standard", CLIENTS)
async def test_a_session_ends_though_a_wait_swallows_its_cancelling_once(
    standard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As asyncio's own did before Python 3.12, when what it waited for came in the same moment."""
    client, swallowed = CLIENTS[standard](), asyncio.Event()

    async def deaf() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            swallowed.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(client, "_beside", lambda: [deaf()])
    session = asyncio.create_task(client.run(lambda read: None))
    async with asyncio.timeout(IN_TIME_S):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        session.cancel()
        await asyncio.gather(session, return_exceptions=True)
    assert swallowed.is_set()


@pytest.mark.parametrize("standard", CLIENTS)
async def test_a_request_over_which_a_library_raises_what_nobody_foresaw_has_failed(
    standard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would stay under way for good else, and with it all that waits for it."""
    client = CLIENTS[standard]()
    failed: asyncio.Queue[Failed] = asyncio.Queue()
    step = client._step

    def heard(one: Any) -> Any:
        if isinstance(one, Failed):
            failed.put_nowait(one)
        return step(one)

    async def raising(_: object) -> None:
        raise ZeroDivisionError("a library's defect")

    monkeypatch.setattr(client, "_step", heard)
    monkeypatch.setattr(client._exchanger, "exchange", raising)
    session = asyncio.create_task(client.run(lambda read: None))
    async with asyncio.timeout(IN_TIME_S):
        one = await failed.get()
    assert "a library's defect" in one.why
    assert one.id not in client._under_way()
    session.cancel()
    await asyncio.gather(session, return_exceptions=True)
