"""OSED's paths over real HTTP: what a program asks takes hold at the site, and what cannot be is refused and unseats nothing."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.api.osed.paths import NOT_SERVED
from grid_functions.building.steward import HomeState
from grid_functions.model.claim import LeaseId
from grid_functions.model.control import ImportLimit, Thermostat
from grid_functions.model.tariff import Price
from grid_functions.model.units import Quantity
from tests.gateway.api.osed.stage import Program, program
from tests.gateway.site import idle

# The rig's UTC is 1,000,000 s at its start.
NOW = datetime.fromtimestamp(1_000_000, UTC)
TOMORROW = datetime(1970, 1, 13, tzinfo=UTC)


def limits(at: Program) -> list[float]:
    """The import limits that the area asks of the site, W, each by a lease."""
    held = [one for one in at.held() if isinstance(one.control, ImportLimit)]
    assert all(isinstance(one.cause, LeaseId) and one.cause.area == "feeder" for one in held)
    return [one.control.limit_w for one in held if isinstance(one.control, ImportLimit)]


def prices(at: Program) -> dict[float, float]:
    """The leased prices by the second of UTC at which each begins."""
    leased = at.site.state.leases.held.get(("feeder", "schedule/prices"))
    if leased is None:
        return {}
    return {
        leased.start_utc_s + one.offset_s: control.value
        for one in leased.series
        for control in one.controls
        if isinstance(control, Price)
    }


async def test_a_power_limit_is_a_lease_in_force_until_an_empty_body_takes_it_back(tmp_path: Path) -> None:
    async with program(tmp_path) as at:
        status, told = await at.post("/direct_control/power_limit", {"limit": 7.5})
        assert (status, told["accepted"], told["members"], told["holds"]["limit_kw"]) == (200, True, ["house"], 7.5)
        assert limits(at) == [7500.0]
        assert at.site.decision is not None
        assert 7500.0 in [getattr(one.want, "limit", None) for one in at.site.decision.ruling.bounds]
        assert await at.get("/building/grap") == (200, {"grap_state": True, "grap_limit": 7.5})
        assert (await at.post("/direct_control/power_limit"))[0] == 200
        assert limits(at) == []
        assert await at.get("/building/grap") == (200, {"grap_state": False, "grap_limit": None})


@pytest.mark.parametrize(
    "body",
    [
        b'{"limit": 0}',
        b'{"limit": 30.1}',
        b'{"limit": -1}',
        b'{"limit": NaN}',
        b'{"limit": 5, "until": 1}',
        b"{",
        b"[]",
        b"7",
    ],
)
async def test_a_limit_that_cannot_be_meant_unseats_none(tmp_path: Path, body: bytes) -> None:
    async with program(tmp_path) as at:
        await at.post("/direct_control/power_limit", {"limit": 3})
        status, told = await at.call("POST", "/direct_control/power_limit", raw=body)
        assert (status, bool(told["detail"])) == (422, True)
        assert limits(at) == [3000.0]


async def test_a_setpoint_is_leased_for_its_time(tmp_path: Path) -> None:
    async with program(tmp_path) as at:
        status, told = await at.post(
            "/direct_control/write_device_type_setpoint", {"device": "space_heating", "setpoint": 18, "duration": 5}
        )
        assert (status, told["holds"]["value"]) == (200, 18.0)
        (held,) = [one for one in at.held() if isinstance(one.control, Thermostat)]
        assert held.control == Thermostat(18.0, offset=False)
        # It ends with its five minutes.
        assert held.until is not None
        assert held.until.at_s == 1_000_300.0


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        ({"device": "space_heating", "setpoint": 9}, 422, "10 to 30"),
        ({"device": "space_heating", "setpoint": 20, "duration": 4}, 422, "duration"),
        ({"device": "space_heating", "setpoint": 20, "duration": 241}, 422, "duration"),
        ({"device": "toaster"}, 422, "device"),
        ({"device": "electric_storage", "setpoint": 101}, 422, "-100 to 100"),
        ({"device": "electric_storage", "setpoint": 50}, 501, "not defined"),
        ({"device": "electric_vehicle_v2g", "setpoint": -50}, 501, "not defined"),
        ({"device": "water_heater", "setpoint": 60}, 501, "water"),
    ],
)
async def test_a_setpoint_that_cannot_be_served_says_why(
    tmp_path: Path, body: dict[str, Any], status: int, why: str
) -> None:
    async with program(tmp_path) as at:
        told = await at.post("/direct_control/write_device_type_setpoint", body)
        assert told[0] == status
        assert why in told[1]["detail"]
        assert at.held() == []


async def test_tariffs_are_of_the_day_that_is_named(tmp_path: Path) -> None:
    midnight = TOMORROW.timestamp()
    async with program(tmp_path) as at:
        assert (await at.post("/tariffs/flattariff", {"flat_price": 0.12}))[0] == 200
        assert prices(at) == {midnight: 0.12}
        status, _ = await at.post("/tariffs/toutariff", {"date": "1970-01-14T08:00:00-05:00", "on_peak_value": 0.4})
        assert status == 200
        # Midnight at the date's own zone; dear from 16 to 21 there.
        begin = datetime(1970, 1, 14, 5, tzinfo=UTC).timestamp()
        assert prices(at) == {begin: 0.05, begin + 16 * 3600.0: 0.4, begin + 21 * 3600.0: 0.05}
        assert (await at.post("/tariffs/shift-consumption-tariff", {}))[0] == 200
        # Increase and reduction are of the price: 0.08 doubled from 10 to 15, halved from 16 to 21.
        assert prices(at) == {
            midnight: 0.08,
            midnight + 10 * 3600.0: 0.16,
            midnight + 15 * 3600.0: 0.08,
            midnight + 16 * 3600.0: 0.04,
            midnight + 21 * 3600.0: 0.08,
        }


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("flattariff", {"flat_price": -0.01}),
        ("flattariff", {"date": "1970-01-11T00:00:00Z"}),
        ("flattariff", {"date": "1970-01-14T00:00:00"}),
        ("flattariff", {"date": "1970-02-14T00:00:00Z"}),
        ("flattariff", {"date": "9999-12-31T23:59:59Z"}),
        ("toutariff", {"date": "9999-12-31T00:00:00+14:00"}),
        ("shift-consumption-tariff", {"flat_price": 10_000}),
        ("toutariff", {"start_peak": "1970-01-13T21:00:00Z", "stop_peak": "1970-01-13T16:00:00Z"}),
        ("toutariff", {"start_peak": "1970-01-14T16:00:00Z", "stop_peak": "1970-01-14T21:00:00Z"}),
        ("shift-consumption-tariff", {"reduction_multiplier": -1}),
    ],
)
async def test_a_tariff_that_cannot_be_meant_is_refused(tmp_path: Path, path: str, body: dict[str, Any]) -> None:
    async with program(tmp_path) as at:
        assert (await at.post(f"/tariffs/{path}", body))[0] == 422
        assert prices(at) == {}


def mpc(**changes: Any) -> dict[str, Any]:
    """Two hours of ten minutes from 14:00: cheap for the first, dear for the second; 7 kW throughout."""
    steps = [f"1970-01-12T{14 + k // 6}:{k % 6}0:00+00:00" for k in range(12)]
    body: dict[str, Any] = {
        "prices": {step: 0.05 if k < 6 else 0.5 for k, step in enumerate(steps)},
        "power_limit": dict.fromkeys(steps, 7.0),
        "interval": 10,
        "start": steps[0],
        "stop": "1970-01-12T16:00:00+00:00",
    }
    return body | changes


async def test_prices_and_limits_are_leased_and_the_steward_plans_by_them(tmp_path: Path) -> None:
    async with program(tmp_path, home=True) as at:
        at.rig.time.now_s = 700.0
        status, told = await at.post("/mpc/calculate_mpc", mpc())
        assert status == 200
        assert told["holds"]["limits"]["values"] == [7.0] * 12
        begin = datetime(1970, 1, 12, 14, tzinfo=UTC).timestamp()
        assert prices(at) == {begin: 0.05, begin + 3600.0: 0.5}
        # At 14:00 the limit holds and a plan is made anew, a minute after the last: half full, it takes while cheap, gives while dear.
        at.rig.time.now_s = begin - 1_000_000.0
        await at.rig.look(at.site)
        for _ in range(20):
            await idle()
        assert limits(at) == [7000.0]
        state = at.site.state.kept["home"].state
        assert isinstance(state, HomeState)
        plan = state.durable.plans[""].told["a"]
        watts = [value for quantity, value in plan if quantity is Quantity.NET]
        cheap, dear = watts[:6], watts[6:12]
        assert sum(cheap) > 0 > sum(dear)
        # The house takes 1,000 W; giving beyond that earns nothing here, so exactly its 1 kWh is covered in the dear hour.
        assert sum(dear) / 6.0 == pytest.approx(-1000.0, abs=1.0)
        assert (await at.post("/mpc/calculate_mpc"))[0] == 200
        assert (limits(at), prices(at)) == ([], {})


async def test_where_nobody_can_plan_it_is_infeasible_and_nothing_is_asked(tmp_path: Path) -> None:
    async with program(tmp_path) as at:
        status, told = await at.post("/mpc/calculate_mpc", mpc())
        assert (status, "infeasible" in told["detail"]) == (409, True)
        assert (limits(at), prices(at)) == ([], {})


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"start": "1970-01-12T16:00:00+00:00"}, "stop must lie after start"),
        ({"start": "1970-01-12T14:05:00+00:00"}, "no value for"),
        ({"stop": "1970-01-12T16:10:00+00:00"}, "no value for 1970-01-12T16:00"),
        ({"stop": "1970-01-12T15:00:00+00:00"}, "which is no step"),
        ({"interval": 0}, "interval"),
        ({"power_limit": {"1970-01-12T14:00:00+00:00": 0.0}}, "power_limit"),
        ({"prices": {}}, "prices"),
        ({"prices": {"1970-01-12T14:00:00": 0.1}}, "timezone"),
        ({"water_heater": False}, "dwelling"),
        ({"budget": 5}, "budget"),
    ],
)
async def test_a_window_or_series_that_cannot_be_is_refused_instead_of_an_empty_plan(
    tmp_path: Path, changes: dict[str, Any], why: str
) -> None:
    async with program(tmp_path, home=True) as at:
        status, told = await at.post("/mpc/calculate_mpc", mpc(**changes))
        assert status == 422
        assert why in told["detail"]
        assert (limits(at), prices(at)) == ([], {})


async def test_a_coordination_is_begun_and_told_of(tmp_path: Path) -> None:
    async with program(tmp_path, home=True) as at:
        assert (await at.post("/dac/coordinatedac"))[0] == 200
        async with asyncio.timeout(60.0):
            agreed = None
            while agreed is None:
                status, told = await at.post("/dac/request_optimization_status")
                agreed = told["told"].get("agreed")
        assert status == 200
        assert len(agreed["profiles"]["house"]) == 24
        # The bounds hold each other within the gap that is configured, or the talks would have gone on.
        assert agreed["certificate"]["gap"] <= 0.005


async def test_flexibility_is_asked_of_the_members_and_waited_for(tmp_path: Path) -> None:
    async with program(tmp_path, home=True) as at:
        status, told = await at.get("/flexibility/getflexibility?duration=600")
        assert status == 200
        found = told["flexibility"]
        assert (found["duration_s"], found["silent"]) == (600.0, [])
        # A battery of 5 kW at half charge could take 5 kW more, or give as much, for ten minutes.
        assert 0.0 < found["up_kw"] <= 5.5
        assert 0.0 < found["down_kw"] <= 5.5
        for wrong in ("", "?duration=59", "?duration=601", "?duration=x"):
            assert (await at.get(f"/flexibility/getflexibility{wrong}"))[0] == 422


async def test_devices_and_what_they_show(tmp_path: Path) -> None:
    async with program(tmp_path) as at:
        status, told = await at.get("/devices/")
        assert status == 200
        assert {one["name"]: one["site"] for one in told["content"]} == {"a": "house", "b": "house", "meter": "house"}
        assert await at.get("/devices/state/a") == (200, -2000.0)
        assert (await at.get("/devices/state/house%2Fa"))[0] in (200, 404)
        assert (await at.get("/devices/state/c"))[0] == 404
        assert (await at.get("/devices/state/a?field=nothing"))[0] == 404


@pytest.mark.parametrize(("method", "path"), NOT_SERVED)
async def test_what_cannot_be_served_truthfully_says_why(tmp_path: Path, method: str, path: str) -> None:
    where = path.replace("{rest:.*}", "historic/x").replace("{id}", "a").replace("{priority}", "25")
    async with program(tmp_path) as at:
        assert await at.call(method, where) == (501, {"detail": NOT_SERVED[method, path]})


async def test_an_area_that_is_not_there_or_does_not_run_the_function_is_told(tmp_path: Path) -> None:
    async with program(tmp_path, area="elsewhere") as at:
        status, told = await at.post("/direct_control/power_limit", {"limit": 5})
        assert (status, "elsewhere" in told["detail"]) == (409, True)
        assert (await at.get("/devices/"))[0] == 409
        assert at.held() == []
    (tmp_path / "second").mkdir()
    async with program(tmp_path / "second") as at:
        await at.areas.change({"name": "feeder", "sites": ["house"], "functions": {}})
        status, told = await at.post("/direct_control/power_limit", {"limit": 5})
        assert (status, "runs no function 'schedule'" in told["detail"]) == (409, True)
