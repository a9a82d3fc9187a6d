"""What must survive a restart of what was done to one device, as bytes: what it held before, what it was told, who touched it; pure."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from adapters.knobs.knob import Aspect, Value
from grid_functions.model.control import Thermostat
from grid_functions.model.device import Touch

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Keeping:
    """``before``: what each aspect that is ours held before; ``told``: what we last set it to; ``shown``: what of that it was last seen at,
    where that is kept.
    """

    before: Mapping[Aspect, Value] = field(default_factory=dict)
    told: Mapping[Aspect, Value] = field(default_factory=dict)
    touch: Touch | None = None
    shown: Mapping[Aspect, Value] = field(default_factory=dict)

    def owned(self, aspect: Aspect, before: Value, told: Value) -> "Keeping":
        """It becomes ours, or is told something else; what it held before stays what it was."""
        return replace(self, before={aspect: before, **self.before}, told={**self.told, aspect: told})

    def rebased(self, aspect: Aspect, before: Value, touch: Touch | None) -> "Keeping":
        """Somebody else set it: that is what it is given back."""
        return replace(self, before={**self.before, aspect: before}, touch=touch or self.touch)

    def without(self, aspect: Aspect) -> "Keeping":
        """It is nobody's business of ours any more."""
        before, told, shown = (
            {each: value for each, value in kept.items() if each is not aspect}
            for kept in (self.before, self.told, self.shown)
        )
        return Keeping(before, told, None if aspect is Aspect.TEMPERATURE else self.touch, shown)

    def seen(self, aspect: Aspect, shown: Value) -> "Keeping":
        """It shows what it was told."""
        return replace(self, shown={**self.shown, aspect: shown})

    def encoded(self) -> bytes:
        """For the memory."""
        touch = None if self.touch is None else (self.touch.thermostat.value_k, self.touch.utc_s)
        plain = {"before": self.before, "told": self.told, "touch": touch}
        return json.dumps(plain | ({"shown": self.shown} if self.shown else {})).encode()


def decoded(version: int, body: bytes) -> Keeping:
    """What the memory has; what cannot be read is nothing, for then nobody knows what to give back."""
    try:
        plain = json.loads(body)
        if version != VERSION:
            return Keeping()
        before, told = _values(plain["before"]), _values(plain["told"])
        touch = plain["touch"]
        if touch is not None:
            value, utc_s = (float(one) for one in touch)
            touch = Touch(Thermostat(value, offset=False), utc_s) if math.isfinite(value) else None
        return Keeping(before, told, touch, _values(plain.get("shown", {})))
    except (ValueError, KeyError, TypeError, AttributeError):
        return Keeping()


def _values(plain: Mapping[str, Any]) -> dict[Aspect, Value]:
    return {Aspect(each): value for each, value in plain.items() if isinstance(value, int | float | str)}
