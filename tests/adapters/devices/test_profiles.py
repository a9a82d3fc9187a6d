"""What makers do differently: for each habit a device that has it, which is well served, and is not once its entry is taken away."""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

import pytest

from adapters.devices.sunspec import profiles
from adapters.devices.sunspec.family import SunSpec
from adapters.devices.sunspec.found import Found
from adapters.devices.sunspec.options import SunSpecOptions
from adapters.devices.sunspec.profiles import Profile, matched, named, unit_ids
from adapters.family import Look, Pace
from adapters.modbus.frames import Read, Refusal, Reply, Request, Write
from grid_functions.model.control import Curve, CurveKind, CurvePoint, Flow, PowerFactor
from grid_functions.model.device import Trouble
from grid_functions.model.instants import Instants
from grid_functions.model.setpoint import Setpoint
from grid_functions.model.units import PercentBase
from tests.adapters.rack import Key, Rack, filled, new, old, points, served
from tests.adapters.simulator.situations import Hand
from tests.adapters.stage import UTC_S, desk


def found(rack: Rack, family: SunSpec) -> Found:
    seen = rack.carry_out(family.find(1))
    assert seen is not None
    return seen


def tell(rack: Rack, options: SunSpecOptions | None = None, **wanted: Any) -> str:
    """What was refused."""
    family = SunSpec(options)
    device, setpoint = found(rack, family), Setpoint("x", 1, **wanted)
    raw = rack.carry_out(family.poll(device, family.concerns(device, setpoint)))
    assert raw is not None
    return rack.carry_out(family.write(device, raw, setpoint)).refused


def look(rack: Rack) -> Look:
    family = SunSpec()
    device = found(rack, family)
    raw = rack.carry_out(family.poll(device))
    assert raw is not None
    return family.decode(device, raw, Instants(1.0, 2.0))


def made_by(maker: str, model: str, rack: Rack) -> Rack:
    rack.values |= {(1, "Mn"): maker, (1, "Md"): model}
    return rack


def acts_on_rising_enable() -> bool:
    """GEN24: the limit in force is the one that stood there when Ena rose."""
    rack = made_by("Fronius", "Primo GEN24 5.0", old())
    rack.values |= points(123, WMaxLim_Ena=1, WMaxLimPct=10000)
    force = {"percent": 10000, "enabled": 1}

    def latch(device: Rack, written: Mapping[Key, int]) -> None:
        if (enabled := written.get((123, "WMaxLim_Ena"))) is not None:
            if enabled and not force["enabled"]:
                percent = device.values[123, "WMaxLimPct"]
                assert isinstance(percent, int)
                force["percent"] = percent
            force["enabled"] = enabled

    rack.after_write = latch
    tell(rack, produce_max_w=1000.0)
    return force["percent"] == 2000  # 1000 of 5000 W


def discards_zeros_with_a_fault(model: str) -> Callable[[], bool]:
    def scenario() -> bool:
        rack = made_by("Fronius", model, old())
        rack.values |= filled(103) | points(103, St=7)
        return not look(rack).plausible

    return scenario


def whole_percents_only() -> bool:
    """It keeps whole percents, so anything finer reads back otherwise for ever."""
    rack = made_by("Fronius", "Symo 5.0-3-M", old())

    def coarse(device: Rack, written: Mapping[Key, int]) -> None:
        if (raw := written.get((123, "WMaxLimPct"))) is not None:
            device.values[123, "WMaxLimPct"] = raw // 100 * 100

    rack.after_write = coarse
    tell(rack, produce_max_w=1234.0)
    tell(rack, produce_max_w=1234.0)
    return rack.writes() == []


def charges_in_steps(model: str) -> Callable[[], bool]:
    def scenario() -> bool:
        rack = made_by("Fronius", model, old())
        rack.values |= points(124, InOutWRte_SF=-2, InWRte=10000, OutWRte=10000)
        tell(rack, target_w=1234.0)
        return rack.raw(124, "InWRte") == (3075,)  # 1230 of 4000 W

    return scenario


def leaves_the_installers_enable_alone() -> bool:
    rack = made_by("SMA", "SB5.0", old())
    rack.values |= points(123, WMaxLim_Ena=1)
    at = 40000 + rack.spots[123, "WMaxLim_Ena"].offset

    def habit(request: Request) -> Reply | bool:
        covers = isinstance(request, Write) and request.address <= at < request.address + len(request.values)
        return Refusal(3) if covers else True

    rack.habit = habit
    return tell(rack, produce_max_w=1000.0) == "" and rack.raw(123, "WMaxLimPct") == (2000,)


def both_series(maker: str) -> Rack:
    fresh, aged = new(), old()
    values = {**fresh.values, **{key: value for key, value in aged.values.items() if key[0] in (120, 121, 123)}}
    return made_by(maker, "any", Rack((*fresh.models, 120, 121, 123), values))


def writes_123_where_both_are() -> bool:
    rack = both_series("SMA")
    rack.values |= points(123, WMaxLim_Ena=1)
    tell(rack, produce_max_w=4000.0)
    return rack.raw(123, "WMaxLimPct") == (5000,) and rack.raw(704, "WMaxLimPctEna") == (0,)


def may_sleep(maker: str) -> Callable[[], bool]:
    def scenario() -> bool:
        rack = made_by(maker, "any", old())
        rack.values |= points(103, W=0, St=2)
        return look(rack).sleepy

    return scenario


def takes_its_time() -> bool:
    rack, family = made_by("Enphase", "IQ Gateway", new()), SunSpec()
    return family.capability(found(rack, family)).settle_s == 75.0


def six_from_the_start() -> bool:
    rack = made_by("KOSTAL Solar Electric", "PLENTICORE plus 10", old())
    refused: list[Request] = []
    first, last = (40000 + rack.spots[123, name].offset for name in ("WMaxLimPct", "WMaxLim_Ena"))

    def habit(request: Request) -> Reply | bool:
        if isinstance(request, Write) and request.function == 16 and first <= request.address <= last:
            refused.append(request)
            return Refusal(2)
        return True

    rack.habit = habit
    return tell(rack, produce_max_w=1000.0) == "" and rack.raw(123, "WMaxLimPct") == (2000,) and not refused


def no_limit_is_110() -> bool:
    rack = made_by("KACO new energy", "blueplanet", new())
    tell(rack, produce_max_w=1e9)
    return rack.raw(704, "WMaxLimPct") == (11000,)


def at_most_25(request: Request) -> Reply | bool:
    count = request.count if isinstance(request, Read) else len(request.values)
    return Refusal(3) if count > 25 else True


def reads_in_small_pieces() -> bool:
    rack, family = made_by("Growatt", "ShineWiFi", old(habit=at_most_25)), SunSpec()
    device = rack.carry_out(family.find(1))
    return device is not None and rack.carry_out(family.poll(device)) is not None


def writes_in_small_pieces() -> bool:
    rack = made_by("Growatt", "ShineWiFi", old(habit=at_most_25))
    curve = tuple(CurvePoint(90.0 + i, 100.0 - i) for i in range(1, 15))  # 28 registers side by side
    wanted = Curve(CurveKind.VOLT_WATT, curve, PercentBase.MAX_POWER)
    return tell(rack, shapes=(wanted,)) == "" and rack.raw(132, "ModEna", "curve[2].W14") == (1, 860)


def paced(name: str, pace: Pace) -> Callable[[], bool]:
    def scenario() -> bool:
        return SunSpec(SunSpecOptions(profile=name)).pace == pace

    return scenario


def asks_one_base_only(name: str) -> Callable[[], bool]:
    def scenario() -> bool:
        rack = old(habit=lambda request: Refusal(2))
        rack.carry_out(SunSpec(SunSpecOptions(profile=name)).find(1))
        return {request.address for request in rack.asked} == {40000}

    return scenario


def scanned(unit: int) -> Callable[[], bool]:
    return lambda: unit in unit_ids()


HABITS: list[tuple[str, str, Callable[[], bool]]] = [
    ("fronius-gen24", "enable_edge", acts_on_rising_enable),
    ("fronius-gen24", "zero_fault_is_noise", discards_zeros_with_a_fault("Symo GEN24 6.0")),
    ("fronius-gen24", "charge_step_w", charges_in_steps("Symo GEN24 6.0")),
    ("fronius-gen24", "bases", asks_one_base_only("fronius-gen24")),
    ("fronius", "zero_fault_is_noise", discards_zeros_with_a_fault("Symo 5.0-3-M")),
    ("fronius", "limit_step_pct", whole_percents_only),
    ("fronius", "charge_step_w", charges_in_steps("Symo Hybrid")),
    ("fronius", "bases", asks_one_base_only("fronius")),
    ("sma", "fixed", leaves_the_installers_enable_alone),
    ("sma", "prefer", writes_123_where_both_are),
    ("sma", "sleeps", may_sleep("SMA")),
    ("sma", "min_gap_s", paced("sma", Pace(1.0))),
    ("sma", "bases", asks_one_base_only("sma")),
    ("kostal", "units", scanned(71)),
    ("kostal", "write_functions", six_from_the_start),
    ("enphase", "settle_s", takes_its_time),
    ("enphase", "sleeps", may_sleep("Enphase")),
    ("kaco", "no_limit_pct", no_limit_is_110),
    ("kaco", "sleeps", may_sleep("KACO")),
    ("goodwe", "min_gap_s", paced("goodwe", Pace(0.5))),
    ("solaredge", "sleeps", may_sleep("SolarEdge")),
    ("apsystems", "units", scanned(4)),
    ("apsystems", "sleeps", may_sleep("APsystems")),
    ("growatt-shinewifi", "max_read", reads_in_small_pieces),
    ("growatt-shinewifi", "max_write", writes_in_small_pieces),
    ("growatt-shinewifi", "min_gap_s", paced("growatt-shinewifi", Pace(0.5, 5.0))),
    ("growatt-shinewifi", "timeout_s", paced("growatt-shinewifi", Pace(0.5, 5.0))),
]
SHARED = {("sma", "units"), ("enphase", "units")}
"""Both use 126: it is asked as long as one of them says so."""


def without(name: str, *entries: str) -> tuple[Profile, ...]:
    """The profiles, one of them with entries as published."""
    plain = {field: getattr(Profile(), field) for field in entries}
    return tuple(replace(p, **plain) if p.name == name else p for p in profiles.PROFILES)


@pytest.mark.parametrize(("name", "entry", "scenario"), HABITS, ids=lambda part: part if isinstance(part, str) else "")
def test_habit_is_met_and_only_by_its_entry(
    name: str, entry: str, scenario: Callable[[], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert scenario()
    monkeypatch.setattr(profiles, "PROFILES", without(name, entry))
    assert not scenario()


def test_every_entry_has_its_habit() -> None:
    plain = Profile()
    entries = {
        (profile.name, field.name)
        for profile in profiles.PROFILES
        for field in fields(profile)
        if field.name not in ("name", "maker", "model") and getattr(profile, field.name) != getattr(plain, field.name)
    }
    assert entries == {(name, entry) for name, entry, _ in HABITS} | SHARED


def test_126_is_asked_for_sma_and_enphase(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 126 in unit_ids()
    monkeypatch.setattr(profiles, "PROFILES", without("sma", "units"))
    monkeypatch.setattr(profiles, "PROFILES", without("enphase", "units"))
    assert 126 not in unit_ids()


@pytest.mark.parametrize(
    ("maker", "model", "name"),
    [
        ("Fronius", "Symo GEN24 10.0", "fronius-gen24"),
        ("FRONIUS INTERNATIONAL", "Symo 20.0-3-M", "fronius"),
        (" SMA ", "STP 10.0", "sma"),
        ("SolarEdge ", "SE5000", "solaredge"),
        ("Smart Energy", "X", "as published"),
        ("", "", "as published"),
        (None, None, "as published"),
    ],
)
def test_makers_are_told_apart(maker: str | None, model: str | None, name: str) -> None:
    assert matched(maker, model).name == name


def test_an_unknown_profile_is_refused_in_the_options() -> None:
    with pytest.raises(ValueError, match="profile"):
        SunSpecOptions(profile="frobnius")
    with pytest.raises(ValueError, match="profile"):
        named("frobnius")


@pytest.mark.parametrize(("name", "wrong"), [("prefer", 800), ("pf_sign", "ansi")])
def test_options_of_habits_have_ranges(name: str, wrong: Any) -> None:
    with pytest.raises(ValueError, match=name):
        SunSpecOptions(**{name: wrong})


def test_sign_of_the_power_factor_can_be_configured() -> None:
    rack = old()
    rack.values |= points(120, PFRtgQ1=0) | points(121, PFMinQ1=0)
    tell(rack, SunSpecOptions(pf_sign="iec"), reactive=PowerFactor(Flow.INJECT, 0.95, True))
    assert rack.raw(123, "OutPFSet") == (-95,)


def test_one_value_per_read() -> None:
    rack, family = new(), SunSpec(SunSpecOptions(one_value_per_read=True))
    device = found(rack, family)
    raw = rack.carry_out(family.poll(device))
    assert raw is not None
    at = {40000 + spot.offset: spot.size for spot in rack.spots.values()}
    single = [r for r in rack.asked if isinstance(r, Read) and at.get(r.address) == r.count]
    # The sync groups of 704, two registers each, are one value.
    headers = {start + i for start in rack.headers for i in (0, 1)}
    groups = [r for r in rack.asked if isinstance(r, Read) and r not in single]
    assert {r.address - 40000 for r in groups} - headers == {
        rack.spots[704, f"{name}.PF"].offset for name in ("PFWInj", "PFWInjRvrt", "PFWAbs", "PFWAbsRvrt")
    }
    assert family.decode(device, raw, Instants(1.0, 2.0)).holds is not None


def test_an_enable_that_only_the_installer_sets_is_told() -> None:
    rack = made_by("SMA", "SB5.0", old())
    assert "installer" in tell(rack, produce_max_w=1000.0)
    assert rack.raw(123, "WMaxLim_Ena") == (0,)


def test_an_expired_limit_of_123_is_not_believed_where_704_is() -> None:
    """KACO keeps showing an expired limit in 123 as active."""
    rack = both_series("KACO new energy")
    rack.values |= points(123, WMaxLim_Ena=1, WMaxLimPct=1000)
    holds = look(rack).holds
    assert holds is not None
    assert holds.produce_max_w is None


def test_registers_behind_the_end_are_left_alone() -> None:
    """APsystems: a block of floats after the end model."""
    rack = old(tail=30)
    device = found(rack, SunSpec())
    assert device.measured == 103


def test_the_menu_between_integers_and_floats() -> None:
    """Fronius: a menu exchanges 103 for 113, and the map moves."""
    rack = old()
    models = tuple(113 if model == 103 else model for model in rack.models)
    moved = Rack(models, {key: value for key, value in rack.values.items() if key[0] != 103})
    family = SunSpec()
    before = found(rack, family)
    after = moved.carry_out(family.find(1, before))
    assert after is not None
    assert (before.measured, after.measured) == (103, 113)


async def test_silence_of_a_sleeper_is_no_trouble() -> None:
    rack = made_by("SMA", "SB5.0", old())
    rack.values |= points(103, W=0, St=2)
    async with served(rack), desk(rack.port, Hand(UTC_S), timeout_s=0.2) as d:
        rack.habit = lambda request: None
        seen = await d.look(1.0)
        assert (seen.condition.online, Trouble.SILENT in seen.condition.troubles) == (False, False)
        assert "asleep" in seen.condition.text


async def test_silence_of_one_that_was_awake_is_a_trouble() -> None:
    rack = made_by("SMA", "SB5.0", old())
    async with served(rack), desk(rack.port, Hand(UTC_S), timeout_s=0.2) as d:
        rack.habit = lambda request: None
        seen = await d.look(1.0)
        assert Trouble.SILENT in seen.condition.troubles
