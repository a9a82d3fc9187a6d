"""The devices, running beside the benchmark: their ports, what they were asked, and a core of its own for either side."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from benchmarks.far_end import far_end

Asked = Counter[tuple[int, int, int]]
"""How often: (function, address, count)."""


@dataclass(frozen=True, slots=True)
class Stand:
    """``spans``: the port whose devices let one read span models; ``refuses``: the port whose devices do not."""

    spans: int
    refuses: int
    _commands: IO[bytes]
    _answers: IO[bytes]

    def asked(self) -> Asked:
        """What all devices were asked since this was last looked at."""
        self._commands.write(b"\n")
        self._commands.flush()
        return Counter({(one[0], one[1], one[2]): one[3] for one in json.loads(self._answers.readline())})


@contextmanager
def stand() -> Iterator[Stand]:
    """The devices on the first core, whoever asks them on the others."""
    with far_end("benchmarks.modbus.ends", alone=True) as end:
        ports = json.loads(end.answers.readline())
        yield Stand(ports["spans"], ports["refuses"], end.commands, end.answers)
