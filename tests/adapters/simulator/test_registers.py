"""The register image: chain, not-implemented values, what a write may touch."""

from adapters.simulator.registers import BASE, Image, PointKey, Refusal, layout, refusal
from tests.adapters.simulator.situations import site


def _at(image: Image, key: PointKey) -> int:
    return next(p.offset for p in image.points if p.key == key)


def test_chain_of_headers() -> None:
    # 'SunS', model 1 (66), 203 (105), end. 2 + 68 + 107 + 2 registers.
    registers = layout((1, 203)).encode({})
    assert registers[0:2] == [0x5375, 0x6E53]
    assert registers[2:4] == [1, 66]
    assert registers[70:72] == [203, 105]
    assert registers[177:] == [0xFFFF, 0]


def test_model_1_without_pad() -> None:
    registers = layout((1, 120), unpadded=True).encode({})
    assert registers[2:4] == [1, 65]
    assert registers[69:71] == [120, 26]


def test_not_implemented_values_by_type() -> None:
    image = layout((1, 103, 701, 704))
    registers = image.encode({})
    assert registers[_at(image, (103, "W"))] == 0x8000  # int16
    assert registers[_at(image, (103, "A"))] == 0xFFFF  # uint16
    assert registers[_at(image, (103, "W_SF"))] == 0x8000  # sunssf
    assert registers[_at(image, (103, "St"))] == 0xFFFF  # enum16
    at = _at(image, (103, "WH"))
    assert registers[at : at + 2] == [0, 0]  # acc32
    at = _at(image, (701, "Alrm"))
    assert registers[at : at + 2] == [0xFFFF, 0xFFFF]  # bitfield32
    at = _at(image, (701, "TotWhInj"))
    assert registers[at : at + 4] == [0xFFFF] * 4  # uint64
    at = _at(image, (704, "WSet"))
    assert registers[at : at + 2] == [0x8000, 0]  # int32
    assert registers[_at(image, (1, "Mn"))] == 0
    assert registers[_at(image, (1, "Pad"))] == 0x8000


def test_values_big_endian_and_signed() -> None:
    image = layout((1, 704))
    registers = image.encode({(704, "WSet"): -5000, (704, "WMaxLimPctRvrtTms"): 70000, (1, "Mn"): "ABC"})
    at = _at(image, (704, "WSet"))
    assert registers[at : at + 2] == [0xFFFF, 0x10000 - 5000]
    at = _at(image, (704, "WMaxLimPctRvrtTms"))
    assert registers[at : at + 2] == [1, 70000 - 65536]
    at = _at(image, (1, "Mn"))
    assert registers[at : at + 2] == [0x4142, 0x4300]


def test_704_limit_block_lies_where_the_model_says() -> None:
    # Offsets from the model's own start, header included: Ena 14, Pct 15, Rvrt 16, EnaRvrt 17, RvrtTms 18-19.
    image = layout((1, 704))
    start = _at(image, (704, "PFWInjEna")) - 2
    names = ("WMaxLimPctEna", "WMaxLimPct", "WMaxLimPctRvrt", "WMaxLimPctEnaRvrt", "WMaxLimPctRvrtTms")
    assert [_at(image, (704, name)) - start for name in names] == [14, 15, 16, 17, 18]


def test_split_takes_whole_points_only() -> None:
    image = layout((1, 704))
    at = BASE + _at(image, (704, "WMaxLimPctEnaRvrt"))
    assert image.split(at, [1, 0, 60]) == {(704, "WMaxLimPctEnaRvrt"): 1, (704, "WMaxLimPctRvrtTms"): 60}
    assert image.split(at, [1, 0]) is Refusal.ILLEGAL_ADDRESS  # half of a uint32
    assert image.split(at + 2, [60]) is Refusal.ILLEGAL_ADDRESS  # its other half
    assert image.split(BASE + 2, [1]) is Refusal.ILLEGAL_ADDRESS  # a header
    assert image.split(BASE + 4, [0x4142]) is Refusal.ILLEGAL_ADDRESS  # part of a text
    assert image.split(BASE + image.size - 2, [1, 2]) is Refusal.ILLEGAL_ADDRESS  # the end model
    assert image.split(10, [1]) is Refusal.ILLEGAL_ADDRESS


def test_split_reads_negative_numbers() -> None:
    image = layout((1, 704))
    at = BASE + _at(image, (704, "WSet"))
    assert image.split(at, [0xFFFF, 0xFFFE]) == {(704, "WSet"): -2}


def test_refusal_prefers_the_address() -> None:
    ranges = {(123, "Conn"): (0, 1)}
    assert refusal({(123, "Conn"): 1}, ranges) is None
    assert refusal({(123, "Conn"): 2}, ranges) is Refusal.ILLEGAL_VALUE
    assert refusal({(123, "Conn"): 2, (123, "Nope"): 0}, ranges) is Refusal.ILLEGAL_ADDRESS


def test_engineering_value_needs_its_scale() -> None:
    image = layout((1, 103))
    assert image.engineering((103, "W"), {(103, "W"): 4321, (103, "W_SF"): -1}) == 432.1
    assert image.engineering((103, "W"), {(103, "W"): 43, (103, "W_SF"): 2}) == 4300
    assert image.engineering((103, "W"), {(103, "W"): 43}) is None
    assert image.engineering((1, "Mn"), {(1, "Mn"): "x"}) is None


def test_images_end_with_the_end_model() -> None:
    for device in ("old", "new", "meter"):
        assert site().registers(device)[-2:] == [0xFFFF, 0]
