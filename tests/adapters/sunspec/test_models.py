"""Blocks against pysunspec2 on the same bytes; where it is known to be wrong, by hand."""

import math
import struct
from collections.abc import Mapping

import pytest

from adapters.sunspec.layouts import Chunk, Layout
from adapters.sunspec.models import Model, model
from adapters.sunspec.plan import Span
from adapters.sunspec.points import Rounding, Value
from grid_functions.model.errors import OurFault
from tests.adapters.sunspec import oracle

PLAIN = (1, 101, 102, 103, 111, 112, 113, 120, 121, 122, 123, 124, 201, 202, 203, 204, 211, 212, 213, 214)
PLAIN_700 = (701, 702, 703, 704, 713, 715, 802)
REPEATING: tuple[tuple[int, Mapping[str, int]], ...] = (
    (126, {"curve": 2}),
    (160, {"N": 3, "module": 3}),
    (160, {"N": 0, "module": 0}),
    (160, {"N": 11, "module": 11}),
    (705, {"NPt": 4, "NCrv": 3}),
    (706, {"NPt": 2, "NCrv": 1}),
    (707, {"NPt": 5, "NCrvSet": 2}),
    (708, {"NPt": 4, "NCrvSet": 3}),
    (709, {"NPt": 3, "NCrvSet": 2}),
    (710, {"NPt": 3, "NCrvSet": 2}),
    (711, {"NCtl": 3}),
    (712, {"NPt": 6, "NCrv": 2}),
    (714, {"NPrt": 3}),
)
SHAPES = (*((model_id, {}) for model_id in PLAIN + PLAIN_700), *REPEATING)


def known(model_id: int) -> Model:
    found = model(model_id)
    assert found is not None
    return found


def whole(model_id: int) -> Layout:
    """A model without repeats at its published length."""
    data = oracle.block(model_id, None, {})
    return known(model_id).layout(len(data) // 2 - 2)


def same(ours: Value | None, theirs: Value | None) -> bool:
    """pysunspec2 multiplies by 10^SF in floating point and rounds; we divide: equal to twelve digits."""
    if isinstance(ours, int | float) and isinstance(theirs, int | float):
        return math.isclose(ours, theirs, rel_tol=1e-12)
    return ours == theirs


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
@pytest.mark.parametrize(("model_id", "counts"), SHAPES)
def test_same_bytes_same_values_as_pysunspec2(model_id: int, counts: Mapping[str, int], seed: int | None) -> None:
    data = oracle.block(model_id, seed, counts)
    ours, theirs = known(model_id).decode(data), oracle.read(data)
    assert ours.keys() == theirs.keys()
    assert {name: (ours[name], theirs[name]) for name in ours if not same(ours[name], theirs[name])} == {}


@pytest.mark.parametrize(("model_id", "counts"), SHAPES)
def test_small_reads_say_the_same_as_one_read(model_id: int, counts: Mapping[str, int]) -> None:
    data = oracle.block(model_id, 7, counts)
    definition = known(model_id)
    layout = definition.layout(len(data) // 2 - 2, data[: 2 * definition.head])
    view = layout.view(max_read=40)
    assert max(span.size for span in view.spans) <= 40
    chunks = [data[2 * span.offset : 2 * (span.offset + span.size)] for span in view.spans]
    assert view.decode(chunks) == definition.decode(data)


def test_unknown_model() -> None:
    assert model(64999) is None
    assert model(65535) is None


# Section 7 defects: pysunspec2 shows 5000 for the first and 5e+23 for the second.
@pytest.mark.parametrize(
    ("factor", "watts"), [(-0x8000, None), (20, None), (11, None), (-11, None), (1, 50000), (-1, 500)]
)
def test_value_without_usable_scale_factor_is_unknown(factor: int, watts: float | None) -> None:
    data = bytearray(oracle.block(103, 1, {}))
    struct.pack_into(">hh", data, 2 * 14, 5000, factor)  # 103: W at 14, W_SF at 15
    read = known(103).decode(bytes(data))
    assert read["W"] == watts
    assert read["W_SF"] == (None if factor == -0x8000 else factor)


def test_scale_factor_that_moves_at_run_time_is_taken_from_the_same_read() -> None:
    view = whole(103).view(["W"])
    assert view.spans == (Span(14, 2),)
    assert view.decode([struct.pack(">hh", 420, 1)])["W"] == 4200
    assert view.decode([struct.pack(">hh", 4200, 0)])["W"] == 4200


def test_701_is_read_at_a_boundary_that_keeps_values_with_their_scale_factors() -> None:
    # ID at 0, values to 112, ten scale factors 113..122, then the string MnAlrmInfo 123..154: 123 + 32 = 155.
    assert whole(701).view().spans == (Span(0, 123), Span(123, 32))
    assert whole(701).view(["W", "Var", "Hz", "LNV", "InvSt"]).spans == (Span(4, 116),)  # InvSt 4 .. Var_SF 119


def test_213_needs_two_reads() -> None:
    # 124 + header = 126 registers: two single ones, then only pairs, so the split is at 124.
    assert whole(213).view().spans == (Span(0, 124), Span(124, 2))
    assert whole(213).view(["W", "PhV"]).spans == (whole(213).view(["W", "PhV"]).spans[0],)


def test_small_device_limit_splits_at_points_only() -> None:
    layout = whole(701)
    edges = {point.offset for point in layout.points.values()}
    for max_read in (25, 32, 50, 113):
        view = layout.view(max_read=max_read)
        assert all(span.offset in edges and span.size <= max_read for span in view.spans)
    # A string of 32 registers cannot be read 25 at a time without tearing it.
    read = layout.view(max_read=25).decode([None] * len(layout.view(max_read=25).spans))
    assert read["MnAlrmInfo"] is None


@pytest.mark.parametrize(("length", "last", "missing"), [(65, "DA", "Pad"), (66, "DA", "Pad"), (64, "SN", "DA")])
def test_model_1_of_any_length(length: int, last: str, missing: str) -> None:
    layout = known(1).layout(length)
    assert last in layout.points
    assert missing not in layout.points


def test_longer_block_than_defined_is_read_as_far_as_it_is_known() -> None:
    data = bytearray(oracle.block(103, 1, {}))
    struct.pack_into(">H", data, 2, 60)
    assert known(103).decode(bytes(data) + bytes(20)) == known(103).decode(bytes(data)) | {"L": 60}


def test_shorter_block_than_defined_has_no_values_beyond_its_end() -> None:
    data = bytearray(oracle.block(103, 1, {}))
    struct.pack_into(">H", data, 2, 38)  # up to register 39: St at 38, StVnd at 39, then nothing
    read = known(103).decode(bytes(data[:80]))
    assert "StVnd" in read
    assert "Evt1" not in read


def test_short_block_without_its_scale_factor_has_no_value() -> None:
    layout = known(701).layout(100)  # the scale factors stand from 113 on
    view = layout.view(["W"])
    assert view.decode([struct.pack(">h", 420)])["W"] is None


def test_ports_of_714_by_day_and_by_night() -> None:
    day = oracle.block(714, 5, {"NPrt": 3})
    assert struct.unpack_from(">xxH", day) == (93,)  # 18 + 3 * 25
    read = known(714).decode(day)
    assert "Prt[3].DCW" in read
    assert "Prt[4].DCW" not in read
    night = known(714).decode(oracle.block(714, 5, {"NPrt": 0}))
    assert "Prt[1].DCW" not in night


def test_lying_count_never_reaches_beyond_the_block() -> None:
    data = bytearray(oracle.block(714, 5, {"NPrt": 1}))
    at = 2 * known(714).layout(18).points["NPrt"].offset
    struct.pack_into(">H", data, at, 65000)
    assert [name for name in known(714).decode(bytes(data)) if name.endswith("DCW")] == ["DCW", "Prt[1].DCW"]


def test_count_that_is_not_implemented_is_none() -> None:
    data = oracle.block(711, None, {"NCtl": 0})
    at = 2 * known(711).layout(12).points["NCtl"].offset
    spoilt = data[:at] + b"\xff\xff" + data[at + 2 :] + bytes(20)
    spoilt = spoilt[:2] + struct.pack(">H", 22) + spoilt[4:]
    assert not [name for name in known(711).decode(spoilt) if name.startswith("Ctl[")]


@pytest.mark.parametrize(("model_id", "head"), [(103, 2), (160, 2), (711, 6), (714, 5)])
def test_head_tells_all_counts(model_id: int, head: int) -> None:
    counts = {"module": 1, "NCtl": 1, "NPrt": 1}
    data = oracle.block(model_id, 1, counts)
    definition = known(model_id)
    assert definition.head == head
    layout = definition.layout(len(data) // 2 - 2, data[: 2 * definition.head])
    assert layout.points.keys() == definition.decode(data).keys()


def test_refused_part_leaves_the_rest() -> None:
    layout = whole(123)
    view = layout.view(["Conn", "WMaxLimPct", "WMaxLim_Ena"], max_read=8)
    data = oracle.block(123, 3, {})
    chunks = [data[2 * span.offset : 2 * (span.offset + span.size)] for span in view.spans]
    full = view.decode(chunks)
    part = view.decode([chunks[0], *[None] * (len(chunks) - 1)])
    assert full["WMaxLim_Ena"] is not None
    assert part["Conn"] == full["Conn"]
    assert part["WMaxLimPct"] is None  # its scale factor was in a part refused


def test_chunks_must_match_the_plan() -> None:
    view = whole(103).view()
    for chunks in ([], [b""], [bytes(104), bytes(2)]):
        with pytest.raises(OurFault, match="chunks"):
            view.decode(chunks)


def test_names_the_block_has_not_are_left_out() -> None:
    assert whole(103).view(["W", "Nonsense"]).spans == (Span(14, 2),)
    assert whole(103).view(["Nonsense"]).spans == ()
    assert whole(103).view(["Nonsense"]).decode([]) == {}


def test_sync_group_is_read_whole() -> None:
    layout = whole(704)
    assert layout.points["PFWInj.PF"].group == "PFWInj"
    at = layout.points["PFWInj.PF"].offset
    read = layout.view(["PFWInj.PF"])
    assert any(span.holds(at, 2) for span in read.spans)
    assert {"PFWInj.PF", "PFWInj.Ext", "PF_SF"} <= read.decode([None] * len(read.spans)).keys()
    # even where the limit would fall between the two
    for max_read in range(2, 20):
        assert any(span.holds(at, 2) for span in layout.view(max_read=max_read).spans)


def test_704_limit_in_one_request() -> None:
    # WMaxLimPctEna 14, WMaxLimPct 15, Rvrt 16, EnaRvrt 17, RvrtTms 18 (u32). SF -1: 57.34 % down is 573.
    chunk = whole(704).write(
        {
            "WMaxLimPctEna": 1,
            "WMaxLimPct": 57.34,
            "WMaxLimPctRvrt": 30,
            "WMaxLimPctEnaRvrt": 1,
            "WMaxLimPctRvrtTms": 70000,
        },
        {"WMaxLimPct_SF": -1},
        Rounding.FLOOR,
    )
    assert chunk == Chunk(14, (1, 573, 300, 1, 1, 70000 - 65536))


def test_123_limit_as_five_contiguous_registers() -> None:
    values = {
        "WMaxLimPct": 40,
        "WMaxLimPct_WinTms": 0,
        "WMaxLimPct_RvrtTms": 60,
        "WMaxLimPct_RmpTms": 0,
        "WMaxLim_Ena": 1,
    }
    assert whole(123).write(values, {"WMaxLimPct_SF": -2}) == Chunk(5, (4000, 0, 60, 0, 1))


def test_32_bit_point_is_two_registers_of_one_request() -> None:
    chunk = whole(704).write({"WSet": -5000}, {"WSet_SF": 0})
    assert chunk == Chunk(24, (0xFFFF, 0x10000 - 5000))


@pytest.mark.parametrize(
    ("values", "scales", "why"),
    [
        ({}, {}, "nothing to write"),
        ({"Nonsense": 1}, {}, "no point Nonsense"),
        ({"WMaxLimPct_SF": 1}, {}, "no point WMaxLimPct_SF that can be written"),
        ({"WMaxLimPct": 50}, {}, "scale factor WMaxLimPct_SF is None"),
        ({"WMaxLimPct": 50}, {"WMaxLimPct_SF": None}, "scale factor WMaxLimPct_SF is None"),
        ({"WMaxLimPct": 50}, {"WMaxLimPct_SF": 20}, "scale factor WMaxLimPct_SF is 20"),
        ({"WMaxLimPct": 700}, {"WMaxLimPct_SF": -2}, "outside"),
        ({"WMaxLimPct": -1}, {"WMaxLimPct_SF": 0}, "outside"),
        ({"WMaxLimPctEna": 1, "WMaxLimPctRvrt": 5}, {"WMaxLimPct_SF": 0}, "does not follow"),
        ({"PFWInj.PF": 0.95}, {"PF_SF": -2}, "PFWInj must be written in one request"),
    ],
)
def test_writes_that_cannot_be(values: dict[str, Value], scales: dict[str, Value | None], why: str) -> None:
    with pytest.raises(OurFault, match=why):
        whole(704).write(values, scales)


def test_sync_group_in_one_request() -> None:
    at = whole(704).points["PFWInj.PF"].offset
    assert whole(704).write({"PFWInj.PF": 0.95, "PFWInj.Ext": 1}, {"PF_SF": -2}) == Chunk(at, (95, 1))


def test_definitions_carry_what_drivers_need() -> None:
    limit = whole(704).points["WMaxLimPct"].point
    assert (limit.writable, limit.units, limit.scale, limit.size) == (True, "Pct", "WMaxLimPct_SF", 1)
    assert dict(whole(701).points["InvSt"].point.symbols)["RUNNING"] == 3
    assert whole(1).points["Mn"].point.mandatory
