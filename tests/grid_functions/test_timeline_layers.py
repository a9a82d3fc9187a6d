"""What makes a step cheap among many: each against its plain counterpart."""

from random import Random

import pytest

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
