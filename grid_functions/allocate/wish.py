"""How much of a share a device can use: what it leaves is given to the others, and comes back as soon as it presses again."""

import math
from dataclasses import dataclass, replace

_NEAR = 0.04
_NEAR_OF_LIMIT = 0.4
_HEADROOM = 0.1
_HEADROOM_LEAST = 0.02
_HEADROOM_LEAST_W = 100.0
EARLY_S = 0.001
"""A wake-up may come that much too soon: it is counted on another clock."""


@dataclass(frozen=True, slots=True)
class Wish:
    """``most_w``: what it can use, unlimited while it presses on its limit or has not settled since ``pressed_s``.

    ``due_s``: when that changes by itself, all measured values being the same; infinity = not at all. All on the monotonic clock.
    """

    most_w: float = math.inf
    pressed_s: float = -math.inf
    due_s: float = math.inf


def step(
    wish: Wish | None,
    limit_w: float | None,
    doing_w: float | None,
    able_w: float,
    settle_s: float,
    now_s: float,
    least_w: float = 0.0,
) -> Wish:
    """The wish after this look. Unmeasured devices and those without a limit yet may want everything.

    ``least_w``: the smallest limit that the device can be told; what is left to it is no less, or it could never show that it wants more.
    """
    if doing_w is None or limit_w is None or math.isinf(able_w):
        return Wish(pressed_s=now_s)
    if presses(limit_w, doing_w, able_w):
        return Wish(pressed_s=now_s)
    held = wish or Wish(pressed_s=now_s)
    # who does little is left little: should the sun return it presses at once, and gets its whole share
    headroom_w = max(min(_HEADROOM * able_w, doing_w), _HEADROOM_LEAST * able_w, _HEADROOM_LEAST_W, least_w)
    if doing_w + 2 * headroom_w >= held.most_w:
        return _due(held, math.inf)
    # a limit that was just raised has not been filled yet: that is no sign of a weak sun
    settled_s = held.pressed_s + settle_s
    if now_s < settled_s - EARLY_S:
        return _due(held, settled_s)
    return Wish(doing_w + headroom_w, held.pressed_s)


def presses(limit_w: float, doing_w: float, able_w: float) -> bool:
    """Whether a device does about all that it may, so that it could want more."""
    # of a small limit near is less, or an idle device would seem to press on what little is left to it
    return doing_w >= limit_w - min(_NEAR * able_w, _NEAR_OF_LIMIT * limit_w)


def _due(wish: Wish, due_s: float) -> Wish:
    return wish if wish.due_s == due_s else replace(wish, due_s=due_s)
