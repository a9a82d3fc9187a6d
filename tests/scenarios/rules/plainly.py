"""The plan stated a second time, slowly and plainly: all events looked at, whatever changed."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from grid_functions.model.control import Mode
from grid_functions.model.outcome import OutcomeKind
from grid_functions.model.policy import OptOut
from grid_functions.timeline import contest
from grid_functions.timeline.contest import Defeat, contends, strength
from grid_functions.timeline.plan import Start
from grid_functions.timeline.state import Phase, Tracked
from grid_functions.timeline.windows import end_s, modes_of, nominal_end_s


def windows(tracks: Iterable[Tracked]) -> dict[str, Start]:
    """The window of every waiting event. One that nominally starts where another of its program and mode ends starts at that one's
    effective end; one that nominally starts later, no earlier than that end."""
    found: dict[str, Start] = {}
    ran: list[tuple[Tracked, float]] = []
    for one in sorted(tracks, key=lambda each: (each.event.start_s, each.event.key.id)):
        if one.away_s is not None:
            continue
        own = one.event.start_s + one.start_draw_s
        if one.phase is Phase.WAITING:
            before = [
                (nominal_end_s(other.event), end_s(other, begin))
                for other, begin in ran
                if other.event.program == one.event.program and _modes(other) & _modes(one)
            ]
            touching = [end for nominal, end in before if nominal == one.event.start_s]
            begin = max(touching or [own, *(end for nominal, end in before if nominal < one.event.start_s)])
            found[one.event.key.id] = Start(begin, one.event.key.id, end_s(one, begin))
        elif one.begin_s is not None and one.told in (None, OutcomeKind.COMPLETED):
            begin = one.begin_s
        else:
            continue
        if one.event.duration_s:
            ran.append((one, begin))
    return found


def foreseen(tracks: Mapping[str, Tracked], opt_out: OptOut, now_s: float) -> set[tuple[str, Mode, str]]:
    """(loser, mode, winner). Strongest first, each holds a mode from its start to its end or to the start of the next stronger hold."""
    spans = {
        name: (start.start_s, start.end_s) for name, start in windows(tracks.values()).items() if start.end_s > now_s
    }
    for name, one in tracks.items():
        if one.phase is Phase.RUNNING and one.away_s is None and one.begin_s is not None:
            spans[name] = (one.begin_s, end_s(one, one.begin_s))
    held: dict[object, list[tuple[float, float, str]]] = {}
    lost = set()
    for name in sorted(spans, key=lambda each: strength(tracks[each]), reverse=True):
        one, (begin, end) = tracks[name], spans[name]
        probe = max(begin, now_s)
        for mode in contends(one, opt_out):
            holds = held.setdefault((mode, one.event.test, one.event.addressees), [])
            winner = next((who for start, until, who in holds if start <= probe < until), None)
            if winner is None and end > probe:  # what has no length holds nothing
                until = min([end, *(start for start, _, _ in holds if start > probe)])
                holds.append((probe, until, name))
            elif winner is not None and one.begin_s is None:
                lost.add((name, mode, winner))
    return lost


def settled(tracks: Mapping[str, Tracked], now_s: float) -> tuple[dict[str, frozenset[Mode]], dict[str, Start]]:
    """What each has lost, and every window, once nothing more is lost."""
    now = dict(tracks)
    while defeats := foreseen(now, OptOut.NONE, now_s):
        for name, mode, _ in defeats:
            now[name] = beaten(now[name], mode)
    return {name: one.lost for name, one in now.items()}, windows(now.values())


def beaten(one: Tracked, mode: Mode) -> Tracked:
    """It after that loss."""
    lost = one.lost | {mode}
    over = not modes_of(one.event) - lost
    return replace(
        one, lost=lost, phase=Phase.DONE if over else one.phase, told=OutcomeKind.SUPERSEDED if over else one.told
    )


def present(runners: list[Tracked]) -> list[Defeat]:
    """Who loses to whom of those that run together."""
    return contest.present(runners, OptOut.NONE)


def _modes(one: Tracked) -> frozenset[Mode]:
    return modes_of(one.event) - one.lost
