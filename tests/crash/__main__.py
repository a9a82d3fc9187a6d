"""Plays stories until as many kill points are judged as are asked for: `python -m tests.crash [--points 1000] [--story SEED]`."""

import argparse
import multiprocessing
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from tests.crash.stage import Home
from tests.crash.story import KILLS, Told, faults, tell
from tests.crash.verdict import Judged, judged, quiet

WORKERS = 2


def shown(told: Told) -> Iterator[str]:
    """A story in the order in which it happened."""
    first_s = told.permits[0].at_s
    lines = [
        (one.at_s, f"registers permit {one.most_w:.0f} W{'' if one.ours else ', by somebody else'}")
        for one in told.permits
    ]
    lines += [(one.at_s, f"Response {one.status} of {one.subject}") for one in told.posted]
    for one in told.controls:
        what = f"{one.limit_w:.0f} W from {one.begins_s - first_s:.1f} to {one.ends_s - first_s:.1f}, as drawn"
        lines.append((one.made_s, f"control {one.number} ({one.mrid}): {what}"))
        if one.cancelled_s is not None:
            lines.append((one.cancelled_s, f"control {one.number} is cancelled"))
        if one.lost_s is not None:
            lines.append((one.lost_s, f"control {one.number} loses its place"))
    for kill in told.kills:
        lines.append((kill.off_s, f"KILLED at {kill.where}"))
        lines.append((kill.on_s, "STARTED AGAIN" + (", the inverters opened by somebody" if kill.opened else "")))
    yield from (f"{at_s - first_s:8.2f} s  {text}" for at_s, text in sorted(lines))


def replayed(seed: int) -> int:
    """One story, told whole."""
    with tempfile.TemporaryDirectory(prefix="osed-crash-") as name:
        folder = Path(name)
        (folder / "home").mkdir()
        told = tell(seed, Home(folder / "home"), folder / "story")
    found = list(faults(told))
    for line in [*shown(told), *(f"FAULT: {one}" for one in found)]:
        print(line)
    return 1 if found else 0


def main() -> int:
    """0 when every point held, 1 otherwise."""
    arguments = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    arguments.add_argument("--points", type=int, default=1000, help="kill points to judge")
    arguments.add_argument("--first", type=int, default=0, help="seed of the first story")
    arguments.add_argument("--story", type=int, help="play the story of one seed and tell all of it")
    given = arguments.parse_args()
    quiet()
    if given.story is not None:
        return replayed(given.story)
    seeds = range(given.first, given.first + -(-given.points // KILLS))
    done: list[Judged] = []
    bad: list[Judged] = []
    with ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn"), initializer=quiet) as pool:
        for one in as_completed([pool.submit(judged, seed) for seed in seeds]):
            done.append(found := one.result())
            if found.faults:
                bad.append(found)
            end = "\r" if sys.stdout.isatty() else "\n"
            if end == "\r" or len(done) % 25 == 0 or len(done) == len(seeds):
                print(
                    f"{len(done) * KILLS} of {len(seeds) * KILLS} kill points, {len(bad)} stories at fault",
                    end=end,
                    flush=True,
                )
    print()
    places = Counter(where.split(",")[0] for each in done for where in each.wheres)
    print("struck: " + ", ".join(f"{place} {count}" for place, count in sorted(places.items())))
    for each in sorted(bad, key=lambda one: one.seed):
        print(f"story {each.seed} (make test-crash STORY={each.seed} plays it again):")
        for text in each.faults:
            print(f"    {text}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
