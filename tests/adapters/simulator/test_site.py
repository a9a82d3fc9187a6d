"""The whole site: balance and bounds always hold, seconds are seen once each, the clock may stand or go back."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.simulator.power import chance
from adapters.simulator.registers import BASE, Refusal
from adapters.simulator.site import Site, advance, step, write
from tests.adapters.simulator.situations import attempt, put, raw, site

SETTLE_S = 2.0
"""Full range at 50 % of WMax per second."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that happens, and how long nothing else does."""

    kind: str
    value: float
    wait_s: float


deeds = st.lists(
    st.builds(
        Deed,
        kind=st.sampled_from(["sun", "cloud", "load", "old", "new", "old-off", "new-off", "conn", "cease"]),
        value=st.floats(0, 1),
        wait_s=st.floats(0, 30),
    ),
    max_size=12,
)


def _done(before: Site, deed: Deed) -> Site:
    pct = round(deed.value * 10000)
    match deed.kind:
        case "sun":
            return before.with_sun(deed.value * 1.5)
        case "cloud":
            return before.with_sun(deed.value * 1.5, over_s=7)
        case "load":
            return before.with_load(deed.value * 20000)
        case "old":
            return put(before, "old", 123, WMaxLimPct=pct, WMaxLim_Ena=1)
        case "new":
            return put(before, "new", 704, WMaxLimPct=pct, WMaxLimPctEna=1)
        case "old-off":
            return put(before, "old", 123, WMaxLim_Ena=0)
        case "new-off":
            return put(before, "new", 704, WMaxLimPctEna=0)
        case "conn":
            return put(before, "old", 123, Conn=round(deed.value))
        case _:
            return put(before, "new", 703, ES=round(deed.value))


def _limit_w(of: Site, device: str) -> float:
    """A second statement of what each inverter may give at most, from its registers."""
    if device == "old":
        on, connected = raw(of, "old", 123, "WMaxLim_Ena"), raw(of, "old", 123, "Conn")
        pct = raw(of, "old", 123, "WMaxLimPct") / 100 if on else 100
        return 5000 * pct / 100 * connected
    on, served = raw(of, "new", 704, "WMaxLimPctEna"), raw(of, "new", 703, "ES")
    pct = raw(of, "new", 704, "WMaxLimPct") / 100 if on else 100
    return 8000 * pct / 100 * served


@settings(max_examples=60, deadline=None)
@given(deeds)
def test_balance_and_bounds_always_hold(story: list[Deed]) -> None:
    now = site(sun={"fraction": 0.9, "ripple": 0.01}, house={"base_w": 800, "ripple_w": 20})
    for deed in story:
        now = _done(now, deed)
        for wait in (deed.wait_s, SETTLE_S):
            now = step(now, wait)
            made = {name: now.produced_w(name) for name in ("old", "new")}
            assert now.meter_w == pytest.approx(now.load_w - sum(made.values()), abs=1e-6)
            assert sum(now.phases_w) == pytest.approx(now.meter_w, abs=1e-6)
            assert made["old"] <= 5500 * now.sun.at(now.t_s) + 1e-6
            assert made["new"] <= 9000 * now.sun.at(now.t_s) + 1e-6
        # The last wait was as long as the longest ramp: every limit is met.
        assert made["old"] <= _limit_w(now, "old") + 1e-6
        assert made["new"] <= _limit_w(now, "new") + 1e-6
        assert abs(raw(now, "meter", 203, "W") - now.meter_w) <= 0.5 + 1e-9
        legs = [raw(now, "meter", 203, f"Wph{p}") for p in "ABC"]
        assert sum(legs) == raw(now, "meter", 203, "W")


@settings(max_examples=30, deadline=None)
@given(deeds)
def test_counted_energy_balances(story: list[Deed]) -> None:
    now = site(house={"base_w": 1000})
    loads_ws = 0.0
    for deed in (d for d in story if d.kind != "load"):
        now = step(_done(now, deed), deed.wait_s)
        loads_ws += 1000 * deed.wait_s
    net_ws = now.meter.import_ws - now.meter.export_ws
    assert net_ws == pytest.approx(loads_ws - sum(i.energy_ws for i in now.inverters), abs=1e-3)


@settings(max_examples=30, deadline=None)
@given(deeds, st.integers(0, 3))
def test_same_story_same_site(story: list[Deed], seed: int) -> None:
    ends = []
    for _ in range(2):
        now = site(seed=seed, house={"ripple_w": 30}, sun={"ripple": 0.01})
        for deed in story:
            now = step(_done(now, deed), deed.wait_s)
        ends.append((now.meter_w, [now.registers(d) for d in ("old", "new", "meter")]))
    assert ends[0] == ends[1]


def test_each_whole_second_is_seen_once() -> None:
    now, first = advance(site(100.25), 103.0)
    now, second = advance(now, 103.0)
    now, third = advance(now, 104.5)
    assert [s.t_s for s in (*first, *second, *third)] == [101, 102, 103, 104]
    assert {s.meter_w for s in first} == {-12000}


def test_a_second_shows_the_registers() -> None:
    limited = put(site(), "new", 704, WMaxLimPct=2500, WMaxLimPctEna=1, WMaxLimPctRvrtTms=60)
    _, (seen,) = advance(limited, 1.0)
    rows = {(r.device, r.model, r.point): r.value for r in seen.rows}
    # 8000 - 4000 x 1 s = 4000 W; 25.00 %; a second off the timer.
    assert rows["new", 701, "W"] == 4000
    assert rows["new", 704, "WMaxLimPct"] == 25.0
    assert rows["new", 704, "WMaxLimPctRvrtRem"] == 59
    assert rows["old", 123, "WMaxLim_Ena"] == 0
    assert rows["meter", 203, "W"] == 1000 - 5000 - 4000 == seen.meter_w


def test_a_clock_that_goes_back_moves_nothing() -> None:
    now = step(site(100.0), 10)
    assert advance(now, 50.0) == (now, ())


def test_planned_moves_count_from_the_start() -> None:
    planned = site(
        1000.0,
        sun={"fraction": 1, "moves": [{"at_s": 10, "value": 0.5, "over_s": 10}]},
        house={"base_w": 0, "moves": [{"at_s": 5, "value": 3000}]},
    )
    assert step(planned, 4.9).load_w == 0
    assert step(planned, 5).load_w == 3000
    # Half way down at 15 s: 0.75 x 5500 = 4125.
    assert step(planned, 15).produced_w("old") == pytest.approx(4125)
    assert step(planned, 20).produced_w("old") == pytest.approx(2750)


def test_ripple_is_small_seeded_and_changes_each_second() -> None:
    rippled = site(house={"base_w": 1000, "ripple_w": 25}, sun={"fraction": 0.5, "ripple": 0.01})
    loads = [step(rippled, t).load_w for t in range(20)]
    suns = [step(rippled, t).produced_w("old") for t in range(20)]
    assert all(975 <= w <= 1025 for w in loads)
    assert all(2750 * 0.99 <= w <= 2750 for w in suns)
    assert len(set(loads)) == len(set(suns)) == 20
    assert step(rippled, 3).load_w == 1000 + 25 * (2 * chance(1, "load", 3) - 1)


def test_a_refused_block_write_changes_nothing() -> None:
    # Pct is fine, Ena is not: neither is taken.
    now = site()
    point = next(p for p in now.image("new").points if p.key == (704, "WMaxLimPctEna"))
    assert write(now, "new", BASE + point.offset, [7, 5000]) is Refusal.ILLEGAL_VALUE
    assert raw(now, "new", 704, "WMaxLimPct") == 10000


def test_unknown_devices_are_named() -> None:
    with pytest.raises(KeyError, match="nobody"):
        site().values("nobody")
    with pytest.raises(KeyError, match="nobody"):
        attempt(site(), "nobody", (1, "DA"), 1)


def test_state_is_a_value() -> None:
    now = site()
    limited = put(now, "old", 123, WMaxLimPct=0, WMaxLim_Ena=1)
    assert step(limited, 5).produced_w("old") == 0
    assert now.produced_w("old") == step(now, 5).produced_w("old") == 5000
    assert replace(now) == now
