"""How much of a share a device can use: what it leaves is given to the others, and comes back as soon as it presses again."""

import math
from dataclasses import dataclass

_NEAR = 0.04
_HEADROOM = 0.1
_HEADROOM_LEAST_W = 100.0


@dataclass(frozen=True, slots=True)
class Wish:
    """``most_w``: what it can use, unlimited while it presses on its limit or has not settled since ``pressed_s``."""

    most_w: float = math.inf
    pressed_s: float = -math.inf


def step(
    wish: Wish | None, limit_w: float | None, doing_w: float | None, able_w: float, settle_s: float, now_s: float
) -> Wish:
    """The wish after this look. Unmeasured devices and those without a limit yet may want everything."""
    if doing_w is None or limit_w is None or math.isinf(able_w):
        return Wish(pressed_s=now_s)
    if doing_w >= limit_w - _NEAR * able_w:
        return Wish(pressed_s=now_s)
    held = wish or Wish(pressed_s=now_s)
    headroom_w = max(_HEADROOM * able_w, _HEADROOM_LEAST_W)
    # a limit that was just raised has not been filled yet: that is no sign of a weak sun
    if now_s - held.pressed_s < settle_s or doing_w + 2 * headroom_w >= held.most_w:
        return held
    return Wish(doing_w + headroom_w, held.pressed_s)
