"""Every scalar type at its least, at its most, and one beyond. Bounds: IEEE 2030.5-2018 schema 2.1.0."""

from typing import Any, get_args

import pytest

from protocols.ieee2030_5.wire import scalars
from protocols.ieee2030_5.wire.scalars import Bits, Csipaus, Hex, Text, Truth, Whole
from protocols.ieee2030_5.wire.values import BadValue, formatter_of, parser_of

Rule = Whole | Bits | Hex | Text | Truth


def rule_of(name: str) -> Rule:
    """The rule of one alias."""
    found: Rule = get_args(getattr(scalars, name))[1]
    return found


def bounds(name: str, low: int, high: int) -> Any:
    return pytest.param(rule_of(name), low, high, id=name)


WHOLE = [
    bounds("UInt8", 0, 255),
    bounds("UInt16", 0, 65_535),
    bounds("UInt32", 0, 4_294_967_295),
    bounds("UInt48", 0, 281_474_976_710_655),
    bounds("Int16", -32_768, 32_767),
    bounds("Int32", -2_147_483_648, 2_147_483_647),
    bounds("Int48", -140_737_488_355_328, 140_737_488_355_328),
    bounds("TimeType", -9_223_372_036_854_775_808, 9_223_372_036_854_775_807),
    bounds("TimeOffsetType", -2_147_483_648, 2_147_483_647),
    bounds("OneHourRangeType", -3600, 3600),
    bounds("PerCent", 0, 10_000),
    bounds("SignedPerCent", -10_000, 10_000),
    bounds("PowerOfTenMultiplierType", -9, 9),
    bounds("DERUnitRefType", 0, 7),
    bounds("DERCurveType", 0, 14),
    bounds("SubscribableType", 0, 3),
    bounds("SFDIType", 0, 687_194_767_359),
    bounds("PINType", 0, 999_999),
]


@pytest.mark.parametrize(("rule", "low", "high"), WHOLE)
def test_whole_numbers_at_their_bounds(rule: Whole, low: int, high: int) -> None:
    parse, write = parser_of(rule), formatter_of(rule)
    for number in (low, high, 0):
        assert parse(str(number)) == number
        assert write(number) == str(number)
    for number in (low - 1, high + 1):
        if rule.clamped:
            assert parse(str(number)) == max(low, min(number, high))
        else:
            with pytest.raises(BadValue, match=f"outside {low}..{high}"):
                parse(str(number))
        with pytest.raises(BadValue, match="is not a whole number in"):
            write(number)


def test_only_the_randomisation_windows_are_drawn_in() -> None:
    assert [name.id for name in WHOLE if name.values[0].clamped] == ["OneHourRangeType"]


@pytest.mark.parametrize("text", ["+7", " 7", "7 ", "\t7\n", "\r7", "007"])
def test_a_number_may_have_a_sign_zeros_and_space_around(text: str) -> None:
    assert parser_of(Whole(0, 9))(text) == 7
    assert parser_of(Whole(0, 9, clamped=True))(text) == 7


@pytest.mark.parametrize("text", [None, "", " ", "7.0", "1_0", "٣", "0x7", "7a", "--7", "+", "7 7", "\u00a07"])
def test_what_is_no_number(text: str | None) -> None:
    for rule in (Whole(-99, 99), Whole(-99, 99, clamped=True)):
        with pytest.raises(BadValue, match="is not a whole number"):
            parser_of(rule)(text)


@pytest.mark.parametrize("value", [True, 7.0, "7", None])
def test_only_a_number_is_written_as_one(value: object) -> None:
    with pytest.raises(BadValue):
        formatter_of(Whole(0, 9))(value)
    with pytest.raises(BadValue):
        formatter_of(Bits(2))(value)


@pytest.mark.parametrize(
    ("name", "digits"), [("HexBinary8", 2), ("HexBinary16", 4), ("HexBinary32", 8), ("HexBinary64", 16)]
)
def test_bit_maps_at_any_width_that_fits_and_padded_when_written(name: str, digits: int) -> None:
    rule = rule_of(name)
    parse, write = parser_of(rule), formatter_of(rule)
    most = 16**digits - 1
    assert parse("F" * digits) == most
    assert parse("f" * digits) == most
    assert (parse("0"), parse("1"), parse("01"), parse("0A"), parse("0a"), parse(" 0b "), parse("FF")) == (
        0,
        1,
        1,
        10,
        10,
        11,
        255,
    )
    assert parse("0" * digits + "10") == 16  # leading zeros are no digits too many
    assert (write(0), write(10), write(most)) == ("0" * digits, "0" * (digits - 1) + "A", "F" * digits)
    with pytest.raises(BadValue, match=f"more than {digits} hexadecimal digits"):
        parse("1" + "0" * digits)
    for value in (most + 1, -1):
        with pytest.raises(BadValue, match=f"bit map of {digits}"):
            write(value)


@pytest.mark.parametrize("text", [None, "", " ", "0x1", "G0", "1 2", "12 34", "-1", "1_0"])
def test_what_is_not_hexadecimal(text: str | None) -> None:
    for rule in (Bits(4), Hex(32)):
        with pytest.raises(BadValue, match="is not hexadecimal"):
            parser_of(rule)(text)


@pytest.mark.parametrize(("name", "digits"), [("MRIDType", 32), ("LFDIType", 40)])
def test_identities_are_upper_case_and_even(name: str, digits: int) -> None:
    rule = rule_of(name)
    parse, write = parser_of(rule), formatter_of(rule)
    assert (parse("ab"), parse("abc"), parse(" AB\n"), parse("a" * digits)) == ("AB", "0ABC", "AB", "A" * digits)
    assert (write("ab"), write("A" * digits)) == ("AB", "A" * digits)
    with pytest.raises(BadValue, match=f"more than {digits}"):
        parse("a" * (digits + 1))
    for bad in ("", "abc", "a" * (digits + 2), "xy", 7, None):
        with pytest.raises(BadValue, match=f"at most {digits}"):
            write(bad)


@pytest.mark.parametrize(
    ("text", "truth"), [("true", True), ("1", True), ("false", False), ("0", False), (" true ", True), ("\n0", False)]
)
def test_truths(text: str, truth: bool) -> None:
    assert parser_of(Truth())(text) is truth
    assert formatter_of(Truth())(truth) == str(truth).lower()


@pytest.mark.parametrize("text", [None, "", "True", "yes", "2", "TRUE"])
def test_what_is_no_truth(text: str | None) -> None:
    with pytest.raises(BadValue, match="neither true nor false"):
        parser_of(Truth())(text)


@pytest.mark.parametrize("value", [1, 0, "true", None])
def test_only_a_truth_is_written_as_one(value: object) -> None:
    with pytest.raises(BadValue, match="neither true nor false"):
        formatter_of(Truth())(value)


@pytest.mark.parametrize(("name", "length"), [("String6", 6), ("String16", 16), ("String32", 32), ("AnyURI", 2048)])
def test_text_that_is_too_long_is_refused(name: str, length: int) -> None:
    rule = rule_of(name)
    longest = "x" * length
    assert (parser_of(rule)(longest), parser_of(rule)(" a "), parser_of(rule)(None)) == (longest, " a ", "")
    assert formatter_of(rule)(longest) == longest
    with pytest.raises(BadValue, match=f"longer than {length}"):
        parser_of(rule)(longest + "x")
    for bad in (longest + "x", 7, None):
        with pytest.raises(BadValue, match=f"at most {length}"):
            formatter_of(rule)(bad)


@pytest.mark.parametrize(("name", "length"), [("Label32", 32), ("Label192", 192)])
def test_a_label_that_is_too_long_is_cut_when_read_and_refused_when_written(name: str, length: int) -> None:
    rule = rule_of(name)
    longest = "y" * length
    assert (parser_of(rule)(longest), parser_of(rule)(longest + "z"), parser_of(rule)(None)) == (longest, longest, "")
    with pytest.raises(BadValue):
        formatter_of(rule)(longest + "z")


@pytest.mark.parametrize("text", ["a\x00", "\x0b", "\ufffe", "\ud800"])
def test_what_xml_cannot_carry_is_not_written(text: str) -> None:
    with pytest.raises(BadValue, match="XML cannot carry"):
        formatter_of(Text(9))(text)


@pytest.mark.parametrize("text", ["/edev/1", "https://[fe80::1]:8443/a?s=0&l=1", "%20", "", "a:b@c"])
def test_a_uri_is_written(text: str) -> None:
    assert formatter_of(Text(99, uri=True))(text) == text


@pytest.mark.parametrize("text", ["a b", "<", "%2", "%zz", "[::1]", "http://[", "ä", "a\\b", "\n"])
def test_what_is_no_uri_is_not_written(text: str) -> None:
    with pytest.raises(BadValue, match="is no URI"):
        formatter_of(Text(99, uri=True))(text)
    if text.isprintable():
        assert formatter_of(Text(99))(text) == text


def test_a_fault_names_the_way_to_it() -> None:
    bad = BadValue("is bad")
    assert str(bad) == "is bad"
    assert str(bad.within("c").within("b")) == "b/c: is bad"
    assert (bad.reason, bad.path) == ("is bad", ("b", "c"))


def test_a_long_text_is_shown_short() -> None:
    def why(text: str) -> str:
        with pytest.raises(BadValue) as found:
            parser_of(Whole(0, 9))(text)
        return found.value.reason

    assert why("x" * 40) == f"'{'x' * 40}' is not a whole number"
    assert why("x" * 41) == f"'{'x' * 37}...' is not a whole number"
    assert why("") == "nothing is not a whole number"


def test_marks_say_what_is_usual() -> None:
    """Refused unless clamped; text of nobody's making; elements of CSIP-AUS are those of 1.1 and optional unless told."""
    assert (Whole(0, 1).clamped, Text(1).label, Text(1).uri) == (False, False, False)
    assert Csipaus() == Csipaus("1.1", False, None)
