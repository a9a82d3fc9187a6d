"""What a device held before we first wrote to it, and which of its points are ours now; pure."""

import json
from dataclasses import dataclass

from adapters.family import Points
from grid_functions.model.device import Nameplate
from grid_functions.model.errors import LedgerUnavailable

VERSION = 1


@dataclass(frozen=True, slots=True)
class Baseline:
    """``points``: values from before us, taken once. ``owned``: the points we have written and not yet given back."""

    key: str
    points: Points
    owned: frozenset[str]


def baseline_key(driver: str, plate: Nameplate) -> str:
    """Where the baseline of this very device is kept; another serial number is another device."""
    return f"driver/{driver}/baseline/{plate.maker}/{plate.model}/{plate.serial}"


def encode_baseline(baseline: Baseline) -> tuple[int, bytes]:
    """The version and bytes to keep."""
    plain = {"points": dict(baseline.points), "owned": sorted(baseline.owned)}
    return VERSION, json.dumps(plain, sort_keys=True).encode()


def decode_baseline(key: str, version: int, body: bytes) -> Baseline:
    """What was kept. Raises LedgerUnavailable when it is not readable: it must not be replaced by values of ours."""
    try:
        plain = json.loads(body)
        if version != VERSION:
            raise ValueError(f"version {version}")
        return Baseline(key, dict(plain["points"]), frozenset(plain["owned"]))
    except (ValueError, TypeError, KeyError) as error:
        raise LedgerUnavailable(f"{key} is not readable ({error})") from error
