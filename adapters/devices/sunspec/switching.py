"""On and off: 703.ES (and 715.OpCtl), 123.Conn, 802.SetOp; pure."""

from typing import Final

from adapters.devices.sunspec.case import Case
from adapters.devices.sunspec.steps import Sequence, Step
from grid_functions.model.control import Mode
from grid_functions.model.setpoint import Setpoint

SERVICE: Final = 703
OPERATION: Final = 715
LEGACY: Final = 123
BATTERY: Final = 802
LEGACY_POINTS: Final = frozenset({"Conn_WinTms", "Conn_RvrtTms", "Conn"})


def wish_of(wanted: Setpoint) -> bool | None:
    """Off if either switch is off (rule 5), on if one is on, None if neither is ours."""
    told = [switch for switch in (wanted.on, wanted.connect) if switch is not None]
    return all(told) if told else None


def switch(case: Case, wanted: Setpoint) -> Sequence:
    """Cease to energize and disconnect, or withdraw it: at once, until told otherwise."""
    on = wish_of(wanted)
    assert on is not None
    steps = []
    for mode, told in ((Mode.ENERGIZE, wanted.on), (Mode.CONNECT, wanted.connect)):
        if told is None:
            continue
        if case.model(mode) is None:
            return (case.refusal(mode),)
        steps += [step for step in _steps(case, mode, on) if step not in steps]
    return tuple(steps)


def points(case: Case, wanted: Setpoint) -> frozenset[str]:
    """What it decides."""
    modes = [mode for mode, told in ((Mode.ENERGIZE, wanted.on), (Mode.CONNECT, wanted.connect)) if told is not None]
    return frozenset(
        f"{step.model}.{name}" for mode in modes for step in _steps(case, mode, True) for name in step.values
    )


def _steps(case: Case, mode: Mode, on: bool) -> tuple[Step, ...]:
    # An off is told blindly; an on only withdraws it, and a device that sleeps is left alone.
    blank = frozenset[str]() if on else frozenset({"ES", "OpCtl", "Conn", "SetOp"})
    service = Step(SERVICE, {"ES": int(on)}, blank=blank)
    match case.model(mode):
        case 703:
            return (service,)
        case 715:
            return (service, Step(OPERATION, {"OpCtl": int(on)}, blank=blank))
        case 123:
            return (Step(LEGACY, {"Conn_WinTms": 0, "Conn_RvrtTms": 0, "Conn": int(on)}, whole=True, blank=blank),)
        case 802:
            return (Step(BATTERY, {"SetOp": 1 if on else 2}, blank=blank),)
        case _:
            return ()
