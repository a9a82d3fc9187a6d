"""What operator and occupant say over the socket: taken, kept, refused with what can be said instead."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.api.routes import routes
from gateway.api.socket import call, serve, socket_path
from gateway.areas.registry import Areas
from gateway.loop import SiteLoop
from gateway.specification import Difference
from grid_functions.model.control import ExportLimit, GenerationLimit
from grid_functions.model.errors import OperatorFault
from grid_functions.model.ports import Clock
from grid_functions.words import Lock, Override
from tests.gateway.site import Rig, idle, read
from tests.scenarios.decide.site import event


@dataclass
class Running:
    """A gateway of one site, as the socket sees it."""

    sites: Mapping[str, SiteLoop]
    clock: Clock
    log_path: Path
    name: str = "gateway"

    @property
    def areas(self) -> Areas:
        """None here."""
        raise OperatorFault("no areas in this test", "none")

    def upstreams(self) -> list[dict[str, Any]]:
        """None to speak of."""
        return []

    def alarms(self) -> list[str]:
        """None."""
        return []

    def guests(self) -> Mapping[str, Mapping[str, Any]]:
        """None."""
        return {}

    async def reload(self) -> Difference:
        """Nothing to reload."""
        raise AssertionError

    def stop(self, *, release: bool) -> None:
        """Not asked for."""
        raise AssertionError


@asynccontextmanager
async def running(rig: Rig, folder: Path) -> AsyncIterator[tuple[SiteLoop, Path]]:
    """The site runs and is served."""
    async with rig.running() as loop:
        await rig.look(loop)
        path = socket_path(folder)
        runner = await serve(path, routes(Running({"house": loop}, rig.time, folder / "log.db")))
        try:
            yield loop, path
        finally:
            await runner.cleanup()


async def test_an_override_holds_before_the_answer_is_given_and_is_released_by_name(tmp_path: Path) -> None:
    rig = Rig()
    async with running(rig, tmp_path) as (loop, path):
        body = {"kind": "generation-limit", "value": 1000, "for_s": 60}
        assert await call(path, "POST", "/override", body) == {"site": "house", "held": ["operator/generation_limit"]}
        assert rig.devices["a"].limits[-1] == 500.0
        assert any(isinstance(one.value, Override) for one in rig.ledger.kept.values())
        told = (await call(path, "GET", "/status"))["sites"][0]["words"]
        assert [(one["name"], one["ends_in_s"]) for one in told] == [("operator/generation_limit", 60.0)]
        answer = await call(path, "POST", "/release", {"name": "operator/generation_limit"})
        assert answer == [{"site": "house", "released": "operator/generation_limit"}]
        assert loop.state.words.holds == {}


async def test_a_lock_names_its_device(tmp_path: Path) -> None:
    rig = Rig()
    async with running(rig, tmp_path) as (loop, path):
        await call(path, "POST", "/override", {"kind": "lock", "devices": ["a"]})
        assert rig.devices["a"].limits[-1] == 0.0
        assert isinstance(loop.state.words.holds["lock/a"], Lock)
        assert len(await call(path, "POST", "/release", {"all": True})) == 1
        assert await call(path, "POST", "/release", {"all": True}) == []


@pytest.mark.parametrize(
    ("route", "body", "words"),
    [
        ("/override", {"kind": "export_limit", "value": -1}, "give 0 to 1e"),
        ("/override", {"kind": "export_limit"}, "None cannot be meant"),
        ("/override", {"kind": "export_limit", "value": True}, "cannot be meant"),
        ("/override", {"kind": "max_power", "value": 100.5}, "give 0 to 100"),
        ("/override", {"kind": "price", "value": 1}, "choose one of export_limit"),
        ("/override", {"kind": "off", "by": "neighbour"}, "operator, occupant"),
        ("/override", {"kind": "off", "devices": ["c"]}, "there are: a, b"),
        ("/override", {"kind": "export_limit", "value": 1, "devices": ["a"]}, "of the connection, not of a device"),
        ("/override", {"kind": "off", "site": "barn"}, "there are: house"),
        ("/override", {"kind": "off", "for_s": 0}, "more than 0 s"),
        ("/override", {"kind": "lock"}, "name it with --device"),
        ("/override", {"kind": "lock", "devices": ["a"], "by": "occupant"}, "a lock is the operator's"),
        ("/override", {}, "kind is missing"),
        ("/release", {"name": "operator/off"}, "nothing is held"),
        ("/release", {}, "name is missing"),
        ("/opt", {"event": "e"}, "in or out is missing"),
        ("/opt", {"event": "nobody", "out": True}, "no event 'nobody' is known.*there are: e"),
        ("/opt", {"event": "e", "out": True}, "utility lets nobody opt out"),
    ],
)
async def test_what_cannot_be_meant_is_refused_with_what_can(
    tmp_path: Path, route: str, body: dict[str, Any], words: str
) -> None:
    rig = Rig()
    async with running(rig, tmp_path) as (loop, path):
        loop.take_read(read(event("e", ExportLimit(3000.0))))
        await idle()
        with pytest.raises(OperatorFault, match=words):
            await call(path, "POST", route, body)
        assert loop.state.words.holds == {}


async def test_a_word_that_is_not_kept_is_not_answered_until_it_is(tmp_path: Path) -> None:
    rig = Rig()
    async with running(rig, tmp_path) as (loop, path):
        rig.ledger.full()
        asked = asyncio.create_task(call(path, "POST", "/override", {"kind": "off"}))
        for _ in range(50):
            await idle()
        assert "operator/energize" in loop.state.words.holds  # it tightens, and so it holds already
        assert not asked.done()
        rig.ledger.fault = None
        await rig.time.go(2.0)
        assert (await asked)["held"] == ["operator/energize"]


async def test_a_limit_that_loosens_is_only_within_what_others_want(tmp_path: Path) -> None:
    rig = Rig()
    async with running(rig, tmp_path) as (loop, path):
        loop.take_read(read(event("e", GenerationLimit(1000.0))))
        await idle()
        await call(path, "POST", "/override", {"kind": "generation_limit", "value": 9000})
        assert rig.devices["a"].limits[-1] == 500.0
