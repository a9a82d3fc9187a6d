"""Device settings that a standing carries (2030.5 DefaultDERControl setGradW, setSoftGradW, setES...): one set for each device."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace

from grid_functions.model.event import Respondent, Settings
from grid_functions.model.policy import SiteTerms
from grid_functions.rating import SWITCHED

_NOTHING = Settings()
_ENTER_SERVICE = tuple(field.name for field in fields(Settings) if field.name.startswith("enter_service_"))


def settings_of(settings: Mapping[Respondent, Settings], terms: SiteTerms) -> dict[str, Settings]:
    """By device, what its respondents' standings want together; return-to-service settings only where protection may be written.

    Interpretation: where two respondents speak for one device, each setting is the more cautious of the two.
    """
    found: dict[str, Settings] = {}
    told = {one: settings[one] for one in sorted(settings) if settings[one] != _NOTHING}
    if not told:
        return found
    for name in sorted(terms.devices):
        if terms.devices[name].role not in SWITCHED:
            continue
        theirs = [said for one, said in told.items() if name in terms.respondents.get(one, frozenset())]
        wanted = _together(theirs)
        if not terms.protection:
            wanted = replace(wanted, **dict.fromkeys(_ENTER_SERVICE))
        if wanted != _NOTHING:
            found[name] = wanted
    return found


def _slowest(rates: Iterable[float]) -> float:
    """The slowest gradient; 0 is no limit, so it counts only when nobody asks for one."""
    return min((rate for rate in rates if rate > 0), default=0.0)


_CAUTIOUS: Mapping[str, Callable[[Iterable[float]], float]] = {
    "gradient_pct_per_s": _slowest,
    "soft_gradient_pct_per_s": _slowest,
    "enter_service_high_hz": min,
    "enter_service_high_pct": min,
}
"""Everything else is a delay, a ramp or a lower edge, of which the largest is the most cautious."""


def _together(theirs: Iterable[Settings]) -> Settings:
    told = list(theirs)
    values: dict[str, float | None] = {}
    for field in fields(Settings):
        given = [value for value in (getattr(one, field.name) for one in told) if value is not None]
        values[field.name] = _CAUTIOUS.get(field.name, max)(given) if given else None
    return Settings(**values)
