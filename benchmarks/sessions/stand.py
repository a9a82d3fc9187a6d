"""The upstream, running: certificates, its process, and a core of its own for either side."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from benchmarks.far_end import certified, far_end
from certs.identity import Identity
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
    own = certified(folder)
    files = TlsFiles(*(folder / f"client.{end}" for end in ("chain.pem", "key", "root.pem")))
    with far_end("benchmarks.sessions.ends", str(folder), own.lfdi, str(own.sfdi), alone=True) as end:
        yield Stand(files, own, int(end.answers.readline()), end.commands, end.answers)
