"""The family ``sunspec``: what stands behind a unit, what it can obey, how it is read and told. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from adapters.devices.sunspec import der700, legacy, limits, meter, state
from adapters.devices.sunspec import plan as plans
from adapters.devices.sunspec.abilities import abilities
from adapters.devices.sunspec.found import Found, find, poll
from adapters.devices.sunspec.holds import holds
from adapters.devices.sunspec.options import SunSpecOptions
from adapters.devices.sunspec.pen import Pen
from adapters.devices.sunspec.ports import ports
from adapters.devices.sunspec.profiles import AS_PUBLISHED, named
from adapters.devices.sunspec.readings import blank, flags, suspect
from adapters.devices.sunspec.release import release
from adapters.devices.sunspec.steps import Values
from adapters.family import Conversation, DcPort, Look, Pace, Points, Writing
from adapters.rehearsal import dry
from adapters.sunspec.points import Value
from grid_functions.model.control import Mode
from grid_functions.model.device import Capability, Nameplate, Word
from grid_functions.model.instants import Instants
from grid_functions.model.reading import MeterKey, Reading
from grid_functions.model.setpoint import Setpoint


class SunSpec:
    """SunSpec inverters, batteries and meters. Where both series are, 704: it tells when its limit has expired."""

    name: Final = "sunspec"

    def __init__(self, options: SunSpecOptions | None = None) -> None:
        self._options = options or SunSpecOptions()

    @property
    def pace(self) -> Pace:
        """What the profile named in the options asks of the link."""
        profile = named(self._options.profile) if self._options.profile else AS_PUBLISHED
        return Pace(profile.min_gap_s, profile.timeout_s)

    def find(self, unit: int, known: Found | None = None) -> Conversation[Found | None]:
        """Follow the map, then read what is rated and what can be set: a point that is not implemented is not ours."""
        return find(unit, self._options, known)

    def nameplate(self, found: Found) -> Nameplate:
        """702, else 120 and 121; who it is from model 1."""
        plate = found.plate
        rated = der700.nameplate(plate[702], plate.get(713, {})) if 702 in plate else legacy.nameplate(plate)
        who = found.identity
        return replace(
            rated,
            maker=(who and who.maker) or "",
            model=(who and who.model) or "",
            serial=(who and who.serial) or "",
            version=(who and who.version) or "",
            phases=_PHASES.get(found.measured or 0, _ac_phases(plate.get(der700.AC, {}))),
            max_w=found.case(plate).base_w,
        )

    def capability(self, found: Found) -> Capability:
        """By the table of :mod:`.abilities`; limits only where what 100 % means can be read."""
        case, profile = found.as_found, found.profile
        step, base_w = limits.step_pct(case), case.base_w
        gap_s = profile.min_gap_s
        return Capability(
            abilities=abilities(found.chosen, base_known=base_w is not None),
            settle_s=profile.settle_s,
            resolution_w=1.0 if step is None or base_w is None else step * base_w / 100,
            off_capable=any(case.model(mode) is not None for mode in (Mode.ENERGIZE, Mode.CONNECT)),
            writes_per_minute=60.0 if gap_s <= 1.0 else 60.0 / gap_s,
            writes_per_day=profile.wearing_writes_per_day,
            wearing=profile.wearing,
            watchdog=case.model(Mode.MAX_POWER) == 704 and limits.falls(case.held),
        )

    def poll(self, found: Found, ours: frozenset[str] = frozenset()) -> Conversation[Values | None]:
        """Measurements and controls in as few reads as the unit allows; our heartbeat (715, 802) while something is ours."""
        raw = yield from poll(found, ours)
        if raw is not None and ours:
            yield from self._beat(found, raw)
        return raw

    def ports(self, found: Found) -> Conversation[tuple[DcPort, ...]]:
        """Modules of 160 or ports of 714."""
        return ports(found)

    def decode(self, found: Found, raw: Values, now: Instants) -> Look:
        """One poll: readings in this house's signs, what the device holds, its state."""
        if found.measured in meter.MODELS:
            return self._meter_look(found, raw, now)
        ac, (table, fault) = raw.get(found.measured or 0, {}), state.table_of(found)
        failed = ac.get("InvSt" if found.measured == der700.AC else "St") == fault
        measured = state.measured(found, raw, now)
        # Fronius: for a moment everything reads zero and the state says fault.
        transient = found.profile.zero_fault_is_noise and failed and blank(table, ac)
        about, memory = (found,), found.memory
        shown = memory.state(about, raw, lambda values: state.state(found, values))
        return Look(
            suspect(measured) if transient else measured,
            None if transient else memory.holds(about, raw, lambda values: holds(found.case(values))),
            shown.connected,
            shown.energized,
            shown.operating,
            word=Word() if transient else shown.word,
            alarms=shown.alarms,
            points=memory.points(about, raw, lambda values: state.written_points(found.case(values))),
            text="answers zeros and a fault: nothing of it is believed" if transient else shown.text,
            plausible=not transient,
            beat=None if transient else state.beat(raw),
            sleepy=found.profile.sleeps and shown.sleepy,
            max_w=None if transient else memory.base_w(about, raw, lambda values: found.case(values).base_w),
        )

    def doubtful(self, found: Found) -> bool:
        """Its map broke off, or a rating, a control or who it is was refused for now."""
        return found.doubtful

    def learnt(self, found: Found) -> Mapping[str, str | int]:
        """The function code by point, where one was refused and the other taken."""
        return {f"write {name}": function for name, function in sorted(found.functions.items())}

    def concerns(self, found: Found, wanted: Setpoint) -> frozenset[str]:
        """The points of every function that the setpoint is about."""
        return plans.concerns(found.as_found, wanted)

    def write(
        self, found: Found, raw: Values, wanted: Setpoint, *, rearm: bool = False
    ) -> Conversation[Writing[Found]]:
        """Off first, then limits, power, reactive power, curves, settings; on last."""

        def silent(values: Values) -> bool:
            return dry(_carry_out(found, values, wanted, rearm))

        if found.memory.silent((found, wanted, rearm), raw, silent):
            return Writing()
        return (yield from _carry_out(found, raw, wanted, rearm))

    def release(self, found: Found, raw: Values, baseline: Points) -> Conversation[Writing[Found]]:
        """What was off is switched off before it changes."""
        case = found.case(raw)
        pen = found.pen(case)
        if not plans.under_local_control(case):
            yield from pen.carry_out(release(case, baseline))
        return _written(found, pen)

    def _beat(self, found: Found, raw: Values) -> Conversation[None]:
        """One more than it last heard, with wrap; where it is told by hand it is not told by us."""
        if plans.LOCAL in (raw.get(model, {}).get("LocRemCtl") for model in (715, 802)):
            return
        for model, point, most in ((715, "ControllerHb", 0xFFFF_FFFE), (802, "CtrlHb", 0xFFFE)):
            last = raw.get(model, {}).get(point)
            if isinstance(last, int):
                yield from found.beating.put(model, point, 0 if last >= most else last + 1)

    def _meter_look(self, found: Found, values: Values, now: Instants) -> Look:
        read = values[found.measured or 0]
        measured: Mapping[MeterKey, Reading] = meter.measured(read, now, self._options.meter_positive)
        if blank(meter.TABLE, read):
            measured = suspect(measured)
        return Look(measured, alarms=flags(found.quick.areas[found.measured or 0].layout, "Evt", read))


def _carry_out(found: Found, values: Values, wanted: Setpoint, rearm: bool) -> Conversation[Writing[Found]]:
    case = found.case(values, rearm=rearm)
    pen = found.pen(case)
    yield from pen.carry_out(plans.plan(case, wanted))
    return _written(found, pen)


def _written(found: Found, pen: Pen) -> Writing[Found]:
    learnt = {name: function for name, function in pen.functions.items() if name not in found.profile.write_functions}
    better = None if learnt == found.functions else replace(found, functions=learnt)
    return Writing(pen.points, pen.refused, better, pen.pending)


def _ac_phases(values: Mapping[str, Value | None]) -> int | None:
    kind = values.get("ACType")
    return _AC_TYPES.get(kind) if isinstance(kind, int) else None


_PHASES: Final = {
    **dict.fromkeys((101, 111, 201, 211), 1),
    **dict.fromkeys((102, 112, 202, 212), 2),
    **dict.fromkeys((103, 113, 203, 204, 213, 214), 3),
}
_AC_TYPES: Final = {0: 1, 1: 2, 2: 3}
