"""How the thread begins: without a server, with a refused certificate, a wrong PIN, the other profile, watching only, a locked ledger."""

import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from certs import dev_ca, tls
from tests.protocols.ieee2030_5.lab import Authority
from tests.scenarios.thread.meanwhile import meanwhile
from tests.scenarios.thread.stage import FAIL_SAFE_W, LEGACY, LOAD_W, MODERN, PIN, RATED_W, SLACK_W, stage

pytestmark = pytest.mark.asyncio(loop_scope="session")

EXPIRES_S = 12


@meanwhile
async def test_a_wrong_pin_is_obeyed_in_nothing(folder: Path) -> None:
    """The registration says another PIN: no control is read, let alone written; the fail-safe stands."""
    async with stage(folder) as thread:
        await thread.program("feeder", 5, default={"modes": {"opModExpLimW": 4000}})
        control = await thread.export_limit(1000)
        async with thread.gateway(pin=PIN + 10):
            await thread.limited(FAIL_SAFE_W)
            status = await thread.status()
            assert status["upstreams"][0]["refused"] == "pin"
            assert {one["basis"] for one in status["sites"][0]["in_force"]} == {"fail_safe"}
            assert control["mRID"] not in thread.statuses
            assert not [one for one in thread.exchanges if one.path.startswith(("/derp", "/edev/1/fsa"))]


@meanwhile
async def test_observing_writes_and_answers_nothing(folder: Path) -> None:
    """It reads, decides and shows; no register is written and no Response posted."""
    async with stage(folder) as thread:
        await thread.program("feeder", 5)
        control = await thread.export_limit(1000)
        async with thread.gateway(mode="observe"):
            await thread.until("read", lambda: any(one.path == "/derp/1/derc" for one in thread.exchanges))
            await thread.polls(3, "/derp/1/derc")
            status = await thread.status()
            (held,) = status["sites"][0]["in_force"]
            assert (held["event"], held["basis"]) == (control["mRID"], "event")
            assert not thread.record.writes
            assert not [one for one in thread.exchanges if one.method == "POST"]
            assert thread.export_w == pytest.approx(sum(RATED_W.values()) - LOAD_W)


@meanwhile
async def test_percent_of_the_summed_rating_is_shared_by_both_inverters(folder: Path) -> None:
    """opModMaxLimW 30 % of 5000 W + 6000 W = 3300 W; in equal shares of each rating: 1500 W and 1800 W, wherever the house is."""
    async with stage(folder) as thread:
        await thread.settings(dialect="csip")
        await thread.program("feeder", 5, default={"modes": {"opModMaxLimW": 8000}})
        async with thread.gateway(profile="csip"):
            # 80 % of 11000 W
            await thread.until("default", lambda: thread.record.now_w == pytest.approx(8800, abs=2))
            control = await thread.control("feeder", {"opModMaxLimW": 3000})
            await thread.answered(control, 1, 2)
            await thread.until("30 %", lambda: thread.record.now_w == pytest.approx(3300, abs=2))
            assert thread.record.permitted_w(LEGACY) == pytest.approx(1500, abs=1)
            assert thread.record.permitted_w(MODERN) == pytest.approx(1800, abs=1)
            await thread.until("produced", lambda: thread.export_w == pytest.approx(3300 - LOAD_W, abs=5))


@meanwhile
async def test_what_was_asked_for_survives_restarts_without_the_server(folder: Path) -> None:
    """Hold, stop, start again: no server; one of another authority; our certificate expired. Event, then default, from disk.

    Each time somebody has opened the inverters meanwhile, so that what holds afterwards was written afterwards.
    """
    async with stage(folder, serve=False) as thread:
        expires = datetime.now(UTC) + timedelta(seconds=EXPIRES_S)
        issued = dev_ca.issue(thread.authority.issuer, "short-lived", expires, not_after=expires)
        paths = dev_ca.write(issued, thread.authority.folder, "short-lived")
        thread.files = tls.TlsFiles(paths.chain, paths.key, paths.root)
        async with thread.serving():
            await thread.opened()
            await thread.program("feeder", 5, default={"modes": {"opModExpLimW": 2000}})
            async with thread.gateway():
                # a default alone first, then an event that ends while there is nobody to ask
                await thread.limited(2000)
                event = await thread.export_limit(1000, duration_s=10)
                await thread.answered(event, 1, 2)
                await thread.limited(1000)
        await thread.open_inverters()
        async with thread.gateway():
            await thread.limited(1000)
            await thread.until("the event is over", lambda: thread.record.now_w > 1000 + LOAD_W + SLACK_W)
            await thread.limited(2000)
            await thread.until("our certificate expired", lambda: datetime.now(UTC) > expires)
            assert time.time() >= event["start_s"] + 10
        foreign = folder / "foreign"
        foreign.mkdir()
        for authority in (Authority(foreign), thread.authority):
            await thread.open_inverters()
            async with thread.serving(authority):
                first = len(thread.exchanges)
                async with thread.gateway():
                    await thread.limited(2000)
                # no handshake, so no request; the 3 that is owed stays owed
                assert len(thread.exchanges) == first
                assert thread.statuses[event["mRID"]] == [1, 2]


@meanwhile
async def test_a_ledger_that_cannot_be_written_stops_loosening_alone(folder: Path) -> None:
    """Another program holds it: a tightening is written, a loosening waits with its Responses, an alarm shows; then all goes on."""
    async with stage(folder) as thread:
        await thread.program("feeder", 5)
        async with thread.gateway():
            first = await thread.export_limit(2000)
            await thread.answered(first, 1, 2)
            await thread.limited(2000)
            with closing(sqlite3.connect(folder / "data" / "ledger.db", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                since_s = thread.site.site.t_s
                tighter = await thread.export_limit(1000)
                # At most 1000 W: what the first look after the change took too much of cannot be given back now, for that loosens.
                await thread.until("tightened to 1000 W", lambda: thread.record.now_w <= 1000 + LOAD_W + SLACK_W)
                await thread.alarmed("locked")
                looser = await thread.export_limit(3000)
                await thread.polls(2, "/derp/1/derc")
                assert thread.record.now_w <= 1000 + LOAD_W + SLACK_W
                assert thread.record.most_w(since_s) <= 2000 + LOAD_W + SLACK_W
                assert tighter["mRID"] not in thread.statuses
                assert looser["mRID"] not in thread.statuses
                other.execute("ROLLBACK")
            await thread.limited(3000)
            await thread.answered(tighter, 1, 2, 7)
            await thread.answered(looser, 1, 2)
            assert not (await thread.status())["sites"][0]["alarms"]


@meanwhile
async def test_a_refusal_in_mid_schedule_stops_no_schedule(folder: Path) -> None:
    """403 on everything: what was downloaded runs on and starts by the clock; then nothing is known, so the fail-safe; then all resumes."""
    async with stage(folder) as thread:
        await thread.program("feeder", 5)
        # people mend certificates, so ten minutes lie between two tries; here the wait is cut
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("protocols.ieee2030_5.session.polling.REFUSED_S", 2.0)
            async with thread.gateway():
                running = await thread.export_limit(1500, duration_s=8)
                following = await thread.export_limit(1000, duration_s=6, start_s=running["start_s"] + 8)
                await thread.answered(following, 1)
                await thread.limited(1500)
                since_s = thread.site.site.t_s
                async with thread.mischief("status", status=403):
                    await thread.polls(1, "/dcap")
                    await thread.limited(1000)
                    assert thread.record.most_w(since_s) <= 1500 + LOAD_W + SLACK_W
                    await thread.until("the last is over", lambda: thread.record.now_w > 1500 + LOAD_W + SLACK_W)
                    await thread.limited(FAIL_SAFE_W)
                await thread.answered(following, 1, 2, 3)
                fresh = await thread.export_limit(1200)
                await thread.answered(fresh, 1, 2)
                await thread.limited(1200)


@meanwhile
async def test_nothing_opens_between_back_to_back_controls(folder: Path) -> None:
    """1500 W, then at once 1000 W, under a default of 3000 W: no register ever permits more than 1500 W and the load."""
    async with stage(folder) as thread:
        await thread.program("feeder", 5, default={"modes": {"opModExpLimW": 3000}})
        async with thread.gateway():
            first = await thread.export_limit(1500, duration_s=8)
            second = await thread.export_limit(1000, duration_s=6, start_s=first["start_s"] + 8)
            await thread.limited(1500)
            since_s = thread.site.site.t_s
            await thread.answered(first, 1, 2, 3)
            await thread.answered(second, 1, 2)
            await thread.limited(1000)
            assert thread.record.most_w(since_s) <= 1500 + LOAD_W + SLACK_W
            await thread.answered(second, 1, 2, 3)
            await thread.limited(3000)
