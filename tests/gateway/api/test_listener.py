"""Who is let in: nobody without a token that is known, whatever the path; and what is too large is not read."""

import asyncio
import gzip
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
from aiohttp import http_parser

from gateway.api.osed import paths
from gateway.log.book import latest
from tests.gateway.api.osed.stage import SECRET, program


@pytest.mark.parametrize(
    "token",
    [
        None,
        "",
        "intelligence",
        "intelligence.",
        f".{SECRET}",
        f"other.{SECRET}",
        "intelligence.wrong",
        f"intelligence.{SECRET}x" * 40,
    ],
)
@pytest.mark.parametrize("path", ["/direct_control/power_limit", "/no/such/path"])
async def test_whoever_shows_no_token_is_told_nothing(tmp_path: Path, token: str | None, path: str) -> None:
    async with program(tmp_path) as at:
        at.token = token
        status, told = await at.post(path, {"limit": 5})
        assert (status, set(told)) == (401, {"detail"})
        assert at.headers_told["WWW-Authenticate"] == "Bearer"
        assert at.held() == []


async def test_another_kind_of_authorisation_is_none(tmp_path: Path) -> None:
    async with program(tmp_path) as at:
        at.token, at.headers = None, {"Authorization": f"Basic intelligence.{SECRET}"}
        assert (await at.get("/devices/"))[0] == 401


async def test_a_token_that_is_known_is_known_again_and_a_path_that_is_not_is_not(tmp_path: Path) -> None:
    async with program(tmp_path) as at:
        assert (await at.get("/devices/"))[0] == 200
        assert (await at.get("/devices/"))[0] == 200
        assert (await at.get("/no/such/path"))[0] == 404
        assert (await at.get("/direct_control/power_limit"))[0] == 405
        at.token = f"intelligence.{SECRET[:-1]}"
        assert (await at.get("/devices/"))[0] == 401


async def test_a_token_that_is_no_text_is_none(tmp_path: Path) -> None:
    """RFC 9110, 5.5: a field's bytes beyond ASCII are opaque; they come from whoever likes to send them."""
    async with program(tmp_path) as at:
        host, port = at.url.removeprefix("http://").split(":")
        for name in (b"intelligence", b"\xff"):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"GET /devices/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + name + b".\xff\xfe\r\n\r\n")
            assert (await reader.readline()).split()[1] == b"401"
            writer.close()
            await writer.wait_closed()


async def test_strangers_who_ask_without_end_do_not_fill_the_log(tmp_path: Path) -> None:
    """It keeps so many rows: who could make it as many as he likes would have it forget what happened."""
    async with program(tmp_path) as at:
        at.token = None
        for _ in range(100):
            await at.get("/devices/")
        at.token = f"intelligence.{SECRET}"
        for _ in range(30):
            assert (await at.get("/devices/"))[0] == 200
        at.token = None
        await at.rig.time.go(60.0)
        await at.get("/devices/")
        await at.log.flush()
    told = [one for one in latest(tmp_path / "log.db", rows=500) if one.kind == "api"]
    assert len([one for one in told if one.correlation == "intelligence"]) == 30, "who is known is always noted"
    strangers = [one.body.get("unsaid", 0) for one in told if one.correlation == ""]
    assert len(strangers) < 30
    assert strangers[-1] + len(strangers) == 101, "each is written down or counted"


async def test_a_crowd_that_says_nothing_keeps_nobody_out(tmp_path: Path) -> None:
    async with program(tmp_path) as at, AsyncExitStack() as crowd:
        host, port = at.url.removeprefix("http://").split(":")
        readers = []
        for _ in range(400):
            reader, writer = await asyncio.open_connection(host, int(port), local_addr=("127.0.0.2", 0))
            readers.append(reader)
            crowd.callback(writer.close)
        with suppress(ConnectionResetError):
            async with asyncio.timeout(10):
                assert await readers[0].read() == b"", "where there is no room it makes some"
        assert (await at.get("/devices/"))[0] == 200


async def test_too_large_is_refused(tmp_path: Path) -> None:
    async with program(tmp_path) as at:
        status, _ = await at.call("POST", "/mpc/calculate_mpc", raw=b" " * 300_000)
        assert status == 413


async def test_who_asked_what_is_in_the_log(tmp_path: Path) -> None:
    async with program(tmp_path) as at:
        await at.post("/direct_control/power_limit", {"limit": 5})
        at.token = None
        await at.post("/direct_control/power_limit", {"limit": 6})
        await at.log.flush()
    told = [(one.correlation, one.body["status"]) for one in latest(tmp_path / "log.db", rows=200) if one.kind == "api"]
    assert sorted(told) == [("", 401), ("intelligence", 200)]


async def test_what_is_compressed_is_not_unpacked_whoever_sends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unpacked, two megabytes of a stranger's held up the loop for two seconds, and those of four strangers for seven."""
    packed = gzip.compress(b'{"limit": 5}')
    unpacked: list[int] = []
    monkeypatch.setattr(http_parser.DeflateBuffer, "feed_data", lambda _, data, *more: unpacked.append(len(data)))
    async with program(tmp_path) as at:
        at.headers = {"Content-Encoding": "gzip"}
        assert (await at.call("POST", "/direct_control/power_limit", raw=packed))[0] == 415
        at.token = None
        assert (await at.call("POST", "/direct_control/power_limit", raw=packed))[0] == 401
        assert at.held() == []
    assert unpacked == []


async def test_a_body_that_never_comes_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "_BODY_S", 0.0)
    async with program(tmp_path) as at:
        host, port = at.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = b"POST /direct_control/power_limit HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\nContent-Length: 9\r\n\r\n"
        writer.write(head % f"intelligence.{SECRET}".encode())
        assert (await reader.readline()).split()[1] == b"408"
        writer.close()
        await writer.wait_closed()
        assert at.held() == []
