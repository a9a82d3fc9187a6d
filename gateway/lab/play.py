"""A laboratory day from draw to figures: which cases there are, in which order, and what each needs of those before it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from gateway.lab.cases import Case, Laboratory, Step
from gateway.lab.crew import Crew
from gateway.lab.events import market, pickup
from gateway.lab.figures import Found
from gateway.lab.fleet import fleet
from gateway.lab.weather import drawn
from gateway.solver import greeted
from grid_functions.model.errors import OperatorFault

CASES = (
    "no_control",
    "flat",
    "tou",
    "day_ahead",
    "central",
    "best_response",
    "free_price",
    "xor",
    "pickup",
)
"""In the order they are played; ``pickup`` plays the free return too."""

_TALKED = frozenset({"central", "best_response", "free_price"})
"""These need what the homes laid out for the talks, or the price the talks ended at."""

MOST_HOMES = 1000


def play(
    homes: int,
    seed: int,
    *,
    charge: float = 0.5,
    only: Sequence[str] = (),
    late: float = 0.0,
    processes: int = 2,
    progress: Step = lambda case, done: None,
    told: Callable[[Case], None] = lambda case: None,
) -> Found:
    """Play the cases of a feeder. Raises OperatorFault for what cannot be played, or when the extra ``lab`` is missing."""
    strange = sorted(set(only) - set(CASES))
    if strange:
        raise OperatorFault(f"there is no case {strange[0]!r}", f"there are: {', '.join(CASES)}")
    if not 1 <= homes <= MOST_HOMES or seed < 0:
        raise OperatorFault(
            f"{homes} homes with seed {seed} cannot be played", f"choose 1 to {MOST_HOMES} homes, a seed from 0"
        )
    if not (0.0 < charge < 1e6 and 0.0 <= late < 1.0):
        raise OperatorFault(
            "a demand charge is above 0, and the late are a share from 0 up to 1", "see 'osed lab area --help'"
        )
    wanted = frozenset(only or CASES)
    if wanted & _TALKED:
        wanted |= {"day_ahead"}
    with opened(homes, seed, charge=charge, late=late, processes=processes, progress=progress) as (lab, found):
        for name in CASES:
            if name in wanted:
                one(name, lab, found, told)
    return found


@contextmanager
def opened(
    homes: int,
    seed: int,
    *,
    charge: float = 0.5,
    late: float = 0.0,
    processes: int = 2,
    progress: Step = lambda case, done: None,
) -> Iterator[tuple[Laboratory, Found]]:
    """A feeder whose homes are ready to be played, and what was found of it: nothing yet. OperatorFault without the extra ``lab``."""
    day = drawn(seed)
    greeted()
    noon_utc_s = datetime(day.day.year, day.day.month, day.day.day, 12, tzinfo=UTC).timestamp()
    with Crew(fleet(homes, seed, day), day, noon_utc_s, processes) as crew:
        yield Laboratory(crew, charge, progress, late, seed), Found(homes, seed, day, noon_utc_s, charge, late)


def one(name: str, lab: Laboratory, found: Found, told: Callable[[Case], None] = lambda case: None) -> None:
    """Play one case, which finds what it needs of those before it in ``found``, and leaves its own there."""
    talked = found.talked

    def keep(case: Case) -> None:
        found.cases[case.name] = case
        told(case)

    match name:
        case "no_control":
            keep(lab.no_control())
        case "flat":
            keep(lab.flat())
        case "tou":
            keep(lab.tou())
        case "day_ahead":
            day_ahead, found.talked = lab.day_ahead()
            keep(day_ahead)
        case "central" if talked is not None:
            plan, *found_central = lab.central(talked)
            found.central = (found_central[0], found_central[1])
            keep(plan)
        case "best_response" if talked is not None:
            keep(lab.posted(name, lab.naive_price(talked)))
        case "free_price" if talked is not None:
            keep(lab.posted(name, talked.price))
        case "xor":
            case, found.market = market(lab)
            keep(case)
        case "pickup":
            free, staged, found.pickup = pickup(lab)
            keep(free)
            keep(staged)
