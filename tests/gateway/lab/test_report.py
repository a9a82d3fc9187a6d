"""Series of two cases laid beside each other, by hand."""

import numpy as np
import pytest

from gateway.lab.cases import Case
from gateway.lab.report import alike


def test_cases_are_laid_beside_each_other_in_the_steps_of_the_longer_and_the_hours_of_both() -> None:
    """Ten-minute steps from noon, and 25 minutes from 12:20 on: 12:20 and 12:30 are in both, of the minutes 0 to 9 and 10 to 19."""
    day = Case("flat", True, {"a": np.arange(6.0), "b": np.full(6, 10.0)})
    market = Case("xor", True, {"a": np.arange(25.0), "b": np.zeros(25)}, began_s=1200.0, step_s=60.0)
    first, second = alike([day, market])
    assert [first.feeder_kw.tolist(), second.feeder_kw.tolist()] == [[12.0, 13.0], pytest.approx([4.5, 14.5])]
    assert {(one.began_s, one.step_s) for one in (first, second)} == {(1200.0, 600.0)}


def test_a_day_alone_is_laid_beside_nothing() -> None:
    assert alike([Case("flat", True, {"a": np.arange(6.0)})]) == []
