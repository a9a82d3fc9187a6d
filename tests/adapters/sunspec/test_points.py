"""Point types one by one, by hand."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sunspec.points import (
    TYPES,
    PointType,
    Rounding,
    Shape,
    Value,
    agrees,
    blank,
    decode,
    encode,
    exponent,
    resolution,
    scaled,
)
from grid_functions.model.errors import OurFault

FLOOR, CEIL, NEAREST = Rounding.FLOOR, Rounding.CEIL, Rounding.NEAREST


@pytest.mark.parametrize(
    ("kind", "wire", "value"),
    [
        ("int16", "FFFE", -2),
        ("int16", "7FFF", 32767),
        ("int16", "8001", -32767),
        ("int16", "8000", None),
        ("uint16", "FFFE", 65534),
        ("uint16", "FFFF", None),
        ("uint16", "0000", 0),
        ("count", "0003", 3),
        ("count", "FFFF", None),
        ("enum16", "0004", 4),
        ("enum16", "FFFF", None),
        ("bitfield16", "8001", 0x8001),
        ("bitfield16", "FFFF", None),
        ("sunssf", "FFFF", -1),
        ("sunssf", "8000", None),
        ("int32", "FFFFFFFE", -2),
        ("int32", "80000000", None),
        ("uint32", "00010000", 65536),
        ("uint32", "FFFFFFFF", None),
        ("enum32", "00000001", 1),
        ("enum32", "FFFFFFFF", None),
        ("bitfield32", "80000000", 0x80000000),
        ("bitfield32", "FFFFFFFF", None),
        ("int64", "FFFFFFFFFFFFFFFE", -2),
        ("int64", "8000000000000000", None),
        ("uint64", "0000000100000000", 4294967296),
        ("uint64", "FFFFFFFFFFFFFFFF", None),
        ("acc16", "0001", 1),
        ("acc16", "0000", None),
        ("acc16", "FFFF", 65535),
        ("acc32", "FFFFFFFF", 4294967295),
        ("acc32", "00000000", None),
        ("acc64", "0000000000000001", 1),
        ("acc64", "0000000000000000", None),
        ("float32", "C2280000", -42.0),  # sign, exponent 0x84 = 2^5, mantissa 1.3125
        ("float32", "7FC00000", None),
        ("float32", "7F800001", None),  # a signalling NaN
        ("float32", "FFFFFFFF", None),
        ("float32", "7F800000", None),
        ("float64", "3FF8000000000000", 1.5),
        ("float64", "7FF8000000000000", None),
        ("string", "41424300", "ABC"),
        ("string", "41424344", "ABCD"),
        ("string", "41422020", "AB"),
        ("string", "41004243", "A"),
        ("string", "00000000", None),
        ("string", "20202020", None),
        ("string", "41FF0000", "A\N{REPLACEMENT CHARACTER}"),
        ("ipaddr", "C0A80114", "192.168.1.20"),
        ("ipaddr", "00000000", None),
        ("ipv6addr", "20010DB8000000000000000000000001", "20010DB8:00000000:00000000:00000001"),
        ("ipv6addr", "00000000000000000000000000000000", None),
        ("eui48", "0000001122AABBCC", "00:11:22:AA:BB:CC"),
        ("eui48", "0000FFFFFFFFFFFF", None),
        ("eui48", "0000000000000000", None),
        ("pad", "8000", None),
        ("pad", "1234", None),
    ],
)
def test_decode(kind: str, wire: str, value: Value | None) -> None:
    assert decode(TYPES[kind], bytes.fromhex(wire)) == value


@pytest.mark.parametrize("kind", TYPES.values(), ids=lambda kind: kind.name)
def test_blank_reads_as_not_implemented(kind: PointType) -> None:
    size = kind.registers or 4
    assert len(blank(kind, size)) == 2 * size
    assert decode(kind, blank(kind, size)) is None


@pytest.mark.parametrize(
    ("raw", "scale", "value"),
    [(2301, -1, 230.1), (5, 3, 5000), (-42, 0, -42), (9995, -2, 99.95), (1, -10, 1e-10), (1, 10, 10**10)],
)
def test_scale(raw: int, scale: int, value: float) -> None:
    assert scaled(raw, scale) == value


@pytest.mark.parametrize(("raw", "usable"), [(-10, -10), (10, 10), (11, None), (-11, None), (20, None), (None, None)])
def test_scale_factor_outside_ten_is_unusable(raw: int | None, usable: int | None) -> None:
    assert exponent(raw) == usable


def test_value_without_usable_scale_is_unknown_not_raw() -> None:
    assert decode(TYPES["int16"], b"\x13\x88", scale=None) is None


@pytest.mark.parametrize(
    ("value", "scale", "rounding", "raw"),
    [
        (57.34, -1, FLOOR, 573),
        (57.34, -1, CEIL, 574),
        (57.34, -1, NEAREST, 573),
        (57.36, -1, NEAREST, 574),
        (-57.34, -1, FLOOR, -574),
        (-57.34, -1, CEIL, -573),
        (0.29, -2, FLOOR, 29),  # 0.29 * 100 = 28.999999999999996 in binary
        (0.1 + 0.2, -1, CEIL, 3),  # 0.30000000000000004
        (1.1, -2, CEIL, 110),  # 1.1 * 100 = 110.00000000000001
        (1499, 2, FLOOR, 14),
        (1499, 2, CEIL, 15),
        (1499, 2, NEAREST, 15),
        (1450, 2, NEAREST, 14),
        (1500, 2, CEIL, 15),
        (-1499, 2, FLOOR, -15),
        (-1499.0, 2, CEIL, -14),
        (100, 0, FLOOR, 100),
    ],
)
def test_rounding_goes_the_way_it_is_told(value: float, scale: int, rounding: Rounding, raw: int) -> None:
    assert encode(TYPES["int16"], value, scale, rounding) == raw.to_bytes(2, "big", signed=True)


@pytest.mark.parametrize(
    ("kind", "value", "scale"),
    [
        ("uint16", 65535, 0),  # would read as not implemented
        ("uint16", -1, 0),
        ("uint16", 70000, 0),
        ("uint16", 6553.5, -1),
        ("int16", -32768, 0),
        ("int16", 32768, 0),
        ("acc32", 0, 0),
        ("uint32", 2**32 - 1, 0),
        ("int16", math.nan, 0),
        ("int16", math.inf, 0),
        ("int16", 1, 11),
        ("int16", 1, -11),
        ("int16", "1", 0),
        ("float32", math.nan, 0),
        ("float32", math.inf, 0),
        ("float32", 1e39, 0),
        ("float32", 10**400, 0),
        ("string", 5, 0),
        ("pad", 0, 0),
    ],
)
def test_what_cannot_be_written(kind: str, value: Value, scale: int) -> None:
    with pytest.raises(OurFault):
        encode(TYPES[kind], value, scale)


def test_edges_can_be_written() -> None:
    # 149037.63484 * 100000 is 14903763484.000002 in binary.
    assert encode(TYPES["int64"], 149037.63484, -5, CEIL) == (14903763484).to_bytes(8, "big")
    assert encode(TYPES["uint16"], 65534) == b"\xff\xfe"
    assert encode(TYPES["int16"], -32767) == b"\x80\x01"
    assert encode(TYPES["float32"], -42.0) == bytes.fromhex("C2280000")
    assert encode(TYPES["string"], "ABC", size=2) == b"ABC\0"
    with pytest.raises(OurFault, match="does not fit"):
        encode(TYPES["string"], "ABCDE", size=2)


def test_read_back_agrees_within_half_a_step() -> None:
    assert resolution(-1) == 0.1
    assert agrees(57.34, 57.3, -1)
    assert agrees(57.35, 57.3, -1)  # half a step exactly
    assert not agrees(57.36, 57.3, -1)
    assert agrees(1449, 1400, 2)
    assert not agrees(1451, 1400, 2)


integers = [kind for kind in TYPES.values() if kind.shape is Shape.INTEGER]


@given(st.sampled_from(integers), st.integers(-10, 10), st.data())
def test_every_register_value_comes_back(kind: PointType, scale: int, data: st.DataObject) -> None:
    low, high = kind.bounds
    raw = data.draw(st.integers(max(low, -(2**40)), min(high, 2**40)))
    wire = raw.to_bytes(2 * kind.registers, "big", signed=low < 0)
    value = decode(kind, wire, scale)
    if raw == kind.absent:
        assert value is None
        return
    assert isinstance(value, int | float)
    for rounding in Rounding:
        assert encode(kind, value, scale, rounding) == wire


@given(st.floats(-3e4, 3e4), st.integers(-2, 3))
def test_floor_never_exceeds_and_ceil_never_undercuts(value: float, scale: int) -> None:
    step = Fraction(10) ** scale
    if abs(value / step) > 32000:
        return
    down, up = (
        int.from_bytes(encode(TYPES["int16"], value, scale, way), "big", signed=True) * step for way in (FLOOR, CEIL)
    )
    slack = step / 10**6
    assert down <= Fraction(value) + slack
    assert up >= Fraction(value) - slack
    assert up - down <= step
