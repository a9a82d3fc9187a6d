"""The upstream, running: certificates, its process, and a core of its own for either side."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from certs.dev_ca import authority, issue, write
from certs.identity import Identity, identify
from certs.tls import TlsFiles


@dataclass(frozen=True, slots=True)
class Stand:
    """``files``: of the client, whose identity is ``identity``."""

    files: TlsFiles
    identity: Identity
    port: int
    _commands: IO[bytes]
    _answers: IO[bytes]

    def serve(self, word: str) -> int:
        """The list is from now on `same` or `changed`; how often it was got before."""
        self._commands.write(f"{word}\n".encode())
        self._commands.flush()
        return int(self._answers.readline())


@contextmanager
def stand(folder: Path) -> Iterator[Stand]:
    """The upstream on the first core, whoever asks it on the others."""
    now = datetime.now(UTC)
    root = authority("bench", now)
    for name in ("server", "client"):
        write(issue(root, name, now, hosts=["127.0.0.1"]), folder, name)
    files = TlsFiles(*(folder / f"client.{end}" for end in ("chain.pem", "key", "root.pem")))
    own = identify(files.certificate.read_bytes())
    command = [sys.executable, "-m", "benchmarks.sessions.ends", str(folder), own.lfdi, str(own.sfdi)]
    cores = os.sched_getaffinity(0)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own module
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            if len(cores) > 1:
                os.sched_setaffinity(0, cores - {min(cores)})
            yield Stand(files, own, int(process.stdout.readline()), process.stdin, process.stdout)
        finally:
            os.sched_setaffinity(0, cores)
            process.stdin.close()
