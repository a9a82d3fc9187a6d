"""One resource's poll: what a reply makes of it, and how the tree grows from it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from grid_functions.model.ports import Dice
from protocols.ieee2030_5.session import pages, polling
from protocols.ieee2030_5.session.exchange import Reply
from protocols.ieee2030_5.session.pages import Listing, Walk, key_of, keys_of
from protocols.ieee2030_5.session.terms import Terms
from protocols.ieee2030_5.session.tree import LISTED, OPTIONAL, TYPES, Look, Node, Place, Tree, reach
from protocols.ieee2030_5.wire.messages import Message
from protocols.ieee2030_5.wire.reader import Decoded


class Verdict(StrEnum):
    """What a reply means for a poll."""

    READ = "read"
    MORE = "more"  # a page of a list; the next one is due at once
    GONE = "gone"
    FORBIDDEN = "forbidden"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Taken:
    """A node after a reply. ``changed``: its content is another; ``why``: words for a failure."""

    node: Node
    verdict: Verdict
    changed: bool = False
    why: str = ""


def take(node: Node, reply: Reply, terms: Terms, now_s: float, dice: Dice) -> Taken:
    """Judge the reply to this node's request."""
    kind = node.place.kind
    if reply.status in (404, 410):
        return _gone(node, now_s, dice)
    if reply.status in (401, 403):
        return failed(node, Verdict.FORBIDDEN, f"refused with {reply.status}", now_s, dice, reply.retry_s)
    if not 200 <= reply.status < 300:
        return failed(node, Verdict.FAILED, f"answered with {reply.status}", now_s, dice, reply.retry_s)
    body = reply.body
    if body is None:
        if reply.fault:
            return failed(node, Verdict.FAILED, reply.fault, now_s, dice)
        if kind in OPTIONAL:
            return _gone(node, now_s, dice)
        if kind not in LISTED:
            return failed(node, Verdict.FAILED, "answered without a body", now_s, dice)
    elif not isinstance(body.message, TYPES[kind]):
        why = f"a {type(body.message).__name__} where a {kind} is due"
        return failed(node, Verdict.FAILED, why, now_s, dice)
    if body is not None and node.walk is None and node.listing is not None and node.listing.page is body:
        return _read(node, node.listing, None, now_s, dice)
    listing = _listing(node, body, terms)
    if isinstance(listing, Walk):
        return Taken(replace(node, walk=listing, asked=None, due_s=now_s), Verdict.MORE)
    first = node.message if listing.first is None else listing.first  # an empty answer says nothing of the rate
    ended = listing.ended and not _is_doubtful(node, listing)
    items = listing.items if ended else _merged(listing, node.items)
    if node.listing is not None:
        items = _kept(items, node.listing.items)
    keys, page = (frozenset[str](), body) if ended and node.walk is None else (listing.keys, None)
    short = None if ended else listing.keys
    return _read(node, Listing(items, listing.rejects, ended, first, keys, page), short, now_s, dice)


def _read(node: Node, listing: Listing, short: frozenset[str] | None, now_s: float, dice: Dice) -> Taken:
    before = node.listing
    alike = listing is before or (before is not None and _content(before) == _content(listing))
    due_s = max(now_s, polling.after_read(node.window_s, node.started_s, dice))
    return Taken(node.read(listing, short, due_s), Verdict.READ, not alike or node.look is not Look.READ)


def failed(node: Node, verdict: Verdict, why: str, now_s: float, dice: Dice, wait_s: float = 0.0) -> Taken:
    """The poll came to nothing: what was read before is kept, and asked for again inside the window, or after ``wait_s`` if later."""
    failures = node.failures + 1
    due_s = polling.after_failure(node.window_s, node.started_s, failures, now_s, dice)
    due_s = max(due_s, now_s + wait_s)
    after = replace(node, look=Look.FAILED, walk=None, asked=None, failures=failures, due_s=due_s)
    return Taken(after, verdict, node.look is not Look.FAILED, why)


def grow(tree: Tree, trusted: bool, now_s: float, dice: Dice) -> tuple[Tree, frozenset[str]]:
    """The tree as the links now have it: what appeared is due at once, what went is forgotten, changed rates are adopted."""
    found, astray = reach(tree, trusted)
    grown: dict[Place, Node] = {}
    for place, window_s in found.items():
        node = tree.nodes.get(place)
        if node is None:
            node = Node(place, window_s, due_s=now_s)
        elif node.window_s != window_s:
            due_s = node.due_s
            if node.asked is None and node.failures == 0 and node.look is not Look.UNTRIED:
                due_s = max(now_s, polling.after_read(window_s, node.started_s, dice))
            node = replace(node, window_s=window_s, due_s=due_s)
        grown[place] = node
    return Tree(tree.terms, grown), astray


def hasten(tree: Tree, places: Iterable[Place], now_s: float) -> Tree:
    """Ask these again before their turn, yet no sooner than 0.6 of a window after their last poll."""
    return tree.put(
        replace(node, due_s=min(node.due_s, max(now_s, node.started_s + 0.6 * node.window_s)))
        for node in (tree.nodes[place] for place in places)
        if node.asked is None
    )


def _gone(node: Node, now_s: float, dice: Dice) -> Taken:
    """Not there. An optional resource that is not there was read all the same; any other keeps what it had."""
    if node.place.kind in OPTIONAL:
        due_s = max(now_s, polling.after_read(node.window_s, node.started_s, dice))
        after = replace(node, listing=None, look=Look.GONE, asked=None, failures=0, fresh=True, due_s=due_s)
        return Taken(after, Verdict.READ, node.look is not Look.GONE)
    taken = failed(node, Verdict.GONE, "answered with 404", now_s, dice)
    return replace(taken, node=replace(taken.node, look=Look.GONE), changed=node.look is not Look.GONE)


def _is_doubtful(node: Node, listing: Listing) -> bool:
    """A list that was not empty and now is: believed when the next look says so too. Until then what was read before holds."""
    emptied = node.place.kind in LISTED and listing.ended and not listing.items and not listing.rejects
    return emptied and bool(node.items) and node.short != frozenset()


def _merged(listing: Listing, before: tuple[Message, ...]) -> tuple[Message, ...]:
    """A list not read to its end still holds what it held: nobody said that it is gone."""
    return (*listing.items, *(item for item in before if key_of(item) not in listing.keys))


def _kept(items: tuple[Message, ...], before: tuple[Message, ...]) -> tuple[Message, ...]:
    """What reads as before is the very object of before, so that everything after can tell by a glance what is new."""
    same = set(map(id, before))
    fresh = [item for item in items if id(item) not in same]
    if not fresh:
        return items
    known = dict(zip(keys_of(before), before, strict=True))
    old = {id(item): one for item in fresh if (one := known.get(key_of(item))) == item and one is not None}
    return tuple(old.get(id(item), item) for item in items) if old else items


def _content(listing: Listing) -> tuple[object, ...]:
    return (listing.items, listing.rejects, listing.first, listing.ended)


def _listing(node: Node, body: Decoded[Message] | None, terms: Terms) -> Listing | Walk:
    if node.place.kind in LISTED:
        return pages.turn(node.walk or Walk(), body, terms.page, node.short)
    return Listing((), (), True, None if body is None else body.message)
