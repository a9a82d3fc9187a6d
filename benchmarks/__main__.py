"""Runs the benchmarks one after the other, prints a table, writes build/bench.json; exit code 1 if a goal is missed."""

import argparse
import importlib
import json
import pkgutil
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import benchmarks

Plain = dict[str, Any]
Benchmark = Callable[[], list[Plain]]

OUTPUT = Path("build/bench.json")


def main(arguments: Sequence[str]) -> int:
    """Exit code: 0 all goals met, 1 a goal missed or a benchmark broken, 2 no such benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", metavar="NAME", help="run this one alone")
    only = parser.parse_args(arguments).only
    found = find()
    if only is not None and only not in found:
        print(f"no benchmark {only!r}; there are: {', '.join(found) or 'none'}", file=sys.stderr)
        return 2
    chosen = found if only is None else {only: found[only]}
    rows, broken = run_all(chosen)
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(rows, indent=2) + "\n")
    show(rows)
    return 1 if broken or not all(row["met"] for row in rows) else 0


def find() -> dict[str, Benchmark]:
    """Every module of this folder that has `run`, by its name."""
    names = sorted(one.name for one in pkgutil.iter_modules(benchmarks.__path__) if one.name != "__main__")
    modules = {name: importlib.import_module(f"benchmarks.{name}") for name in names}
    return {name: module.run for name, module in modules.items() if hasattr(module, "run")}


def run_all(chosen: Mapping[str, Benchmark]) -> tuple[list[Plain], bool]:
    """The rows of all benchmarks, and whether one of them broke; a broken one does not stop the others."""
    rows: list[Plain] = []
    broken = False
    for name, run in chosen.items():
        print(f"{name} ...", end=" ", file=sys.stderr, flush=True)
        began_s = time.monotonic()
        try:
            rows += run()
        except Exception:
            broken = True
            print(f"broke:\n{traceback.format_exc()}", file=sys.stderr)
        print(f"{time.monotonic() - began_s:.0f} s", file=sys.stderr, flush=True)
    return rows, broken


def show(rows: Sequence[Plain]) -> None:
    """A table for people."""
    table = Table("benchmark", "case", "ours", "peer", "of", "ratio", "goal", "spread", "rounds", "loop", "met")
    for row in rows:
        table.add_row(
            row["name"],
            row["case"],
            f"{row['ours']:.4g} {row['unit']}",
            f"{row['peer']:.4g} {row['unit']}",
            row["peer_name"],
            f"{row['ratio']:.3g}",
            f"{row['goal']:.3g}",
            f"{row['spread']:.2g}",
            str(row["rounds"]),
            row["loop"],
            "yes" if row["met"] else "NO",
        )
    # A pipe has no width: 80 columns would fold every cell.
    Console(width=None if sys.stdout.isatty() else 160).print(table)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
