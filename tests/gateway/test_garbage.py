"""Garbage is looked for seldom, and not through what lives as long as the process."""

import gc

from gateway import garbage


def test_what_lives_is_not_searched_and_what_is_new_seldom() -> None:
    thresholds = gc.get_threshold()
    gc.unfreeze()
    gc.set_threshold(700, 10, 10)  # as an interpreter begins
    try:
        garbage.spare()
        assert gc.get_freeze_count() > 0
        assert gc.get_threshold()[0] > 700
        assert gc.isenabled()
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
