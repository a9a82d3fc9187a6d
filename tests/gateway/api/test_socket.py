"""The local socket serves the gateway's own user, one gateway at a time, in JSON whatever happens."""

import os
import socket
import stat
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from gateway.api import socket as api
from gateway.api.bodies import body_of
from gateway.api.socket import call, serve, socket_path
from grid_functions.model.errors import OperatorFault, Unreachable


def app() -> web.Application:
    async def good(_: web.Request) -> web.Response:
        return web.json_response({"good": True})

    async def refuses(_: web.Request) -> web.Response:
        raise OperatorFault("no device is named 'x'", "devices: pv")

    async def breaks(_: web.Request) -> web.Response:
        raise ZeroDivisionError("a defect")

    async def echo(request: web.Request) -> web.Response:
        return web.json_response(await body_of(request))

    made = web.Application()
    made.router.add_post("/echo", echo)
    made.router.add_get("/good", good)
    made.router.add_get("/refuses", refuses)
    made.router.add_get("/breaks", breaks)
    return made


@asynccontextmanager
async def served(path: Path) -> AsyncIterator[None]:
    runner = await serve(path, app())
    try:
        yield
    finally:
        await runner.cleanup()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_folder_and_socket_are_the_owners_alone(tmp_path: Path) -> None:
    path = socket_path(tmp_path)
    path.parent.mkdir(mode=0o755, parents=True)
    path.parent.chmod(0o755)  # a careless umask before us
    async with served(path):
        assert (mode(path.parent), mode(path)) == (0o700, 0o600)
        assert await call(path, "GET", "/good") == {"good": True}


async def test_another_user_is_refused_by_the_kernels_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with served(socket_path(tmp_path)):
        monkeypatch.setattr(api, "_user_of", lambda _: os.getuid() + 4242)
        with pytest.raises(OperatorFault, match="own user only"):
            await call(socket_path(tmp_path), "GET", "/good")


async def test_the_kernel_tells_our_own_user() -> None:
    here, there = socket.socketpair()
    with here, there:
        assert api._user_of(here) == os.getuid()


async def test_a_second_gateway_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    path = socket_path(tmp_path)
    async with served(path):
        with pytest.raises(OperatorFault, match=r"another gateway listens.*stop it"):
            await serve(path, app())
        assert await call(path, "GET", "/good") == {"good": True}


async def test_a_socket_left_by_one_that_was_killed_is_taken_over(tmp_path: Path) -> None:
    path = socket_path(tmp_path)
    path.parent.mkdir(parents=True)
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    with pytest.raises(Unreachable):
        await call(path, "GET", "/good")
    async with served(path):
        assert await call(path, "GET", "/good") == {"good": True}


@pytest.mark.parametrize("temporary", [None, "t" * 90])
async def test_a_folder_too_deep_for_a_socket_gets_a_short_one_of_its_own(
    tmp_path: Path, temporary: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever temporary files are to go."""
    if temporary is not None:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / temporary))
    deep = tmp_path / ("d" * 90) / ("e" * 90)
    deep.mkdir(parents=True)
    path = socket_path(deep)
    assert len(os.fsencode(path)) <= 100
    assert path == socket_path(deep)
    assert path != socket_path(deep.parent / "f")
    async with served(path):
        assert mode(path.parent) == 0o700
        assert await call(path, "GET", "/good") == {"good": True}
    path.unlink(missing_ok=True)  # Python 3.13 takes it away itself
    path.parent.rmdir()


async def test_a_folder_that_leads_elsewhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o755)
    (tmp_path / "run").symlink_to(tmp_path / "home")
    with pytest.raises(OperatorFault, match="is a link"):
        await serve(tmp_path / "run" / "gateway.sock", app())
    assert mode(tmp_path / "home") != 0o700


async def test_a_folder_that_is_a_file_is_the_operators_matter(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(OperatorFault, match="choose another data folder"):
        await serve(tmp_path / "run" / "gateway.sock", app())


@pytest.mark.parametrize(
    ("route", "words"),
    [
        ("/refuses", r"no device is named 'x': devices: pv"),
        ("/breaks", r"could not answer \(ZeroDivisionError\): its log says why"),
        ("/nowhere", "Not Found"),
    ],
)
async def test_errors_come_as_json_with_what_to_do(tmp_path: Path, route: str, words: str) -> None:
    async with served(socket_path(tmp_path)):
        with pytest.raises(OperatorFault, match=words):
            await call(socket_path(tmp_path), "GET", route)


@pytest.mark.parametrize("body", [b"", b"[", b"\xff", b"[]", b"null", b"[" * 100_000, b'{"a":' * 100_000])
async def test_a_body_that_is_no_object_is_the_callers_matter(tmp_path: Path, body: bytes) -> None:
    connector = aiohttp.UnixConnector(path=str(socket_path(tmp_path)))
    async with (
        served(socket_path(tmp_path)),
        aiohttp.ClientSession(connector=connector) as session,
        session.post("http://gateway/echo", data=body) as response,
    ):
        assert response.status == 409
        assert "no JSON" in (await response.json())["error"]


async def test_with_nobody_listening_it_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match=r"no gateway answers.*osed run"):
        await call(socket_path(tmp_path), "GET", "/good")


async def test_a_socket_that_nobody_accepts_on_is_no_gateway(tmp_path: Path) -> None:
    listening = socket.socket(socket.AF_UNIX)
    with listening:
        listening.bind(str(tmp_path / "s"))
        with pytest.raises(Unreachable):
            await call(tmp_path / "s", "GET", "/good")
