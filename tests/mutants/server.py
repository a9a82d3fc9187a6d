"""Runs tests in forked children of one warm interpreter: `python -m tests.mutants.server`, one JSON request per line.

Nothing of the product is imported here, so each child imports what it tests afresh, the changed source among it; what is
imported here, pytest and the packages under test code, is imported once.
"""

import json
import os
import resource
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import suppress

import aiohttp  # noqa: F401  warm
import hypothesis
import hypothesis.strategies
import lxml.etree  # noqa: F401  warm
import pytest
import pytest_asyncio  # noqa: F401  warm

EXAMPLES = 25
CPU_S = 5.0
WALL_S = 15.0
"""For one test: longer is another program than the one that was given. The unchanged tests prove it."""
COLLECTING = 6
"""Times as much for collecting: at first all files that will be asked are imported in one go."""


class Brisk:
    """Few examples for properties, and those last; a test that takes too long ends the run, and `under_way` holds its name."""

    def __init__(self, under_way: int) -> None:
        self._under_way = under_way

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Plain tests first: they are faster and say more."""
        items.sort(key=_is_property)
        for test in (item.obj for item in items if isinstance(item, pytest.Function) and _is_property(item)):
            given = test._hypothesis_internal_use_settings
            test._hypothesis_internal_use_settings = hypothesis.settings(
                given, max_examples=min(EXAMPLES, given.max_examples)
            )

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """The time of one test begins."""
        os.ftruncate(self._under_way, os.pwrite(self._under_way, nodeid.encode(), 0))
        _arm()


def answer(stages: Sequence[Sequence[str]], keep_bytecode: bool) -> dict[str, object]:
    """Asks one stage of test files after the other until a test fails; in a child, so that this process stays as it is."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as under_way:
        child = os.fork()
        if child == 0:
            _ask(stages, keep_bytecode, output.fileno(), under_way.fileno())
        _, status = os.waitpid(child, 0)
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        output.seek(0)
        said = output.read().decode(errors="replace")
        if os.WIFSIGNALED(status):
            name = under_way.read().decode() or "collecting"
            said += f"\nstopped by {signal.Signals(os.WTERMSIG(status)).name}: {name}"
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return {"noticed": status != 0, "seconds": seconds, "output": said}


def _ask(stages: Sequence[Sequence[str]], keep_bytecode: bool, output: int, under_way: int) -> None:
    """In the child: never returns."""
    code = 1
    try:
        os.setsid()
        os.dup2(output, 1)
        os.dup2(output, 2)
        # A changed source may have the date and size of another one: its bytecode must not outlive it.
        sys.dont_write_bytecode = not keep_bytecode
        for files in stages:
            _arm(COLLECTING)
            ended = pytest.main(
                ["-x", "-q", "--tb=line", "--assert=plain", "-p", "no:cacheprovider", *files],
                plugins=[Brisk(under_way)],
            )
            if ended not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
                break
        else:
            code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _arm(times: float = 1) -> None:
    signal.setitimer(signal.ITIMER_PROF, times * CPU_S)
    signal.setitimer(signal.ITIMER_REAL, times * WALL_S)


def _is_property(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and bool(hypothesis.is_hypothesis_test(item.obj))


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(answer(**json.loads(line))), flush=True)
