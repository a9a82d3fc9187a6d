"""The local socket: JSON over HTTP on a Unix socket that only the gateway's own user may open.

Two locks: the socket lies in a folder of mode 0700, and each connection's user id, as the kernel tells it, must be ours or root's.
"""

import asyncio
import hashlib
import os
import socket
import struct
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import structlog
from aiohttp import web

from grid_functions.model.errors import GatewayError, OperatorFault, Unreachable

_log = structlog.get_logger("api")

_LONGEST = 100
"""Bytes of a Unix socket's path that every system takes."""

_SHORT = Path("/tmp")  # noqa: S108  # a folder that only this user may enter is made there


def socket_path(data: Path) -> Path:
    """Where the gateway of this data folder listens; a long path is replaced by a short one derived from it."""
    direct = data.resolve() / "run" / "gateway.sock"
    digest = hashlib.sha256(os.fsencode(direct)).hexdigest()[:16]
    name = Path(f"osed-{os.getuid()}-{digest}") / "gateway.sock"
    paths = (direct, Path(tempfile.gettempdir()) / name)
    return next((path for path in paths if len(os.fsencode(path)) <= _LONGEST), _SHORT / name)


async def serve(path: Path, app: web.Application) -> web.AppRunner:
    """Listen at ``path`` until the runner is cleaned up. Raises OperatorFault when another gateway listens there."""
    _make_private(path.parent)
    if await _answers(path):
        raise OperatorFault(f"another gateway listens at {path}", "stop it, or choose another data folder")
    with suppress(FileNotFoundError):
        os.unlink(path)
    app.middlewares.append(_only_own_user)
    app.middlewares.append(_errors_as_json)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.UnixSite(runner, str(path)).start()
    os.chmod(path, 0o600)
    return runner


async def call(path: Path, method: str, route: str, body: Mapping[str, Any] | None = None) -> Any:
    """One request to the running gateway. Raises Unreachable when none listens, OperatorFault with what it said when it refused."""
    connector = aiohttp.UnixConnector(path=str(path))
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30)) as session,
            session.request(method, f"http://gateway{route}", json=body) as response,
        ):
            answer = await response.json()
    except (TimeoutError, aiohttp.ClientError, OSError) as fault:
        raise Unreachable(
            f"no gateway answers at {path}", "start it with 'osed run', or name its file with --config"
        ) from fault
    if response.status >= 400:
        raise OperatorFault(str(answer.get("error", response.reason)), str(answer.get("advice", "")))
    return answer


def _make_private(folder: Path) -> None:
    advice = "remove it, or choose another data folder"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.is_symlink():  # made by whoever may write beside it, to lead us elsewhere
            raise OperatorFault(f"{folder} is a link", advice)
        if folder.stat().st_uid != os.getuid():
            raise OperatorFault(f"{folder} belongs to another user", advice)
        folder.chmod(0o700)
    except OSError as fault:
        raise OperatorFault(f"{folder}: {fault.strerror}", advice) from fault


@web.middleware
async def _only_own_user(request: web.Request, handler: Any) -> web.StreamResponse:
    peer = request.transport.get_extra_info("socket") if request.transport else None
    if peer is None or _user_of(peer) not in (os.getuid(), 0):
        return web.json_response({"error": "this socket serves the gateway's own user only"}, status=403)
    answer: web.StreamResponse = await handler(request)
    return answer


@web.middleware
async def _errors_as_json(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        answer: web.StreamResponse = await handler(request)
    except web.HTTPException as fault:
        return web.json_response({"error": fault.reason}, status=fault.status)
    except GatewayError as fault:
        return web.json_response({"error": Exception.__str__(fault), "advice": fault.advice}, status=409)
    except Exception as fault:
        _log.exception("a question could not be answered", path=request.path)
        text = f"the gateway could not answer ({type(fault).__name__})"
        return web.json_response({"error": text, "advice": "its log says why"}, status=500)
    return answer


def _user_of(peer: Any) -> int:
    if not hasattr(socket, "SO_PEERCRED"):  # macOS: the folder's mode alone guards the socket
        return os.getuid()
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, user, _ = struct.unpack("3i", credentials)
    return int(user)


async def _answers(path: Path) -> bool:
    with suppress(OSError, asyncio.TimeoutError):
        _, writer = await asyncio.wait_for(asyncio.open_unix_connection(str(path)), 1.0)
        writer.close()
        return True
    return False
