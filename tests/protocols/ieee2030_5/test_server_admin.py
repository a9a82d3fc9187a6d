"""The operator's door: JSON over HTTP behind a bearer token."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from grid_functions.model.errors import Refused
from protocols.ieee2030_5.server import UtilityServer
from tests.protocols.ieee2030_5.lab import TOKEN, Authority, server
from tests.protocols.ieee2030_5.lines import Got, line_to, request


@pytest.fixture
async def utility(tmp_path: Path) -> AsyncIterator[UtilityServer]:
    async with server(Authority(tmp_path)) as found:
        await found.admin("POST", "/devices", {"lfdi": "A" * 40})
        yield found


async def ask(utility: UtilityServer, method: str, path: str, body: bytes = b"", **headers: str) -> Got:
    async with line_to(utility.admin_port, None) as line:
        line.send(request(method, path, body, **headers))
        return await line.receive()


async def test_with_the_token_json_goes_in_and_out(utility: UtilityServer) -> None:
    body = json.dumps({"primacy": 3}).encode()
    got = await ask(utility, "POST", "/programs", body, authorization=f"Bearer {TOKEN}")
    assert (got.status, got.headers["content-type"]) == (201, "application/json")
    assert json.loads(got.body)["primacy"] == 3
    got = await ask(utility, "GET", "/programs?fsa=1", authorization=f"bearer {TOKEN}")
    assert [one["number"] for one in json.loads(got.body)] == [1]


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer wrong",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer \xfc",
    ],
)
async def test_without_the_token_nothing_is_told_or_done(utility: UtilityServer, authorization: str | None) -> None:
    for method, path in (("GET", "/responses"), ("DELETE", "/devices/1"), ("GET", "/nowhere")):
        if authorization is None:
            got = await ask(utility, method, path)
        else:
            got = await ask(utility, method, path, authorization=authorization)
        assert (got.status, got.headers["www-authenticate"]) == (401, "Bearer")
        assert json.loads(got.body) == {"error": "Authorization: Bearer with the admin token is due"}
    assert len(await utility.admin("GET", "/devices")) == 1


async def test_a_refusal_comes_with_its_reason(utility: UtilityServer) -> None:
    got = await ask(utility, "POST", "/programs", b"{}", authorization=f"Bearer {TOKEN}")
    assert (got.status, json.loads(got.body)) == (400, {"error": "primacy: is missing"})
    with pytest.raises(Refused, match="primacy: is missing") as refused:
        await utility.admin("POST", "/programs", {})
    assert refused.value.code == 400


async def test_the_operators_door_does_not_lead_to_the_tree(utility: UtilityServer) -> None:
    got = await ask(utility, "GET", "/dcap", authorization=f"Bearer {TOKEN}")
    assert got.status == 404
