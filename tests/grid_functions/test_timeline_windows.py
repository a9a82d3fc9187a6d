"""Draws and effective windows."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grid_functions.model.event import EventKey, Respondent
from grid_functions.timeline.windows import draw_s

KEY = EventKey(Respondent("utility", "3E4F"), "A")


@given(st.binary(max_size=80), st.text(max_size=20), st.floats(-10_000, 10_000))
def test_a_draw_lies_in_its_signed_window_of_an_hour_at_most(seed: bytes, name: str, window_s: float) -> None:
    drawn = draw_s(seed, EventKey(KEY.respondent, name), "start", window_s)
    assert abs(drawn) <= min(abs(window_s) + 0.0005, 3600.0)
    assert drawn == 0.0 or (drawn > 0) == (window_s > 0)


def test_a_draw_is_keyed_by_gateway_event_respondent_and_field() -> None:
    others = [
        draw_s(b"seed", KEY, "start", 3600.0),
        draw_s(b"another", KEY, "start", 3600.0),
        draw_s(b"seed", KEY, "duration", 3600.0),
        draw_s(b"seed", EventKey(KEY.respondent, "B"), "start", 3600.0),
        draw_s(b"seed", EventKey(Respondent("utility", "3E50"), "A"), "start", 3600.0),
        draw_s(b"seed", EventKey(Respondent("other", "3E4F"), "A"), "start", 3600.0),
        # where one word ends and the next begins counts
        draw_s(b"seed", EventKey(Respondent("utility", "3E4"), "FA"), "start", 3600.0),
    ]
    assert len(set(others)) == len(others)


def test_draws_are_uniform() -> None:
    """1000 draws from a window of 1000 s: the mean has a standard deviation of 1000 / sqrt(12 * 1000) = 9.1 s; five of them: 46 s."""
    draws = [draw_s(b"seed", EventKey(KEY.respondent, str(n)), "start", 1000.0) for n in range(1000)]
    assert sum(draws) / len(draws) == pytest.approx(500.0, abs=46.0)
    tenths = [sum(100.0 * n <= draw < 100.0 * (n + 1) for draw in draws) for n in range(10)]
    assert min(tenths) > 50  # 100 expected, deviation 9.5
    assert max(tenths) < 150


def test_a_draw_is_the_same_in_another_process() -> None:
    """Not so with Python's own hash, which is salted per process."""
    code = (
        "from grid_functions.timeline.windows import draw_s\n"
        "from grid_functions.model.event import EventKey, Respondent\n"
        "print(draw_s(b'seed', EventKey(Respondent('utility', '3E4F'), 'A'), 'start', 3600.0))"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)  # noqa: S603 - our own code
    assert float(out.stdout) == draw_s(b"seed", KEY, "start", 3600.0)
