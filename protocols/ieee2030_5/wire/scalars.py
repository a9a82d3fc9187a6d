"""Scalar types of the 2030.5 schema, as the Python values that carry them.

An alias reads as its plain Python type to callers; its second half is the range rule that the codec compiles.
Source: IEEE 2030.5-2018 schema 2.1.0 (annex B); CSIP-AUS schema 1.2.
"""

from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number from `low` to `high`; outside it is refused, or drawn to the nearer end if `clamped`."""

    low: int
    high: int
    clamped: bool = False


@dataclass(frozen=True, slots=True)
class Bits:
    """A hexBinary bit map as an int; read at any width that fits, written padded to `digits`."""

    digits: int


@dataclass(frozen=True, slots=True)
class Hex:
    """A hexBinary identity as upper-case text of an even, non-zero number of digits, at most `digits`."""

    digits: int


@dataclass(frozen=True, slots=True)
class Text:
    """Text of at most `length` characters; a longer one is refused, or cut when it is only a label for people.

    A `uri` is written only in the characters that RFC 3986 gives it.
    """

    length: int
    label: bool = False
    uri: bool = False


@dataclass(frozen=True, slots=True)
class Truth:
    """xs:boolean: true, false, 1, 0."""


@dataclass(frozen=True, slots=True)
class Csipaus:
    """Marks a CSIP-AUS element: read in each known namespace, written only to peers whose edition has it.

    `mandatory` = CSIP-AUS peers refuse the message without it; `first_name` = what edition 1.1 called it.
    """

    edition: str = "1.1"
    mandatory: bool = False
    first_name: str | None = None


@dataclass(frozen=True, slots=True)
class Added2018:
    """Marks an element that drafts before the 2018 edition lack: not written to strict peers of that time."""


@dataclass(frozen=True, slots=True)
class Count:
    """How often an element may stand."""

    low: int
    high: int


UInt8 = Annotated[int, Whole(0, 0xFF)]
UInt16 = Annotated[int, Whole(0, 0xFFFF)]
UInt32 = Annotated[int, Whole(0, 0xFFFF_FFFF)]
UInt48 = Annotated[int, Whole(0, 2**48 - 1)]
Int16 = Annotated[int, Whole(-(2**15), 2**15 - 1)]
Int32 = Annotated[int, Whole(-(2**31), 2**31 - 1)]
Int48 = Annotated[int, Whole(-(2**47), 2**47)]
"""Bounds as the schema has them, the upper one included."""

TimeType = Annotated[int, Whole(-(2**63), 2**63 - 1)]
"""Seconds since 1970-01-01 UTC, not counting leap seconds."""

TimeOffsetType = Int32
"""Seconds."""

OneHourRangeType = Annotated[int, Whole(-3600, 3600, clamped=True)]
"""Seconds. Interpretation: a larger offset is drawn to the hour and remarked, so that the event still counts."""

PerCent = Annotated[int, Whole(0, 10_000)]
"""Hundredths of a percent."""

SignedPerCent = Annotated[int, Whole(-10_000, 10_000)]
"""Hundredths of a percent."""

PowerOfTenMultiplierType = Annotated[int, Whole(-9, 9)]

DERUnitRefType = Annotated[int, Whole(0, 7)]
"""Reserved values are refused: without its base a percentage means nothing."""

DERCurveType = Annotated[int, Whole(0, 14)]
"""Reserved values are refused: without its kind a curve means nothing."""

SubscribableType = Annotated[int, Whole(0, 3)]

SFDIType = Annotated[int, Whole(0, 687_194_767_359)]
"""2^36 - 1 followed by the check digit."""

PINType = Annotated[int, Whole(0, 999_999)]

Boolean = Annotated[bool, Truth()]

HexBinary8 = Annotated[int, Bits(2)]
HexBinary16 = Annotated[int, Bits(4)]
HexBinary32 = Annotated[int, Bits(8)]
HexBinary64 = Annotated[int, Bits(16)]

MRIDType = Annotated[str, Hex(32)]
LFDIType = Annotated[str, Hex(40)]

String6 = Annotated[str, Text(6)]
String16 = Annotated[str, Text(16)]
String32 = Annotated[str, Text(32)]
Label32 = Annotated[str, Text(32, label=True)]
Label192 = Annotated[str, Text(192, label=True)]
"""Interpretation: a label that is too long is cut on reading, for a limit must not be lost over its name."""

AnyURI = Annotated[str, Text(2048, uri=True)]
"""The schema sets no length; 2048 characters bound what a peer can make us store."""
