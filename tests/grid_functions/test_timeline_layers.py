"""What makes a step cheap among many: each against its plain counterpart."""

from random import Random

import pytest

from grid_functions.timeline.contest import _Holds
from grid_functions.timeline.layers import Layered, changed


@pytest.mark.parametrize("size", [0, 10, 500, 5000])
def test_a_layered_mapping_is_a_mapping_like_any_other(size: int) -> None:
    chance = Random(size)  # noqa: S311 - no secret
    plain = {str(key): key for key in range(size)}
    before = layered = changed({}, plain)
    kept = dict(plain)
    for step in range(400):
        key = str(chance.randrange(size + 20))
        told = None if chance.random() < 0.3 else step
        if told is None and key not in plain:
            continue
        layered = changed(layered, {key: told})
        plain.pop(key, None)
        plain |= {} if told is None else {key: told}
        assert len(layered) == len(plain)
        assert layered.get(key) == plain.get(key)
    assert layered == plain
    assert dict(layered.items()) == plain
    assert before == kept


def test_what_is_gone_is_gone() -> None:
    layered = changed({str(key): key for key in range(100)}, {"7": None})
    assert isinstance(layered, Layered)
    assert "7" not in layered
    with pytest.raises(KeyError):
        layered["7"]


def test_holds_of_any_number_answer_as_a_plain_list_does() -> None:
    """A stretch runs to its end or to the start of the next one held before it; one that starts inside another is not asked for."""
    chance = Random(1)  # noqa: S311 - no secret
    holds, plain = _Holds(), list[tuple[float, float, str]]()
    for number in range(4000):
        start_s = float(chance.randrange(100_000))
        end_s = start_s + chance.choice([1.0, 5.0, 30.0])
        asked = next((name for begin, end, name in plain if begin <= start_s < end), None)
        assert holds.at(start_s) == asked
        if asked is None:
            nearest = min((begin for begin, _, _ in plain if begin > start_s), default=end_s)
            holds.add(start_s, end_s, str(number))
            plain.append((start_s, min(end_s, nearest), str(number)))
    assert len(plain) > 1000
    assert len(holds.chunks) > 1
