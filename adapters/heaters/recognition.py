"""Whether a device that answers is one of the heaters that a profile tells of; pure."""

from adapters.family import Conversation
from adapters.heaters.profile import HeaterProfile
from adapters.heaters.unit import HeaterSettings, Unit
from adapters.knobs.keeping import Keeping
from adapters.knobs.knob import Aspect
from adapters.registers.recognition import Candidate
from adapters.registers.spans import read
from grid_functions.model.instants import Instants
from grid_functions.model.reading import Quality

_NOW = Instants(0.0, 0.0)


def recognised_heater(family: str, profile: HeaterProfile, unit: int) -> Conversation[Candidate | None]:
    """Look for such a heater behind ``unit``, reading only; None when what is there makes no sense as one.

    It measures all that its map has, is set to what it can be set to, and says what it is, or its serial number: a few small numbers alone
    may be anybody's.
    """
    if not profile.recognise and profile.identity.serial is None:
        return None
    device = Unit(HeaterSettings(family, family, profile, unit, read_only=True), Keeping())
    values = yield from read(unit, device.first)
    if values is None or not device.met(values, _NOW):
        return None
    # It is asked only once, and no more is done than to tell people.
    device.took(values, _NOW)
    seen = device.seen(_NOW)
    knob = device.knobs.get(Aspect.TEMPERATURE)
    if any(one.quality is not Quality.GOOD for one in seen.condition.readings.values()):
        return None
    if knob is None or not isinstance(knob.value, int | float):
        return None
    if profile.identity.serial is not None and not _is_text(seen.nameplate.serial):
        return None
    told = sum(value is not None for value in values.values())
    return Candidate(family, profile.kind, seen.nameplate, bool(profile.recognise), told)


def _is_text(serial: str) -> bool:
    return bool(serial) and serial.isascii() and serial.isprintable()
