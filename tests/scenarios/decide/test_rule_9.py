"""Rule 9 as a type: a claim has a value now and a goal, kept apart per source, scope and quantity; nothing ramps yet."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from grid_functions.model.claim import Bound
from grid_functions.model.control import ExportLimit, Mode
from grid_functions.model.device import Role
from grid_functions.model.event import Rank, Respondent, Settings, Standing
from grid_functions.model.function import SiteInputs, Step
from grid_functions.model.instants import Instants
from grid_functions.model.policy import Connection
from grid_functions.trajectory import Track, TrajectoryState, step
from tests.grid_functions.house import UTILITY, at, bound, on, seen, snapshot, terms
from tests.scenarios.decide.site import Site, event


@dataclass(frozen=True, slots=True)
class Listening:
    """A function that only notes the settings it is handed."""

    heard: list[Mapping[Respondent, Settings]]
    options: None = None

    def empty(self) -> int:
        """Nothing."""
        return 0

    def step(self, state: int, inputs: SiteInputs, now: Instants) -> Step[int]:
        """No claim."""
        self.heard.append(dict(inputs.settings))
        return Step(state)


def test_without_a_ramp_a_claim_is_at_its_goal_at_once() -> None:
    halfway = replace(bound(1000.0), want=Bound(3000.0))
    _, moved = step(TrajectoryState(), [halfway], snapshot((), None), at(5.0))
    assert moved == (bound(1000.0),)


def test_a_track_remembers_since_when_its_value_stands_and_goes_with_its_claim() -> None:
    picture = snapshot((), None)
    first, _ = step(TrajectoryState(), [bound(1000.0)], picture, at(5.0))
    same, _ = step(first, [bound(1000.0)], picture, at(6.0))
    other, _ = step(same, [bound(900.0)], picture, at(7.0))
    gone, _ = step(other, [], picture, at(8.0))
    assert [list(one.tracks.values()) for one in (first, same, other, gone)] == [
        [Track(Bound(1000.0), 5.0)],
        [Track(Bound(1000.0), 5.0)],
        [Track(Bound(900.0), 7.0)],
        [],
    ]


def test_two_modes_of_one_source_have_two_tracks() -> None:
    one = bound(1000.0, on("a"))
    other = replace(bound(2000.0, on("a")), mode=Mode.MAX_POWER)
    state, _ = step(TrajectoryState(), [one, other], snapshot((), None), at(0.0))
    assert {track.want for track in state.tracks.values()} == {Bound(1000.0), Bound(2000.0)}


def test_functions_are_handed_the_settings_that_stand() -> None:
    settings = Settings(gradient_pct_per_s=0.27)
    listening = Listening([])
    site = Site([seen("a")], terms({"a": Role.PV}), functions={"listening": listening})
    site.tick(0.0, site.read(0.0, standings=(Standing("p1", Rank(1.0), (), settings),)))
    assert listening.heard == [{UTILITY: settings}]


def test_local_safety_takes_no_path() -> None:
    site = Site([seen("a")], terms({"a": Role.PV}, connection=Connection(export_limit_w=1000.0)))
    done = site.tick(0.0, site.read(0.0, event("e", ExportLimit(2000.0))))
    assert {key[0].name for key in done.state.trajectory.tracks} == {"utility"}
