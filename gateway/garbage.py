"""How rarely the interpreter looks for garbage."""

import gc

_THRESHOLDS = (50_000, 20, 100)
"""Decisions and messages are frozen values without cycles: counting references frees them. By default a search begins at every 700th object
that is left, some per decision, and costs a fifth of it."""


def spare() -> None:
    """Search seldom, and never again through what lives as long as the process. To be called once all of that is made."""
    gc.set_threshold(*_THRESHOLDS)
    gc.freeze()
