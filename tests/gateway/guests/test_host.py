"""When a process is begun again, and how it is told of."""

from pathlib import Path

import pytest

from gateway.guests.host import Guests
from gateway.guests.process import Terms
from grid_functions.guest import Failed, GuestOptions, Turn
from grid_functions.model.function import Answer, Ask, SiteInputs
from grid_functions.model.instants import OWN, Instants, Moment
from tests.gateway.guests.stage import Even, install
from tests.grid_functions.house import at, snapshot, terms


class Hours:
    """The Clock port; each look moves it far enough that no rest is left."""

    def __init__(self) -> None:
        self.mono_s = 0.0

    def now(self) -> Instants:
        self.mono_s += 120.0
        return at(self.mono_s)


async def unasked(function: str, ask: Ask) -> Answer:
    return Answer(function, ask.id, "solved")


def turn() -> Ask:
    """A turn of the function at a house."""
    looks = SiteInputs(terms(), (), snapshot((), None))
    return Ask("1", Turn(GuestOptions("house"), looks, at(0.0), None), Moment(OWN, 0.0))


async def test_it_rests_longer_after_each_failure_up_to_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, gone="no_such_package:MAKER")
    clock = Hours()
    guests = Guests(clock, Even(), unasked, unasked, Terms(rest_s=8.0))
    rests = []
    for number in range(1, 6):
        solution = (await guests.answer("gone", turn())).solution
        assert isinstance(solution, Failed)
        run = guests._runs["gone"]
        assert run.faults == number
        rests.append(run.rests_until - clock.mono_s)
    await guests.close()
    # 8 s, doubled each time, at most 60 s.
    assert rests == [8.0, 16.0, 32.0, 60.0, 60.0]


async def test_what_is_no_turn_goes_to_the_solver() -> None:
    guests = Guests(Hours(), Even(), unasked, unasked)
    assert (await guests.answer("home", Ask("1", "a problem", Moment(OWN, 0.0)))).solution == "solved"
    assert guests.health() == {}


async def test_one_that_nobody_names_any_more_is_ended_and_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, rogue="tests.gateway.guests.rogue:MAKER")
    guests = Guests(Hours(), Even(), unasked, unasked, Terms(start_s=60.0))
    assert (await guests.answer("rogue", turn())).solution == Failed("", again=True)
    assert guests.health()["rogue"]["state"] == "running"
    process = guests._runs["rogue"].process
    assert process is not None
    await guests.only({"another"})
    assert process.ended
    assert guests.health() == {}
