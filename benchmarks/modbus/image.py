"""One SunSpec unit's registers: models 1 and 701 to 715, running at 5 kW, as every device of these benchmarks serves them."""

from typing import Final

from adapters.simulator.registers import BASE, PointKey, Value, identity, layout

MODELS: Final = (1, *range(701, 716))
UNIT: Final = 1
SERIAL: Final = "B-1"
RATED_W: Final = 10_000
POWER_W: Final = 5_000

IMAGE: Final = layout(MODELS)
BORDERS: Final = tuple(BASE + start for start in sorted(IMAGE.headers))
"""Addresses of the model headers, the end model included."""


def at(model: int, point: str) -> int:
    """The register's address."""
    return BASE + next(one.offset for one in IMAGE.points if one.key == (model, point))


def registers() -> list[int]:
    """From the marker to the end model."""
    return IMAGE.encode(_VALUES)


_RATED: Final = RATED_W // 10
_VALUES: Final[dict[PointKey, Value]] = {
    **identity("OSED", "Bench 10", SERIAL, UNIT),
    # Scales: power 10 W, current 0.1 A, voltage 0.1 V, frequency 0.01 Hz, percent 0.1.
    **{
        (701, name): value
        for name, value in {
            "ACType": 2,
            "St": 1,
            "InvSt": 3,
            "ConnSt": 1,
            "Alrm": 0,
            "DERMode": 1,
            "W": POWER_W // 10,
            "VA": POWER_W // 10,
            "Var": 0,
            "PF": 1000,
            "A": 217,
            "LLV": 4000,
            "LNV": 2300,
            "Hz": 5000,
            "TotWhInj": 123_456_789,
            "TotWhAbs": 1000,
            "TmpAmb": 25,
            "TmpCab": 40,
            "WL1": 167,
            "WL2": 167,
            "WL3": 166,
            "VAL1": 167,
            "VAL2": 167,
            "VAL3": 166,
            "VarL1": 0,
            "VarL2": 0,
            "VarL3": 0,
            "AL1": 72,
            "AL2": 72,
            "AL3": 72,
            "VL1": 2300,
            "VL2": 2300,
            "VL3": 2300,
            "ThrotPct": 0,
            "ThrotSrc": 0,
            "A_SF": -1,
            "V_SF": -1,
            "Hz_SF": -2,
            "W_SF": 1,
            "PF_SF": -3,
            "VA_SF": 1,
            "Var_SF": 1,
            "TotWh_SF": 0,
            "TotVarh_SF": 0,
            "Tmp_SF": 0,
        }.items()
    },
    **{
        (702, name): value
        for name, value in {
            "WMaxRtg": _RATED,
            "VAMaxRtg": _RATED,
            "VarMaxInjRtg": 440,
            "VarMaxAbsRtg": 440,
            "WMax": _RATED,
            "VAMax": _RATED,
            "VarMaxInj": 440,
            "VarMaxAbs": 440,
            "VNomRtg": 2300,
            "VNom": 2300,
            "AMaxRtg": 150,
            "AMax": 150,
            "CtrlModes": 0x3FFF,
            "W_SF": 1,
            "PF_SF": -3,
            "VA_SF": 1,
            "Var_SF": 1,
            "V_SF": -1,
            "A_SF": -1,
            "S_SF": 0,
        }.items()
    },
    **{
        (703, name): value
        for name, value in {
            "ES": 1,
            "ESVHi": 1100,
            "ESVLo": 900,
            "ESHzHi": 5020,
            "ESHzLo": 4980,
            "ESDlyTms": 60,
            "ESRndTms": 60,
            "ESRmpTms": 60,
            "V_SF": -1,
            "Hz_SF": -2,
        }.items()
    },
    **{
        (704, name): value
        for name, value in {
            "PFWInjEna": 0,
            "PFWInjEnaRvrt": 0,
            "PFWInjRvrtTms": 0,
            "PFWInjRvrtRem": 0,
            "WMaxLimPctEna": 0,
            "WMaxLimPct": 1000,
            "WMaxLimPctRvrt": 1000,
            "WMaxLimPctEnaRvrt": 0,
            "WMaxLimPctRvrtTms": 0,
            "WMaxLimPctRvrtRem": 0,
            "WSetEna": 0,
            "WSetMod": 1,
            "WSet": 0,
            "WSetRvrt": 0,
            "WSetPct": 0,
            "WSetEnaRvrt": 0,
            "WSetRvrtTms": 0,
            "WSetRvrtRem": 0,
            "VarSetEna": 0,
            "VarSetMod": 1,
            "VarSetPri": 1,
            "VarSet": 0,
            "VarSetPct": 0,
            "VarSetEnaRvrt": 0,
            "VarSetRvrtTms": 0,
            "VarSetRvrtRem": 0,
            "WRmp": 20,
            "WRmpRef": 1,
            "AntiIslEna": 1,
            "PFWInj.PF": 1000,
            "PFWInj.Ext": 0,
            "PF_SF": -3,
            "WMaxLimPct_SF": -1,
            "WSet_SF": 0,
            "WSetPct_SF": -1,
            "VarSet_SF": 0,
            "VarSetPct_SF": -1,
        }.items()
    },
    **{
        (model, name): 4 if name == "NPt" else 3
        for model in range(705, 713)
        for name in ("NPt", "NCrv", "NCrvSet", "NCtl")
        if (model, name) in {one.key for one in IMAGE.points}
    },
    (712, "NPt"): 6,
    **{
        (713, name): value
        for name, value in {
            "WHRtg": 1000,
            "WHAvail": 500,
            "SoC": 500,
            "SoH": 990,
            "Sta": 0,
            "WH_SF": 1,
            "Pct_SF": -1,
        }.items()
    },
    (714, "NPrt"): 1,
    **{(715, name): value for name, value in {"LocRemCtl": 0, "DERHb": 1, "ControllerHb": 1, "OpCtl": 1}.items()},
}
