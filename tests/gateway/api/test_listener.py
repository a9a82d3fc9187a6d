"""Who is let in: nobody without a token that is known, whatever the path; and what is too large is not read."""

from pathlib import Path

import pytest

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
