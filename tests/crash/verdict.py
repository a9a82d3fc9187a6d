"""One story played and judged, in a process of its own."""

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path

import structlog

from tests.crash.stage import Home
from tests.crash.story import faults, tell


@dataclass(frozen=True)
class Judged:
    """One story: where it was killed, what was wrong."""

    seed: int
    wheres: tuple[str, ...]
    faults: tuple[str, ...]


def judged(seed: int) -> Judged:
    """Play and judge one story; what raises is a fault too."""
    with tempfile.TemporaryDirectory(prefix="osed-crash-") as name:
        folder = Path(name)
        (folder / "home").mkdir()
        try:
            told = tell(seed, Home(folder / "home"), folder / "story")
        except Exception as fault:
            return Judged(seed, (), (f"the story broke off: {fault!r}",))
        return Judged(seed, tuple(kill.where for kill in told.kills), tuple(faults(told)))


def quiet() -> None:
    """What a gateway logs while it dies is no news here."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.CRITICAL)
