"""What a device's quirks make of one exchange on the wire: pure; the server sends what comes out.

slow_s: answers so late. silent_s: answers nothing for so long after it was set, and never catches up.
min_gap_s: what comes sooner after the last answer is lost. max_read: longer reads earn exception 3.
split: a frame comes in pieces of so many bytes. wrong: answers with another transaction id, unit id or function code.
no_spans: a read over the border of two models earns exception 2. bad_end: the end model cannot be read whole (SMA).
only_6, only_16: a write of these points with the other function earns exception 2.
"""

import math
from dataclasses import dataclass

from adapters.modbus.frames import Frame, Read, Refusal, Reply, Request, encode_reply
from adapters.simulator.quirks import Quirks
from adapters.simulator.registers import BASE, Image

PIECE_GAP_S = 0.01
"""Between two pieces of a frame that is split."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes to send `after_s` seconds after what went before."""

    after_s: float
    data: bytes


@dataclass(frozen=True, slots=True)
class Told:
    """What a device goes by beside the request: since when its quirks hold, and when it last answered."""

    now_s: float
    since_s: float = -math.inf
    answered_s: float = -math.inf


def lost(quirks: Quirks, told: Told) -> bool:
    """Whether a request that comes now is never looked at."""
    return told.now_s < told.since_s + quirks.silent_s or told.now_s < told.answered_s + quirks.min_gap_s


def refused(request: Request, quirks: Quirks, image: Image) -> Refusal | None:
    """The exception that quirks earn a request before the device looks at it."""
    if quirks.busy:
        return Refusal(6)
    start = request.address - BASE
    if isinstance(request, Read):
        end = start + request.count
        if quirks.max_read and request.count > quirks.max_read:
            return Refusal(3)
        if quirks.no_spans and any(start < border < end for border in sorted(image.headers)[1:]):
            return Refusal(2)
        if quirks.bad_end and start < image.size <= end and request.count > 1:
            return Refusal(2)
        return None
    barred = quirks.only_16 if request.function == 6 else quirks.only_6
    end = start + len(request.values)
    if any(point.key in barred and point.offset < end and start < point.offset + point.size for point in image.points):
        return Refusal(2)
    return None


def sent(asked: Frame, reply: Reply, quirks: Quirks) -> tuple[Chunk, ...]:
    """What goes out, piece by piece."""
    data = bytearray(encode_reply(asked, reply))
    match quirks.wrong:
        case "transaction":
            data[0:2] = ((asked.transaction + 1) % 0x10000).to_bytes(2, "big")
        case "unit":
            data[6] = (asked.unit + 1) % 0x100
        case "function":
            data[7] ^= 0x07  # 3 <-> 4, and 16 <-> 23
    size = quirks.split or len(data)
    pieces = [bytes(data[i : i + size]) for i in range(0, len(data), size)]
    return tuple(Chunk(PIECE_GAP_S if n else quirks.slow_s, piece) for n, piece in enumerate(pieces))
