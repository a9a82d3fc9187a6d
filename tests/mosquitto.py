"""Debian's mosquitto, for tests of MQTT: skipped where there is none."""

import asyncio
import getpass
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.ports import kept_port
from tests.protocols.openadr3.lab import IN_TIME_S

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/sbin")
with_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed: make mosquitto")


class Running:
    """A broker that runs, and what it says of itself."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.lines: list[bytes] = []
        self.spoke = asyncio.Event()

    async def listen(self, stream: asyncio.StreamReader) -> None:
        while line := await stream.readline():
            self.lines.append(line)
            self.spoke.set()

    async def said(self, words: bytes) -> None:
        """Returns once it said that."""
        async with asyncio.timeout(IN_TIME_S):
            while not any(words in line for line in self.lines):
                self.spoke.clear()
                await self.spoke.wait()


@asynccontextmanager
async def mosquitto(folder: Path, *lines: str, port: int = 0) -> AsyncIterator[Running]:
    """A broker on a free port, until the context ends."""
    found = Running(port or kept_port())
    settings = folder / "mosquitto.conf"
    general = ("persistence false", "log_dest stderr", "log_type all", f"user {getpass.getuser()}")
    settings.write_text("\n".join([f"listener {found.port} 127.0.0.1", *general, *lines, ""]))
    process = await asyncio.create_subprocess_exec(
        MOSQUITTO or "", "-c", str(settings), stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
    )
    assert process.stderr is not None
    listening = asyncio.create_task(found.listen(process.stderr))
    try:
        await found.said(b"running")
        yield found
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        await listening


def passwords(folder: Path, user: str, password: str) -> Path:
    """A file of users as mosquitto has it; made by its own tool."""
    path = folder / "passwords"
    tool = shutil.which("mosquitto_passwd") or "mosquitto_passwd"
    subprocess.run([tool, "-c", "-b", str(path), user, password], check=True, capture_output=True)  # noqa: S603 - of this test
    return path
