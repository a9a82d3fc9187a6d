"""How much an area could move: members are asked once, and what they answer is checked, added up, and told with who was silent."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from grid_functions.letters import Flexibility

_REFUSALS = 500
"""Kept at most: who writes nonsense without end fills no ledger."""


@dataclass(frozen=True, slots=True)
class Survey:
    """``base_w``: what each was measured to take before it was asked; who has none can take part in no event."""

    request: str
    start_utc_s: float
    duration_s: float
    deadline_utc_s: float
    asked: tuple[str, ...]
    base_w: Mapping[str, float]
    answers: Mapping[str, Flexibility] = field(default_factory=dict)
    refused: tuple[tuple[str, str], ...] = ()

    @property
    def silent(self) -> tuple[str, ...]:
        """Who was asked and did not answer."""
        return tuple(sorted(set(self.asked) - self.answers.keys()))

    @property
    def down_kw(self) -> float:
        """What all together could shed."""
        return sum(one.down_kw for one in self.answers.values())

    @property
    def up_kw(self) -> float:
        """What all together could add."""
        return sum(one.up_kw for one in self.answers.values())

    def movable_kw(self, duration_s: float, *, down: bool) -> dict[str, float]:
        """Who could move for that long and be verified, and how far."""
        return {
            member: kw
            for member, one in self.answers.items()
            if one.duration_s >= duration_s and member in self.base_w and (kw := one.down_kw if down else one.up_kw) > 0
        }

    def told(self) -> Mapping[str, Any]:
        """All of it as plain values."""
        return asdict(self) | {"up_kw": self.up_kw, "down_kw": self.down_kw, "silent": list(self.silent)}


def heard(survey: Survey, member: str, letter: Flexibility, most_kw: float) -> tuple[Survey, str]:
    """The first answer of a member counts; the text says why one does not, empty = it does."""
    fault = ""
    if letter.request != survey.request:
        fault = f"answers {letter.request!r}, which is not asked"
    elif member not in survey.asked:
        fault = "answers without having been asked"
    elif member in survey.answers:
        fault = "answers a second time: the first counts"
    elif not (0.0 <= letter.up_kw <= most_kw and 0.0 <= letter.down_kw <= most_kw):
        fault = f"says it could move less than nothing or more than the {most_kw:g} kW it is connected with"
    elif not (math.isfinite(letter.base_kw) and abs(letter.base_kw) <= most_kw and letter.duration_s >= 0.0):
        fault = "names a baseline or duration that cannot be meant"
    if not fault:
        return replace(survey, answers={**survey.answers, member: letter}), ""
    told = dict.fromkeys((*survey.refused, (member, fault)))
    return replace(survey, refused=tuple(told)[:_REFUSALS]), fault


def shares(movable_kw: Mapping[str, float], kw: float) -> dict[str, float]:
    """``kw`` >= 0 by what each could move; never more than that."""
    whole = sum(movable_kw.values())
    part = min(1.0, kw / whole) if whole > 0.0 else 0.0
    return {member: one * part for member, one in movable_kw.items()}
