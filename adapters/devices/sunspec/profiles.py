"""What makers do differently, as data: one profile per habit met in the field, chosen by maker and model; pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from adapters.devices.sunspec.abilities import Series
from adapters.modbus.frames import MAX_READ

PfSign = Literal["eei", "iec"]
"""Which sign of 123.OutPFSet injects var (over-excited): EEI negative, IEC positive."""


WEARING: Final = frozenset(
    {
        *("702.WMax", "702.WChaRteMax", "702.WDisChaRteMax", "121.WMax", "121.WGra"),
        *("703.ESVHi", "703.ESVLo", "703.ESHzHi", "703.ESHzLo", "703.ESDlyTms", "703.ESRndTms", "703.ESRmpTms"),
    }
)
"""Settings, not setpoints: makers keep them over a power cycle."""


@dataclass(frozen=True, slots=True)
class Profile:
    """How one kind of device departs from the models. Every field's default is what the models say.

    ``maker``, ``model``: patterns that the whole text must match, whatever its case. ``bases``: where the map starts, first guess
    first. ``units``: unit ids to try. ``max_read``, ``max_write``: registers per request. ``one_value_per_read``: one
    point per read. ``min_gap_s``, ``timeout_s``: for the link. ``write_functions``: 6 or 16 by
    ``model.point``. ``fixed``: points only the installer sets. ``enable_edge``: a changed value acts only when Ena rises.
    ``no_limit_pct``: the percentage that means "no limit". ``limit_step_pct``: its limit's true resolution. ``settle_s``:
    from write to steady power. ``prefer``: the series to write where both are. ``zero_fault_is_noise``: zeros with a fault are
    not believed. ``sleeps``: silent at night without being ill. ``pf_sign``: of 123. ``charge_step_w``: forced charging
    comes in whole multiples of it. ``wearing``: points that are settings, kept in memory that wears: 100,000 writes over ten
    years are 27 a day.
    """

    name: str = "as published"
    maker: str = ""
    model: str = ".*"
    bases: tuple[int, ...] = (40000, 0, 50000)
    units: tuple[int, ...] = (1,)
    max_read: int = MAX_READ
    max_write: int = 123
    one_value_per_read: bool = False
    min_gap_s: float = 0.0
    timeout_s: float | None = None
    write_functions: Mapping[str, Literal[6, 16]] = field(default_factory=dict)
    fixed: frozenset[str] = frozenset()
    enable_edge: bool = False
    no_limit_pct: float = 100.0
    limit_step_pct: float = 0.0
    settle_s: float = 5.0
    prefer: Series = 700
    zero_fault_is_noise: bool = False
    sleeps: bool = False
    pf_sign: PfSign = "eei"
    charge_step_w: float = 0.0
    wearing: frozenset[str] = WEARING
    wearing_writes_per_day: float = 24.0

    def fits(self, maker: str, model: str) -> bool:
        """Whether a device that calls itself so is of this kind."""
        return bool(self.maker) and all(
            re.fullmatch(pattern, text.strip(), re.IGNORECASE)
            for pattern, text in ((self.maker, maker), (self.model, model))
        )


AS_PUBLISHED: Final = Profile()

PROFILES: Final[tuple[Profile, ...]] = (
    Profile(
        "fronius-gen24",
        maker="fronius.*",
        model=".*gen24.*",
        enable_edge=True,
        zero_fault_is_noise=True,
        charge_step_w=10.0,
        bases=(40000,),
    ),
    Profile(
        "fronius",
        maker="fronius.*",
        zero_fault_is_noise=True,
        limit_step_pct=1.0,
        charge_step_w=10.0,
        bases=(40000,),
    ),
    Profile(
        "sma",
        maker=r"sma(\W.*)?",
        units=(126,),
        min_gap_s=1.0,
        prefer=100,
        fixed=frozenset({"123.WMaxLim_Ena"}),
        sleeps=True,
        bases=(40000,),
    ),
    Profile("enphase", maker="enphase.*", units=(126, 1), settle_s=75.0, sleeps=True),
    Profile(
        "kostal",
        maker="kostal.*",
        units=(71,),
        write_functions={
            f"123.{name}": 6
            for name in ("WMaxLimPct", "WMaxLimPct_WinTms", "WMaxLimPct_RvrtTms", "WMaxLimPct_RmpTms", "WMaxLim_Ena")
        },
    ),
    Profile("kaco", maker="kaco.*", no_limit_pct=110.0, sleeps=True),
    Profile("goodwe", maker="goodwe.*", min_gap_s=0.5),
    Profile("solaredge", maker="solaredge.*", sleeps=True),
    Profile("apsystems", maker="(apsystems|aps).*", units=(1, 2, 3, 4), sleeps=True),
    Profile("growatt-shinewifi", maker="growatt.*", max_read=25, max_write=25, min_gap_s=0.5, timeout_s=5.0),
)
"""Only habits that were met and reported. One can also be asked for by name, where the device must be known before it answers."""

NAMES: Final = tuple(profile.name for profile in PROFILES)


def matched(maker: str | None, model: str | None) -> Profile:
    """The first profile that fits, else the models as published."""
    fitting = (profile for profile in PROFILES if profile.fits(maker or "", model or ""))
    return next(fitting, AS_PUBLISHED)


def named(name: str) -> Profile:
    """A profile by name. ValueError: there is none."""
    for profile in PROFILES:
        if profile.name == name:
            return profile
    raise ValueError(f"profile: {name!r} is none of {', '.join(NAMES)}")


def unit_ids() -> tuple[int, ...]:
    """Unit ids worth asking where none is given: the default, what the profiles use, then followers and meters."""
    return tuple(dict.fromkeys((1, *(unit for profile in PROFILES for unit in profile.units), 2, 3, 100, 200, 240)))
