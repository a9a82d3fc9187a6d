"""What of an entity can be set: read from its state, and turned into a call; pure. One kind of entity is one function here.

Values are Home Assistant's own: degrees in its unit, modes as words. Source: developers.home-assistant.io, entities climate, water_heater,
number, select and switch: their attributes, features and services.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from adapters.homeassistant.messages import Call, State
from adapters.homeassistant.options import SWITCHES
from adapters.knobs.knob import OFF, Aspect, Knob, Value
from adapters.knobs.units import number

CLIMATE: Final = "climate"
TANK: Final = "water_heater"
NUMBERS: Final = frozenset({"number", "input_number"})
SELECTS: Final = frozenset({"select", "input_select"})
_TARGET_TEMPERATURE: Final = 1  # ClimateEntityFeature and WaterHeaterEntityFeature agree
_OPERATION_MODE: Final = 2  # WaterHeaterEntityFeature
_DEGREES: Final = ("°C", "°F")
_LEAST_STEP: Final = 1e-6
"""Values are told with six digits: what has smaller steps has none."""


@dataclass(frozen=True, slots=True)
class HomeKnob(Knob):
    """``fahrenheit``: of temperatures. ``choices``: of a list, the number that each stands for."""

    fahrenheit: bool = False
    choices: tuple[tuple[float, str], ...] = ()

    def fitting(self, value: float) -> float:
        """As any knob; of a list the nearest below, else its least."""
        if not self.choices:
            return Knob.fitting(self, value)
        under = [each for each, _ in self.choices if each <= value + 1e-6]
        return max(under) if under else min(each for each, _ in self.choices)

    def resolution(self, least: float) -> float:
        """Of a list the widest gap."""
        able = [value for value, _ in self.choices if value >= least]
        return max((after - before for before, after in pairwise(able)), default=self.step)

    def call(self, value: Value) -> Call:
        """What sets it so."""
        domain = self.entity.partition(".")[0]
        told = next((text for each, text in self.choices if each == value), value)
        return _CALLS[domain, self.aspect](self.entity, told)

    @property
    def step_k(self) -> float:
        """Of a temperature."""
        return self.step / 1.8 if self.fahrenheit else self.step

    def celsius(self, value: float) -> float:
        """Of a temperature."""
        return (value - 32.0) / 1.8 if self.fahrenheit else value

    def from_celsius(self, value_c: float) -> float:
        """As it is set here."""
        return value_c * 1.8 + 32.0 if self.fahrenheit else value_c


def switch(state: State) -> HomeKnob | None:
    """On and off: of a switch, of a climate or a tank that has a mode off."""
    domain = state.entity.partition(".")[0]
    if domain in SWITCHES:
        return HomeKnob(state.entity, Aspect.SWITCH, state.state if state.state in ("on", OFF) else None)
    if domain == CLIMATE and OFF in state.texts("hvac_modes"):
        return HomeKnob(state.entity, Aspect.SWITCH, None if state.gone else state.state)
    if domain == TANK and OFF in state.texts("operation_list") and state.features & _OPERATION_MODE:
        return HomeKnob(state.entity, Aspect.SWITCH, None if state.gone else state.state)
    return None


def temperature(state: State, *, fahrenheit: bool) -> HomeKnob | None:
    """A setpoint of a climate or a tank, in the server's unit, or of a number in its own. None: it takes none now.

    A climate that holds a range (heat_cool) has two; which of them is meant nobody can say.
    """
    domain = state.entity.partition(".")[0]
    if domain in (CLIMATE, TANK) and state.features & _TARGET_TEMPERATURE:
        least, most = state.number("min_temp"), state.number("max_temp")
        step = state.number("target_temp_step") or (1.0 if fahrenheit else 0.1)
        value = None if state.gone else state.number("temperature")
    elif domain in NUMBERS and state.text("unit_of_measurement") in _DEGREES:
        least, most, step = state.number("min"), state.number("max"), state.number("step") or 1.0
        value, fahrenheit = number(state.state), state.text("unit_of_measurement") == "°F"
    else:
        return None
    if least is None or most is None or not least < most or not _LEAST_STEP <= step <= most - least:
        return None
    return HomeKnob(state.entity, Aspect.TEMPERATURE, value, least, most, step, fahrenheit)


def current(state: State) -> HomeKnob | None:
    """A limit in amperes: a number of that unit, or a list of such numbers."""
    domain = state.entity.partition(".")[0]
    if domain in NUMBERS and state.text("unit_of_measurement") == "A":
        least, most, step = state.number("min"), state.number("max"), state.number("step") or 1.0
        if least is None or most is None or not 0 <= least < most or not _LEAST_STEP <= step <= most - least:
            return None
        return HomeKnob(state.entity, Aspect.CURRENT, number(state.state), least, most, step)
    if domain in SELECTS:
        choices = _amperes(state.texts("options"))
        if not choices:
            return None
        value = next((each for each, text in choices if text == state.state), None)
        return HomeKnob(state.entity, Aspect.CURRENT, value, choices[0][0], choices[-1][0], _GRAIN, choices=choices)
    return None


_GRAIN: Final = 0.1
"""Numbers of a list are themselves or others."""


def _amperes(options: tuple[str, ...]) -> tuple[tuple[float, str], ...]:
    """Options such as ``6``, ``10 A`` or ``off``; one that means no current makes the list none."""
    found = []
    for text in options:
        value = 0.0 if text.lower() == OFF else number(text.removesuffix("A").removesuffix("a").strip())
        if value is None or value < 0:
            return ()
        found.append((value, text))
    return tuple(sorted(found))


def _switched(entity: str, value: Value) -> Call:
    return Call(entity.partition(".")[0], "turn_off" if value == OFF else "turn_on", entity)


def _valued(service: str, field: str) -> Callable[[str, Value], Call]:
    def made(entity: str, value: Value) -> Call:
        return Call(entity.partition(".")[0], service, entity, {field: value})

    return made


_CALLS: Mapping[tuple[str, Aspect], Callable[[str, Value], Call]] = {
    **{(domain, Aspect.SWITCH): _switched for domain in SWITCHES},
    (CLIMATE, Aspect.SWITCH): _valued("set_hvac_mode", "hvac_mode"),
    (TANK, Aspect.SWITCH): _valued("set_operation_mode", "operation_mode"),
    **{(domain, Aspect.TEMPERATURE): _valued("set_temperature", "temperature") for domain in (CLIMATE, TANK)},
    **{(domain, Aspect.TEMPERATURE): _valued("set_value", "value") for domain in NUMBERS},
    **{(domain, Aspect.CURRENT): _valued("set_value", "value") for domain in NUMBERS},
    **{(domain, Aspect.CURRENT): _valued("select_option", "option") for domain in SELECTS},
}
