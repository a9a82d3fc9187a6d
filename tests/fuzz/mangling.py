"""Bytes made unsound in the ways they get unsound: flipped, cut, doubled, moved, swollen."""

from collections.abc import Callable
from random import Random

_NUMBERS = (
    b"-1",
    b"0",
    b"2147483648",
    b"99999999999999999999",
    b"1e9",
    b"NaN",
    b"0x10",
    b"",
    b" 7 ",
    b"+5",
    b"\xd9\xa3",
)
_TAGS = (
    b"<!DOCTYPE a>",
    b"&b;",
    b"<![CDATA[x]]>",
    b"<a>",
    b"</a>",
    b"\x00",
    b"\xff",
    b"<?x?>",
    b"xmlns=''",
    b'"',
    b"<!--",
)


def mangled(body: bytes, random: Random) -> bytes:
    """``body``, changed once to five times."""
    for _ in range(random.randint(1, 5)):
        body = random.choice(_WAYS)(body, random)
    return body


def _flip(body: bytes, random: Random) -> bytes:
    at = random.randrange(len(body) or 1)
    return body[:at] + bytes((random.randrange(256),)) + body[at + 1 :]


def _cut(body: bytes, random: Random) -> bytes:
    at, size = random.randrange(len(body) or 1), random.choice((1, 1, 5, 50, 5000))
    return body[:at] + body[at + size :]


def _double(body: bytes, random: Random) -> bytes:
    at, size = random.randrange(len(body) or 1), random.randrange(1, 400)
    return body[: at + size] + body[at:]


def _move(body: bytes, random: Random) -> bytes:
    one, size = random.randrange(len(body) or 1), random.randrange(1, 200)
    part, rest = body[one : one + size], body[:one] + body[one + size :]
    at = random.randrange(len(rest) or 1)
    return rest[:at] + part + rest[at:]


def _swell(body: bytes, random: Random) -> bytes:
    """Another number in place of one that stands in a tag."""
    starts = [at for at in range(len(body) - 1) if body[at : at + 1] == b">" and body[at + 1 : at + 2].isdigit()]
    if not starts:
        return body
    at = random.choice(starts) + 1
    end = at
    while body[end : end + 1].isdigit():
        end += 1
    return body[:at] + random.choice(_NUMBERS) + body[end:]


def _plant(body: bytes, random: Random) -> bytes:
    at = random.randrange(len(body) or 1)
    return body[:at] + random.choice(_TAGS) + body[at:]


_WAYS: tuple[Callable[[bytes, Random], bytes], ...] = (_flip, _cut, _double, _move, _swell, _plant)
