"""Draws changes, tries each, and lists in build/mutants.txt what no test noticed; at least 80 % must be."""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from queue import SimpleQueue

from rich.console import Console
from rich.progress import Progress

from tests.architecture.source import PRODUCT, ROOT, house
from tests.mutants.changes import Change, sample
from tests.mutants.rooms import Stages, stages
from tests.mutants.trial import Bench, Verdict, bench

TARGETS = ("grid_functions/*", "protocols/*/wire*", "protocols/*/session*", "adapters/modbus/*")
SPARED = ("*/__init__.py", "*/_blueprint.py")
OUTPUT = Path("build/mutants.txt")
ENOUGH = 0.8
WORKERS = 2


@dataclass(frozen=True)
class Trial:
    """One change and what became of it; no verdict if the time ran out before."""

    change: Change
    verdict: Verdict | None


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Exit code: 0 enough noticed; 1 too few, tests that fail unchanged, or out of time."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="how many changes (default: 100)")
    parser.add_argument("--seed", type=int, default=2030, help="which ones (default: 2030)")
    parser.add_argument("--minutes", type=float, default=10, help="when to stop (default: 10)")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    sources = targets(root)
    drawn = sample(sources, options.count, options.seed)
    asked = {change.path: stages(root, change.path) for change in drawn}
    bare = sorted(path for path, tests in asked.items() if not tests)
    if bare:
        print(f"no tests mirror {', '.join(bare)}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="mutants-") as place, ExitStack() as stack:
        benches: SimpleQueue[Bench] = SimpleQueue()
        for number in range(WORKERS):
            benches.put(stack.enter_context(bench(root, Path(place) / str(number))))
        pool = stack.enter_context(ThreadPoolExecutor(WORKERS))
        failing = _fail_unchanged(pool, benches, asked.values())
        if failing is not None:
            print(f"these fail unchanged:\n{failing.output}", file=sys.stderr)
            return 1
        trials = _try_all(pool, benches, drawn, sources, asked, began + 60 * options.minutes)
    report = describe(trials, sources, options.seed, time.monotonic() - began)
    (root / OUTPUT).parent.mkdir(exist_ok=True)
    (root / OUTPUT).write_text(report)
    print(report.partition("\n\n")[0])
    return 0 if enough(trials) else 1


def targets(root: Path) -> dict[str, str]:
    """The sources that are changed, by path."""
    return {
        module.path: module.text
        for module in house(root, PRODUCT)
        if any(fnmatch(module.path, one) for one in TARGETS) and not any(fnmatch(module.path, one) for one in SPARED)
    }


def enough(trials: Sequence[Trial]) -> bool:
    """Whether all were tried and enough were noticed."""
    noticed = sum(trial.verdict is not None and trial.verdict.noticed for trial in trials)
    return bool(trials) and all(trial.verdict for trial in trials) and noticed >= ENOUGH * len(trials)


def describe(trials: Sequence[Trial], sources: Mapping[str, str], seed: int, took_s: float) -> str:
    """First the sum, then each survivor with its diff."""
    tried = [trial for trial in trials if trial.verdict is not None]
    survivors = sorted(trial.change for trial in tried if trial.verdict and not trial.verdict.noticed)
    share = 1 - len(survivors) / len(tried) if tried else 0.0
    head = f"{len(tried) - len(survivors)} of {len(tried)} changes noticed ({share:.0%}), seed {seed}"
    if len(tried) < len(trials):
        head += f"; out of time, {len(trials) - len(tried)} not tried"
    cpu_s = sum(trial.verdict.seconds for trial in trials if trial.verdict)
    head += f"; {took_s / 60:.1f} min, {cpu_s / 60:.1f} min of processor time in trials"
    body = [
        f"survived: {one.path}:{one.start[0]} {one.operator.removeprefix('core/')}\n{one.diff(sources[one.path])}"
        for one in survivors
    ]
    return "\n\n".join([head, *body]) + "\n"


def _fail_unchanged(pool: ThreadPoolExecutor, benches: SimpleQueue[Bench], asked: Iterable[Stages]) -> Verdict | None:
    """Each bench runs all tests that will be asked: both must be green, and both keep the bytecode for the trials."""
    files = tuple(sorted({file for one in asked for stage in one for file in stage}))

    def one(_: int) -> Verdict:
        with _borrowed(benches) as found:
            return found.run((files,), keep_bytecode=True)

    return next((verdict for verdict in pool.map(one, range(WORKERS)) if verdict.noticed), None)


def _try_all(
    pool: ThreadPoolExecutor,
    benches: SimpleQueue[Bench],
    drawn: Sequence[Change],
    sources: Mapping[str, str],
    asked: Mapping[str, Stages],
    ends: float,
) -> list[Trial]:
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("changes", total=len(drawn))

        def one(change: Change) -> Trial:
            if time.monotonic() > ends:
                return Trial(change, None)
            with _borrowed(benches) as found:
                verdict = found.try_change(change.path, change.apply(sources[change.path]), asked[change.path])
            progress.advance(bar)
            return Trial(change, verdict)

        return list(pool.map(one, drawn))


@contextmanager
def _borrowed(benches: SimpleQueue[Bench]) -> Iterator[Bench]:
    found = benches.get()
    try:
        yield found
    finally:
        benches.put(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
