"""A full message of each kind, and strategies that make any valid one from the message tables."""

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from protocols.openadr2b.wire.events import Unit
from protocols.openadr2b.wire.messages import ROOTS
from protocols.openadr2b.wire.registration import Profile
from protocols.openadr2b.wire.scalars import CODE, DURATION, EMPTY, FLOAT, TEXT, TIME, TRUTH, WHOLE, Scalar
from protocols.openadr2b.wire.schema import Row, rows_of

# What XML 1.0 can carry and gives back as it was; a string of the schema keeps its space.
_LETTERS = st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Cn"], exclude_characters="\ufffe\uffff")

_POWER: Any = {"hertz": 50.0, "voltage": 230.0, "ac": True}
UNITS = (
    Unit(kind="powerReal", description="RealPower", units="W", scale="k", **_POWER),
    Unit(kind="powerReactive", description="ReactivePower", units="VAR", scale="none", **_POWER),
    Unit(kind="powerApparent", description="ApparentPower", units="VA", scale="M", **_POWER),
    Unit(kind="energyReal", description="RealEnergy", units="Wh", scale="k"),
    Unit(kind="energyReactive", description="ReactiveEnergy", units="VARh", scale="none"),
    Unit(kind="energyApparent", description="ApparentEnergy", units="VAh", scale="none"),
    Unit(kind="voltage", description="Voltage", units="V", scale="none"),
    Unit(kind="currency", description="currency", units="EUR", scale="none"),
    Unit(kind="currencyPerKWh", description="currencyPerKWh", units="EUR", scale="c"),
    Unit(kind="currencyPerKW", description="currencyPerKW", units="USD", scale="none"),
    Unit(kind="currencyPerThm", description="currency", units="USD", scale="none"),
    Unit(kind="current", description="Current", units="A", scale="m"),
    Unit(kind="frequency", description="Frequency", units="Hz", scale="none"),
    Unit(kind="Therm", description="Therm", units="thm", scale="none"),
    Unit(kind="temperature", description="temperature", units="celsius", scale="d"),
    Unit(kind="pulseCount", description="pulse count", units="count", pulse_factor=2.5),
    Unit(kind="customUnit", description="gizmos", units="giz", scale="micro"),
)
"""One of each element of the itemBase group, as the schema fixes its words."""

_FULL: dict[int, Any] = {
    id(TEXT): "Ärger & <Sohn> \"x\" 'y' 0042 ",
    id(WHOLE): 7,
    id(FLOAT): -1.5,
    id(TRUTH): True,
    id(TIME): 1_795_000_000.0,
    id(DURATION): 5400.0,
    id(CODE): 200,
}
_ANY: dict[int, st.SearchStrategy[Any]] = {
    id(TEXT): st.text(_LETTERS, max_size=12),
    id(WHOLE): st.integers(0, 2**32 - 1),
    id(FLOAT): st.integers(-(10**6), 10**6).map(lambda whole: whole / 8),
    id(TRUTH): st.booleans(),
    id(TIME): st.integers(0, 4 * 10**9).map(float),
    id(DURATION): st.integers(-(10**8), 10**8).map(float),
    id(CODE): st.integers(0, 999),
}


def kinds() -> list[Any]:
    """Every message type."""
    return [ROOTS[name] for name in sorted(ROOTS)]


def full(kind: Any) -> Any:
    """A message with every field set that the schema can hold at once."""
    made = kind(**{row.field: _full(row) for row in rows_of(kind) if row.holds is not EMPTY})
    if kind.__name__ == "ReportPayload":
        made = replace(made, status=None)  # one value or the other
    return made


def messages(kind: Any) -> st.SearchStrategy[Any]:
    """Any valid message of the kind."""
    if kind is Unit:
        return st.sampled_from(UNITS)
    made = st.builds(kind, **{row.field: _any(row) for row in rows_of(kind) if row.holds is not EMPTY})
    if kind.__name__ == "ReportPayload":
        return made.map(lambda one: replace(one, value=one.value or 0.0, status=None))
    if kind.__name__ == "OadrCreateOpt":  # an event is named by both of its numbers
        return made.map(lambda one: replace(one, eventID="e", modificationNumber=one.modificationNumber or 0))
    if kind.__name__ == "ReportRequest":
        return made.map(lambda one: replace(one, dtstart=one.dtstart or 0.0, duration=one.duration or 0.0))
    if kind.__name__ == "ReportInterval":  # an interval holds a payload
        return made.map(lambda one: one if one.payloads else replace(one, payloads=full(kind).payloads[:1]))
    if kind.__name__ == "OadrCreatedPartyRegistration":  # we read one without profiles, the schema knows none
        spoken = (Profile(name="2.0b", transports=("simpleHttp",)),)
        return made.map(lambda one: replace(one, profiles=one.profiles or spoken))
    return made


def _full(row: Row) -> Any:
    value = _one(row)
    return (value, value) if row.many else value


def _one(row: Row) -> Any:
    if row.holds is Unit:
        return UNITS[0]
    if isinstance(row.holds, Scalar):
        return _FULL[id(row.holds)] if id(row.holds) in _FULL else sorted(row.holds.words)[0]
    return full(row.holds)


def _any(row: Row) -> st.SearchStrategy[Any]:
    if isinstance(row.holds, Scalar):
        holds = row.holds
        one = _ANY[id(holds)] if id(holds) in _ANY else st.sampled_from(sorted(holds.words))
    else:
        one = messages(row.holds)
    if row.many:
        return st.lists(one, min_size=1 if row.required else 0, max_size=2).map(tuple)
    return one if row.required or row.default is not None else st.none() | one
