"""Scalar texts: the rules of scalars.py as functions between text and value."""

import re
from collections.abc import Callable
from functools import cache, lru_cache

from protocols.ieee2030_5.wire.scalars import Bits, Hex, Text, Truth, Whole

Parse = Callable[[str | None], object]
Format = Callable[[object], str]

TRUTHS = {"true": True, "false": False, "1": True, "0": False}


class BadValue(Exception):
    """A text or value outside its rule; `path` names the elements down to it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path: tuple[str, ...] = ()

    def within(self, name: str) -> "BadValue":
        """The same fault, seen from one element further out."""
        self.path = (name, *self.path)
        return self

    def __str__(self) -> str:
        return f"{'/'.join(self.path)}: {self.reason}" if self.path else self.reason


@cache
def parser_of(rule: Whole | Bits | Hex | Text | Truth) -> Parse:
    """Text of an element or attribute (None = empty) -> value; BadValue outside the rule.

    Space around numbers, truths and hex is dropped (XML schema: collapse); text is kept as it is.
    A clamped number comes back drawn to its bounds, a label cut: the caller remarks the difference.
    """
    match rule:
        case Whole():
            return _clamped(rule) if rule.clamped else _whole(rule)
        case Bits():
            return _bits(rule)
        case Hex():
            return _hex(rule)
        case Truth():
            return _truth
        case Text():
            return _label(rule) if rule.label else _text(rule)


def formatter_of(rule: Whole | Bits | Hex | Text | Truth) -> Format:
    """Value -> text, not yet escaped; BadValue if it is outside the rule or of another type."""
    match rule:
        case Whole():
            return _format_whole(rule)
        case Bits():
            return _format_bits(rule)
        case Hex():
            return _format_hex(rule)
        case Truth():
            return _format_truth
        case Text():
            return _format_text(rule)


_SPACE = " \t\r\n"
_NUMBER = re.compile(r"[+-]?[0-9]+")
_HEX_DIGITS = re.compile(r"[0-9A-Fa-f]+")
# RFC 3986 without the brackets of an IPv6 literal's host, which may stand nowhere else.
_URI = re.compile(r"(?:https?://\[[0-9A-Fa-f:.]+\])?(?:[A-Za-z0-9\-._~:/?#@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*")
# What XML 1.0 cannot carry, escaped or not (production 2, Char).
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _shown(text: str | None) -> str:
    """The text for a message to people: short, on one line."""
    if not text:
        return "nothing"
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _number(text: str | None) -> int:
    try:
        number = int(text or "")
    except ValueError:
        raise BadValue(f"{_shown(text)} is not a whole number") from None
    # int() also takes underscores and digits of other scripts, which are no numbers here.
    if str(number) != text and not _NUMBER.fullmatch((text or "").strip(_SPACE)):
        raise BadValue(f"{_shown(text)} is not a whole number")
    return number


def _whole(rule: Whole) -> Parse:
    low, high = rule.low, rule.high

    def parse(text: str | None) -> int:
        number = _number(text)
        if number < low or number > high:
            raise BadValue(f"{_shown(text)} is outside {low}..{high}")
        return number

    return parse


def _clamped(rule: Whole) -> Parse:
    low, high = rule.low, rule.high

    def parse(text: str | None) -> int:
        return max(low, min(_number(text), high))

    return parse


def _bits(rule: Bits) -> Parse:
    high = 16**rule.digits

    @lru_cache(maxsize=256)
    def parse(text: str | None) -> int:
        text = _hex_digits(text)
        number = int(text, 16)
        if number >= high:
            raise BadValue(f"{_shown(text)} has more than {rule.digits} hexadecimal digits")
        return number

    return parse


def _hex(rule: Hex) -> Parse:
    digits = rule.digits

    def parse(text: str | None) -> str:
        text = _hex_digits(text)
        if len(text) > digits:
            raise BadValue(f"{_shown(text)} has more than {digits} hexadecimal digits")
        return text.upper() if len(text) % 2 == 0 else f"0{text.upper()}"

    return parse


def _hex_digits(text: str | None) -> str:
    text = text or ""
    try:
        # Quicker than a pattern, but it leaves out space, and there must be an even number.
        if 2 * len(bytes.fromhex(text)) == len(text) > 0:
            return text
    except ValueError:
        pass
    digits = text.strip(_SPACE)
    if not _HEX_DIGITS.fullmatch(digits):
        raise BadValue(f"{_shown(text)} is not hexadecimal")
    return digits


def _truth(text: str | None) -> bool:
    found = TRUTHS.get(text or "")
    if found is None:
        found = TRUTHS.get((text or "").strip(_SPACE))
        if found is None:
            raise BadValue(f"{_shown(text)} is neither true nor false")
    return found


def _text(rule: Text) -> Parse:
    length = rule.length

    def parse(text: str | None) -> str:
        if text is None:
            return ""
        if len(text) > length:
            raise BadValue(f"{_shown(text)} is longer than {length} characters")
        return text

    return parse


def _label(rule: Text) -> Parse:
    length = rule.length

    def parse(text: str | None) -> str:
        return (text or "")[:length]

    return parse


def _format_whole(rule: Whole) -> Format:
    low, high = rule.low, rule.high

    def write(value: object) -> str:
        if type(value) is not int or not low <= value <= high:
            raise BadValue(f"{value!r} is not a whole number in {low}..{high}")
        return str(value)

    return write


def _format_bits(rule: Bits) -> Format:
    digits, high = rule.digits, 16**rule.digits

    def write(value: object) -> str:
        if type(value) is not int or not 0 <= value < high:
            raise BadValue(f"{value!r} is not a bit map of {digits} hexadecimal digits")
        return f"{value:0{digits}X}"

    return write


def _format_hex(rule: Hex) -> Format:
    digits = rule.digits

    def write(value: object) -> str:
        if type(value) is not str or len(value) > digits or len(value) % 2 or not _HEX_DIGITS.fullmatch(value):
            raise BadValue(f"{value!r} is not an even number of at most {digits} hexadecimal digits")
        return value.upper()

    return write


def _format_truth(value: object) -> str:
    if type(value) is not bool:
        raise BadValue(f"{value!r} is neither true nor false")
    return "true" if value else "false"


def _format_text(rule: Text) -> Format:
    length = rule.length

    def write(value: object) -> str:
        if not isinstance(value, str) or len(value) > length:
            raise BadValue(f"{value!r} is not text of at most {length} characters")
        if _NOT_XML.search(value):
            raise BadValue(f"{value!r} holds a character that XML cannot carry")
        if rule.uri and not _URI.fullmatch(value):
            raise BadValue(f"{value!r} is no URI")
        return value

    return write
