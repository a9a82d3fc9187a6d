"""The mirrors of one EndDevice in a step: found in the server's list or made there, and kept fed."""

from dataclasses import replace

from grid_functions.model.reading import Average, Metered
from protocols.ieee2030_5.session import backlog, mirrors, polls
from protocols.ieee2030_5.session.exchange import Method
from protocols.ieee2030_5.session.mirrors import Mirror
from protocols.ieee2030_5.session.state import ForMirror
from protocols.ieee2030_5.session.tree import Kind, Look, Node, resolve
from protocols.ieee2030_5.session.turn import Turn
from protocols.ieee2030_5.translate.mirror import mrid_of, readings_of, usage_point
from protocols.ieee2030_5.wire.metering import MirrorUsagePoint


def heard(turn: Turn, averages: tuple[Average, ...]) -> None:
    """Averages of whole minutes were handed over."""
    if averages:
        ahead_s = turn.server_s - turn.utc_s
        for part in Metered:
            mirror = mirrors.heard(_mirror(turn, part), averages, ahead_s)
            if mirror.minutes or mirror.url:
                _keep(turn, mirror)


def follow(turn: Turn) -> None:
    """Adopt what the server's list says of our mirrors: their addresses and post rates."""
    if not turn.state.mirrors:
        return
    node, terms = _list(turn), turn.state.terms
    device = turn.state.tree.device
    if node is None or node.look is Look.UNTRIED or device is None:
        return
    after = {}
    for part, mirror in turn.state.mirrors.items():
        mrid = mrid_of(part, terms.lfdi, terms.pen)
        listed = next((one for one in node.items if isinstance(one, MirrorUsagePoint) and one.mRID == mrid), None)
        if listed is not None and listed.href is not None and node.started_s > mirror.gone_s:
            mirror = replace(mirror, url=resolve(terms.url, listed.href))
        rate = device.postRate if listed is None or listed.postRate is None else listed.postRate
        after[part] = mirrors.paced(mirror, rate, terms.floor_s, terms.ceiling_s, turn.server_s, turn.mono_s, turn.dice)
    turn.change(mirrors=after)


def send(turn: Turn) -> None:
    """Make the mirrors that are missing, and tell the intervals that are over."""
    node, terms = _list(turn), turn.state.terms
    if node is None or not turn.state.mirrors:
        return
    for part, mirror in turn.state.mirrors.items():
        if not _is_ready(mirror, node) or (mirror.due_s or 0.0) > turn.mono_s:
            continue
        found = mirrors.periods(mirror, turn.server_s)
        if not found:
            _keep(turn, mirrors.idle(mirror, turn.server_s, turn.mono_s, turn.dice))
        elif mirror.url:
            message = readings_of(part, terms.lfdi, terms.pen, found, mirror.every_s)
            number = turn.send(Method.POST, mirror.url, message, ForMirror(part), f"readings of {part}")
            _keep(turn, mirrors.sent(mirror, number, found[-1].start_s + found[-1].duration_s))
        else:
            point = usage_point(part, terms.lfdi, terms.pen, mirror.keys, mirror.every_s)
            number = turn.send(Method.POST, node.place.url, point, ForMirror(part), f"MirrorUsagePoint of {part}")
            _keep(turn, mirrors.sent(mirror, number, None))


def answered(turn: Turn, part: Metered, number: int, status: int | None, location: str, wait_s: float) -> None:
    """A post of this mirror was answered, or not (status None)."""
    before = turn.state.mirrors.get(part)
    if before is None or before.asked != number:
        return
    url = resolve(turn.state.terms.url, location) if location else ""
    after, refused = mirrors.answered(before, status, url, wait_s, turn.server_s, turn.mono_s, turn.dice)
    _keep(turn, after)
    node = _list(turn)
    if before.until_s is None and status is not None and status < 300 and node is not None:
        # Its post rate is told in the list only.
        turn.change(tree=polls.hasten(turn.state.tree, (node.place,), turn.mono_s))
    if refused:
        turn.alarm(f"mirror {part}", f"the server refuses our mirror of the {part} with {status}")
    elif status is not None and status < 300:
        turn.calm(f"mirror {part}")


def next_due(turn: Turn) -> float:
    """When the next post is due, monotonic; infinity while there is no list to post to."""
    node = _list(turn)
    if node is None:
        return float("inf")
    ready = (one for one in turn.state.mirrors.values() if _is_ready(one, node))
    return min((one.due_s for one in ready if one.due_s is not None), default=float("inf"))


def _is_ready(mirror: Mirror, node: Node) -> bool:
    """Whether it may post: to its address, or to make it once a list was read without it."""
    return mirror.asked is None and mirror.due_s is not None and bool(mirror.url or node.listing is not None)


def _mirror(turn: Turn, part: Metered) -> Mirror:
    return turn.state.mirrors.get(part, Mirror(part))


def _keep(turn: Turn, mirror: Mirror) -> None:
    before = _mirror(turn, mirror.part).minutes
    if mirror.minutes is not before:
        turn.outputs.extend(backlog.changed(mirror.part, before, mirror.minutes))
    turn.change(mirrors={**turn.state.mirrors, mirror.part: mirror})


def _list(turn: Turn) -> Node | None:
    return turn.state.tree.first(Kind.MIRRORS)
