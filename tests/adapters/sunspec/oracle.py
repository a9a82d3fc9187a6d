"""Blocks made and read by pysunspec2, the reference client."""

import random
import struct
from collections.abc import Mapping
from typing import Any

import sunspec2.device

ABC = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-."


def block(model_id: int, seed: int | None, counts: Mapping[str, int]) -> bytes:
    """A whole block of random values (None: nothing implemented), packed by pysunspec2; groups repeat by ``counts``."""
    definition = sunspec2.device.get_model_def(model_id)
    dice = None if seed is None else random.Random(seed)  # noqa: S311 - test data, no secret
    values = _group(definition["group"], dice, counts)
    values |= {"ID": model_id, "L": 0}
    data = bytearray(sunspec2.device.Model(model_def=definition, model_id=model_id, data=values).get_mb())
    data[2:4] = struct.pack(">H", len(data) // 2 - 2)
    return bytes(data)


def read(data: bytes) -> dict[str, Any]:
    """What pysunspec2 makes of a whole block, scaled, as path -> value."""
    model_id, length = struct.unpack_from(">HH", data)
    made = sunspec2.device.Model(model_id=model_id, model_len=length, data=data)
    assert made.error_info == ""
    flat: dict[str, Any] = {}
    _flatten(made.get_dict(computed=True), "", flat)
    return {name: value for name, value in flat.items() if name not in ("mid", "error", "model_id")}


def _flatten(values: Mapping[str, Any], prefix: str, flat: dict[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, dict):
            _flatten(value, f"{prefix}{name}.", flat)
        elif isinstance(value, list):
            for k, inner in enumerate(value, start=1):
                _flatten(inner, f"{prefix}{name}[{k}].", flat)
        elif not name.startswith("Pad"):
            flat[prefix + name] = value


def _group(group: Mapping[str, Any], dice: random.Random | None, counts: Mapping[str, int]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for point in group["points"]:
        name = point["name"]
        values[name] = counts[name] if name in counts else None if dice is None else _value(point, dice)
    for inner in group.get("groups", ()):
        if "count" in inner and inner["count"] != 1:
            times = counts[inner["name"] if inner["count"] == 0 else inner["count"]]
            values[inner["name"]] = [_group(inner, dice, counts) for _ in range(times)]
        else:
            values[inner["name"]] = _group(inner, dice, counts)
    return values


def _value(point: Mapping[str, Any], dice: random.Random) -> Any:
    kind, bits = point["type"], 16 * point["size"]
    if dice.random() < 0.1 and kind not in ("sunssf", "pad"):
        return None
    if kind == "sunssf":
        return dice.randint(-4, 4)
    if kind == "string":
        return "".join(dice.choices(ABC, k=dice.randint(1, bits // 8)))
    if kind == "pad":
        return 0
    if kind.startswith("float"):
        return struct.unpack(">f", struct.pack(">f", dice.uniform(-1e5, 1e5)))[0]
    if kind.startswith("int"):
        return dice.randint(-(1 << bits - 1) + 1, (1 << bits - 1) - 1)
    return dice.randint(1, (1 << bits) - 2)
