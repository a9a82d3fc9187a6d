"""The upstream as a process of its own: `python -m benchmarks.sessions.ends FOLDER LFDI SFDI`, bodies ready before anything is timed.

The first line on stdout is the port. A line on stdin, `same` or `changed`, says how the control list is from now on (changed: another one
at every GET on a connection), and is answered with how often it was got since the line before. Ends with stdin.
"""

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import cast

import uvloop

from benchmarks.event import play
from certs.tls import TlsFiles, server_context


class Stage:
    """What is served, and how often the list was."""

    def __init__(self, lfdi: str, sfdi: int) -> None:
        now_s = int(time.time())
        self._tree = {path: _answer(body) for path, body in play.tree(lfdi, sfdi, now_s).items()}
        # The first one shows one event less than the others.
        self._lists = [_answer(body) for body in play.lists(now_s)[1:]]
        self.changing = False
        self.gets = 0

    def get(self, path: str, number: int) -> bytes:
        """The whole answer. ``number``: of this GET on its connection."""
        if path == play.CONTROLS:
            self.gets += 1
            return self._lists[number % len(self._lists) if self.changing else 0]
        return self._tree.get(path) or b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


class Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._data = b""
        self._number = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            method, target, _ = self._data.split(b"\r\n", 1)[0].split(b" ")
            assert method == b"GET", method
            self._data = self._data[end + 4 :]
            self._number += 1
            self._transport.write(self._stage.get(target.split(b"?")[0].decode(), self._number))


async def _serve(folder: Path, lfdi: str, sfdi: int) -> None:
    stage = Stage(lfdi, sfdi)
    context = server_context(TlsFiles(*(folder / f"server.{end}" for end in ("chain.pem", "key", "root.pem"))))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(stage), "127.0.0.1", 0, ssl=context, backlog=2048)
    over = asyncio.Event()

    def told() -> None:
        line = os.read(0, 4096)
        if not line:
            over.set()
            return
        stage.changing = line == b"changed\n"
        print(stage.gets, flush=True)
        stage.gets = 0

    loop.add_reader(0, told)
    print(server.sockets[0].getsockname()[1], flush=True)
    await over.wait()
    loop.remove_reader(0)


def _answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/sep+xml\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


if __name__ == "__main__":
    if len(cores := os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {min(cores)})
    uvloop.run(_serve(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
