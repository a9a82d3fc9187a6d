"""Stretches of time, by hand."""

import math

import pytest

from grid_functions.spans import Span, joined, left


@pytest.mark.parametrize(
    ("given", "together"),
    [
        ([], []),
        ([(0.0, 1.0), (2.0, 3.0)], [(0.0, 1.0), (2.0, 3.0)]),
        ([(2.0, 3.0), (0.0, 1.0)], [(0.0, 1.0), (2.0, 3.0)]),
        ([(0.0, 1.0), (1.0, 2.0)], [(0.0, 2.0)]),
        ([(0.0, 5.0), (1.0, 2.0)], [(0.0, 5.0)]),
        ([(0.0, 5.0), (3.0, 8.0), (8.5, math.inf)], [(0.0, 8.0), (8.5, math.inf)]),
    ],
)
def test_the_same_seconds_sorted_and_apart(given: list[Span], together: list[Span]) -> None:
    assert joined(given) == together


@pytest.mark.parametrize(
    ("taken", "rest"),
    [
        ([], [(0.0, 10.0)]),
        ([(0.0, 10.0)], []),
        ([(2.0, 4.0), (6.0, 8.0)], [(0.0, 2.0), (4.0, 6.0), (8.0, 10.0)]),
        ([(-5.0, 3.0), (9.0, math.inf)], [(3.0, 9.0)]),
        ([(10.0, 12.0)], [(0.0, 10.0)]),
    ],
)
def test_what_others_leave(taken: list[Span], rest: list[Span]) -> None:
    assert list(left((0.0, 10.0), taken)) == rest
