"""The fail-safe of an upstream as controls."""

from collections.abc import Callable

from gateway.config.upstreams import FailSafe
from grid_functions.model.control import Control, ExportLimit, GenerationLimit, ImportLimit, LoadLimit


def controls_of(settings: FailSafe) -> tuple[Control, ...]:
    """One for each limit that is given."""
    made: tuple[tuple[float | None, Callable[[float], Control]], ...] = (
        (settings.export_limit_w, ExportLimit),
        (settings.import_limit_w, ImportLimit),
        (settings.generation_limit_w, GenerationLimit),
        (settings.load_limit_w, LoadLimit),
    )
    return tuple(kind(limit_w) for limit_w, kind in made if limit_w is not None)
