"""A child process that says in one JSON line what it is, and can be killed without mercy."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from gateway.child import begun
from grid_functions.model.errors import OurFault

READY_S = 120.0
"""How long a process may take to be ready, s: ours needs three of them alone, on a machine that does much else far more."""
_END_S = 10.0


class Process:
    """One of the demonstration's processes; its stderr goes to a file."""

    def __init__(self, name: str, child: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self._child = child
        self._log = log

    @classmethod
    async def start(cls, name: str, module: str, arguments: Sequence[str], folder: Path) -> "Process":
        """Start ``python -m module arguments`` with its log below ``folder``."""
        log = folder / f"{name}.log"
        with log.open("ab") as sink:
            child = await begun(
                sys.executable, "-m", module, *arguments, stdout=asyncio.subprocess.PIPE, stderr=sink, limit=1 << 26
            )
        return cls(name, child, log)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._child.pid

    async def announcement(self) -> Mapping[str, Any]:
        """The one JSON line the process prints when it is ready. Raises OurFault with the end of its log when it is not."""
        assert self._child.stdout is not None
        try:
            line = await asyncio.wait_for(self._child.stdout.readline(), READY_S)
            told: Mapping[str, Any] = json.loads(line)
        except (TimeoutError, ValueError) as fault:
            raise self.mute() from fault
        return told

    def mute(self) -> OurFault:
        """What to raise when it does not get ready, with the end of its log."""
        return OurFault(f"{self.name} did not start", self._last_words())

    def kill(self) -> None:
        """kill -9: no goodbye, no flush."""
        with suppress(ProcessLookupError):
            self._child.send_signal(signal.SIGKILL)

    @property
    def ended(self) -> bool:
        """Whether it runs no more."""
        return self._child.returncode is not None

    async def wait(self) -> int:
        """The exit code, once it has ended."""
        return await self._child.wait()

    async def end(self) -> None:
        """Ask it to end; after ten seconds do not ask."""
        if self._child.returncode is None:
            with suppress(ProcessLookupError):
                self._child.terminate()
            try:
                await asyncio.wait_for(self._child.wait(), _END_S)
            except TimeoutError:
                self.kill()
                await self._child.wait()

    def _last_words(self) -> str:
        with self._log.open("rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - 2000))
            return (
                log.read().decode(errors="replace").strip().splitlines()[-1:][0]
                if log.tell()
                else f"its log is {self._log}"
            )
