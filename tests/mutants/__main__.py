"""Draws changes, tries each, and lists in build/mutants.txt what no test noticed; at least 80 % must be."""

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from queue import SimpleQueue

from rich.console import Console
from rich.progress import Progress

from tests.architecture.source import PRODUCT, ROOT, house
from tests.mutants.changes import Change, sample
from tests.mutants.trial import Verdict, copy_of, mirrored, run, try_change

TARGETS = ("grid_functions/*", "protocols/*/wire*", "protocols/*/session*", "adapters/modbus/*")
SPARED = ("*/__init__.py", "*/_blueprint.py")
OUTPUT = Path("build/mutants.txt")
ENOUGH = 0.8
LIMIT_S = 600
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
    options = parser.parse_args(arguments)
    ends = time.monotonic() + LIMIT_S
    sources = targets(root)
    drawn = sample(sources, options.count, options.seed)
    tests = {change.path: folder for change in drawn if (folder := mirrored(root, change.path))}
    bare = sorted({change.path for change in drawn} - tests.keys())
    if bare:
        print(f"no tests mirror {', '.join(bare)}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="mutants-") as place, ThreadPoolExecutor(WORKERS) as pool:
        trees: SimpleQueue[Path] = SimpleQueue()
        for number in range(WORKERS):
            trees.put(copy_of(root, Path(place) / str(number)))
        clean = _unchanged(pool, trees, sorted(set(tests.values())))
        failing = [folder for folder, verdict in clean.items() if verdict.noticed]
        if failing:
            print(f"these fail unchanged: {', '.join(failing)}\n{clean[failing[0]].output}", file=sys.stderr)
            return 1
        trials = _try_all(pool, trees, drawn, sources, tests, clean, ends)
    report = describe(trials, sources, options.seed)
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


def describe(trials: Sequence[Trial], sources: Mapping[str, str], seed: int) -> str:
    """First the sum, then each survivor with its diff."""
    tried = [trial for trial in trials if trial.verdict is not None]
    survivors = sorted(trial.change for trial in tried if trial.verdict and not trial.verdict.noticed)
    share = 1 - len(survivors) / len(tried) if tried else 0.0
    head = f"{len(tried) - len(survivors)} of {len(tried)} changes noticed ({share:.0%}), seed {seed}"
    if len(tried) < len(trials):
        head += f"; out of time, {len(trials) - len(tried)} not tried"
    body = [
        f"survived: {one.path}:{one.start[0]} {one.operator.removeprefix('core/')}\n{one.diff(sources[one.path])}"
        for one in survivors
    ]
    return "\n\n".join([head, *body]) + "\n"


def _unchanged(pool: ThreadPoolExecutor, trees: SimpleQueue[Path], folders: Sequence[str]) -> dict[str, Verdict]:
    """How the tests of each folder end, and how long they take, when nothing is changed."""

    def one(folder: str) -> Verdict:
        tree = trees.get()
        try:
            return run(tree, folder, LIMIT_S / 2)
        finally:
            trees.put(tree)

    return dict(zip(folders, pool.map(one, folders), strict=True))


def _try_all(
    pool: ThreadPoolExecutor,
    trees: SimpleQueue[Path],
    drawn: Sequence[Change],
    sources: Mapping[str, str],
    tests: Mapping[str, str],
    clean: Mapping[str, Verdict],
    ends: float,
) -> list[Trial]:
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("changes", total=len(drawn))

        def one(change: Change) -> Trial:
            if time.monotonic() > ends:
                return Trial(change, None)
            folder = tests[change.path]
            tree = trees.get()
            try:
                changed = change.apply(sources[change.path])
                # Three times as long as unchanged, and a breath for a busy machine: then it hangs, which is noticed.
                verdict = try_change(tree, change.path, changed, folder, 3 * clean[folder].seconds + 5)
            finally:
                trees.put(tree)
                progress.advance(bar)
            return Trial(change, verdict)

        return list(pool.map(one, drawn))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
