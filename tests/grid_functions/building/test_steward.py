"""A home's steward: what it is asked, what it asks of a solver, what it answers, and what it claims."""

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from gateway.solver import Solver
from grid_functions import letters
from grid_functions.alarm import alarm_of
from grid_functions.building.dwelling import BatteryOf, CarOf, Dwelling, TankOf, ZoneOf, possible
from grid_functions.building.heating import Zone
from grid_functions.building.lesson import Model
from grid_functions.building.options import HomeOptions
from grid_functions.building.program import Problem
from grid_functions.building.steward import NAME, HomeState, Steward
from grid_functions.building.storage import Store
from grid_functions.building.water import Tank
from grid_functions.letters import Agreed, Asked, Award, Bids, Offers, Prices, Way, Weather
from grid_functions.model.claim import Basis, Bound, Claim, Devices, InForce, LeaseId, Shape, Source, SourceKind, Target
from grid_functions.model.control import Control, DispatchKind, LoadDispatch, Mode, TargetPower, Thermostat
from grid_functions.model.device import Capability, Condition, Nameplate, Role, Seen, Vehicle
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.event import Rank
from grid_functions.model.function import Answer, Ask, SiteInputs, WakeAt
from grid_functions.model.instants import OWN, Instants, Moment
from grid_functions.model.lease import Message
from grid_functions.model.reading import MeterKey, Quality, Reading
from grid_functions.model.snapshot import Snapshot
from grid_functions.model.tariff import Price, Priced, PriceKind
from grid_functions.model.units import Quantity
from tests.grid_functions.house import terms

NOON = 86_400.0 * 20_001 + 12 * 3600.0
HOURS = 12
STORE = Store(10_000.0, 3000.0, 1000.0, 1.0, 1.0, wear_price=1e-6)
DWELLING = Dwelling(batteries=(BatteryOf("battery", STORE, reserve_pct=0.0),))
OPTIONS = HomeOptions(DWELLING, import_price=0.1, export_price=0.0, base_w=1000.0, step_s=3600.0, steps=HOURS)


def seen(device: str, role: Role, vehicle: Vehicle | None = None, **values: float) -> Seen:
    readings: dict[MeterKey, Reading] = {
        (Quantity(name), None): Reading(value, Quality.GOOD, NOON - 86_400.0, NOON) for name, value in values.items()
    }
    return Seen(device, role, Nameplate(), Capability(), Condition(True, readings=readings, vehicle=vehicle))


class Home:
    """One steward with a solver beside it."""

    def __init__(self, options: HomeOptions = OPTIONS, devices: Iterable[Seen] = ()) -> None:
        self.steward = Steward(options)
        self.state: HomeState = self.steward.empty()
        self.utc_s = NOON
        self.devices = {one.device: one for one in devices} or {
            "battery": seen("battery", Role.BATTERY, state_of_charge=50.0)
        }
        self.claims: tuple[Claim, ...] = ()
        self.letters: list[Message] = []
        self.alarms: list[str] = []
        self.wake: Moment | None = None
        self._solver = Solver()

    def step(
        self,
        *messages: Message,
        in_force: tuple[InForce, ...] = (),
        ahead: tuple[InForce, ...] = (),
        solve: bool = True,
    ) -> None:
        """One step, and another for each round of answers."""
        answers: tuple[Answer, ...] = ()
        while True:
            now = Instants(self.utc_s - NOON, self.utc_s)
            inputs = SiteInputs(
                terms(), in_force, Snapshot("house", now, {}, self.devices), messages, answers, ahead=ahead
            )
            done = self.steward.step(self.state, inputs, now)
            self.state = done.state
            self.claims = tuple(one for one in done.outputs if isinstance(one, Claim))
            self.wake = next((one.moment for one in done.outputs if isinstance(one, WakeAt)), None)
            for one in done.outputs:
                if isinstance(one, Message):
                    alarm = alarm_of(one)
                    if alarm is None:
                        self.letters.append(one)
                    else:
                        self.alarms.append(alarm.text)
            asks = [one for one in done.outputs if isinstance(one, Ask)]
            if not asks or not solve:
                return
            answers, messages = tuple(self._answer(one) for one in asks), ()

    def _answer(self, ask: Ask) -> Answer:
        assert isinstance(ask.problem, Problem)
        return Answer(NAME, ask.id, self._solver.solve(ask.problem))

    def targets(self) -> dict[str, float]:
        """What each device is claimed to do."""
        told = {}
        for claim in self.claims:
            assert isinstance(claim.scope, Devices)
            (device,) = claim.scope.names
            match claim.want:
                case Target(value):
                    told[device] = value
                case Shape(Thermostat(value, offset=False)):
                    told[device] = value
                case other:
                    raise AssertionError(other)
        return told


def letter(what: object, function: str) -> Message:
    return letters.write(what, function, "house", "feeder", "x")


def prices(number: int, *added: float, talks: str = "t1") -> Message:
    return letter(Prices(talks, number, NOON, 3600.0, added), "day_ahead")


def price_of(value: float, since_h: float, until_h: float, of: Priced = Priced.IMPORT) -> InForce:
    control = Price(of, PriceKind.ABSOLUTE, value)
    source = Source(SourceKind.OPENADR, "vtn")
    since, until = Moment(OWN, NOON + since_h * 3600.0), Moment(OWN, NOON + until_h * 3600.0)
    return InForce(control, source, Rank(0.0), Basis.EVENT, since, until, NOON)


def leased(control: Control, subject: str = "day_ahead/plan") -> InForce:
    return InForce(
        control,
        Source(SourceKind.AREA, "feeder"),
        Rank(0.0),
        Basis.LEASE,
        Moment(OWN, NOON),
        Moment(OWN, NOON + 300.0),
        NOON,
        cause=LeaseId("feeder", subject, 1),
    )


FLAT, EARLY_DEAR = (0.0,) * HOURS, (0.5, 0.5, *(0.0,) * (HOURS - 2))
DISPATCH = leased(LoadDispatch(DispatchKind.SETPOINT_W, 0.0))


def test_it_plans_by_the_prices_it_knows() -> None:
    """Now cheap, dear from the third hour: it charges now what the house needs then. Half full, 5 kWh fit in."""
    home = Home()
    home.step(ahead=(price_of(0.5, 2.0, 12.0),))
    assert home.targets()["battery"] > 0.0
    dear = Home()
    dear.step(in_force=(price_of(0.5, 0.0, 2.0),))
    assert dear.targets() == {"battery": pytest.approx(-1000.0, abs=1.0)}


def test_its_claims_are_the_optimisers_and_end_with_their_step() -> None:
    home = Home()
    home.step(in_force=(price_of(0.5, 0.0, 2.0),))
    (claim,) = home.claims
    assert claim.cause.source == Source(SourceKind.OPTIMISER, "home")
    assert isinstance(claim.cause.control, TargetPower)
    assert claim.valid_until == Moment(OWN, NOON + 3600.0)


def test_it_wakes_at_the_next_step_and_plans_again_in_time() -> None:
    home = Home()
    home.step()
    assert home.wake == Moment(OWN, NOON + 1800.0)
    home.utc_s = NOON + 1800.0
    home.step()
    assert home.wake == Moment(OWN, NOON + 3600.0)


def test_a_round_is_answered_with_power_and_cost_at_the_standing_tariff() -> None:
    """At the flat price the battery rests: 12 kWh at 0.10. Dear first hours: 2 kWh move, at no other cost at the standing tariff."""
    home = Home()
    home.step(prices(0, *FLAT))
    home.step(prices(1, *EARLY_DEAR))
    first, second = [letters.read(one, Way.UP) for one in home.letters]
    assert (first.round, second.round) == (0, 1)
    assert sum(first.net_kw) == pytest.approx(12.0)
    assert first.cost == pytest.approx(1.2, abs=1e-3)
    assert second.net_kw[:2] == pytest.approx([0.0, 0.0], abs=1e-3)
    assert second.cost == pytest.approx(1.2, abs=1e-3)
    assert all(one.to == "feeder" and one.sender == "house" for one in home.letters)


def test_the_same_round_again_gets_the_same_answer_without_solving_anew() -> None:
    home = Home()
    home.step(prices(0, *FLAT))
    home.step(prices(0, *FLAT), solve=False)
    assert home.letters[0].body == home.letters[1].body


def agreed(home: Home) -> None:
    home.step(prices(0, *FLAT), prices(1, *EARLY_DEAR))
    home.step(letter(Agreed("t1", (0, 1), (0.5, 0.5), (0.5,) * HOURS), "day_ahead"))


def test_an_agreed_plan_is_carried_out_in_the_areas_name_while_its_lease_holds() -> None:
    """Half of rest and half of 1 kW discharge."""
    home = Home()
    agreed(home)
    home.step(in_force=(DISPATCH,))
    assert home.targets() == {"battery": pytest.approx(-500.0, abs=1.0)}
    assert home.claims[0].cause.source == Source(SourceKind.AREA, "feeder")
    assert home.claims[0].cause.cause == LeaseId("feeder", "day_ahead/plan", 1)


def test_two_areas_that_talk_under_one_name_are_answered_each_by_itself() -> None:
    """Talks are named by the second in which they begin, which is the same for all areas that begin them at a time of day."""
    home = Home()
    feeder, station = prices(0, *FLAT), replace(prices(0, *EARLY_DEAR), sender="station")
    home.step(feeder, station)
    told = {one.to: letters.read(one, Way.UP).net_kw for one in home.letters}
    assert set(told) == {"feeder", "station"}
    assert told["feeder"] == pytest.approx((1.0,) * HOURS, abs=1e-3)
    assert told["station"][:2] == pytest.approx([0.0, 0.0], abs=1e-3)


def test_a_plan_is_carried_out_by_the_lease_of_the_area_it_was_agreed_with() -> None:
    home = Home()
    agreed(home)
    assert isinstance(DISPATCH.cause, LeaseId)
    others = replace(DISPATCH, cause=replace(DISPATCH.cause, area="station"))
    home.step(in_force=(others,))
    assert home.targets() == {"battery": pytest.approx(0.0, abs=1.0)}
    home.step(in_force=(others, DISPATCH))
    assert home.targets() == {"battery": pytest.approx(-500.0, abs=1.0)}


def test_what_was_asked_and_answered_is_remembered_no_longer() -> None:
    """Each question lays the home out anew: of a program that asks every minute all of it would stay."""
    home = Home()
    for number in range(3):
        home.step(letter(Asked(f"r{number}", NOON, 3600.0), "direct_load_control"))
    assert len(home.letters) == 3
    assert all(one.function == "home" for one in home.state.inquiries.values())


def test_who_asks_anew_waits_for_the_answer_before_no_longer() -> None:
    home = Home()
    for number in range(3):
        home.step(letter(Asked(f"r{number}", NOON, 3600.0), "direct_load_control"), solve=False)
    assert [one.name for one in home.state.inquiries.values() if one.function != "own"] == ["r2"]


def test_without_the_lease_the_homes_own_plan_holds() -> None:
    home = Home()
    agreed(home)
    home.step()
    assert home.claims[0].cause.source.kind is SourceKind.OPTIMISER


def test_an_agreed_plan_outlives_a_restart() -> None:
    home = Home()
    agreed(home)
    born = Home()
    born.state = HomeState(durable=home.state.durable)
    born.step(in_force=(DISPATCH,), solve=False)
    assert born.targets() == {"battery": pytest.approx(-500.0, abs=1.0)}


def test_a_plan_that_is_over_is_forgotten() -> None:
    home = Home()
    agreed(home)
    home.utc_s = NOON + (HOURS + 1) * 3600.0
    home.step(in_force=(DISPATCH,), solve=False)
    assert home.claims == ()
    assert "day_ahead" not in home.state.durable.plans


@pytest.mark.parametrize(
    "told",
    [
        Agreed("t1", (0, 7), (0.5, 0.5), (0.5,) * HOURS),
        Agreed("t1", (0, 1), (0.5,), (0.5,) * HOURS),
        Agreed("t1", (0, 1), (5.0, 0.5), (0.5,) * HOURS),
        Agreed("t1", (), (), (0.5,) * HOURS),
        Agreed("another", (0,), (1.0,), (0.5,) * HOURS),
    ],
)
def test_an_agreement_about_what_was_never_offered_is_none(told: Agreed) -> None:
    home = Home()
    home.step(prices(0, *FLAT), prices(1, *EARLY_DEAR))
    home.step(letter(told, "day_ahead"))
    assert "day_ahead" not in home.state.durable.plans


def test_what_is_no_letter_is_an_alarm_and_the_plan_stands() -> None:
    home = Home()
    home.step(in_force=(price_of(0.5, 0.0, 2.0),))
    before = home.targets()
    bad = replace(prices(0, *FLAT), body=b'{"talks": NaN}')
    home.step(bad, prices(1, 0.1, 0.2, talks="t2"), prices(2, *FLAT, talks="t2"), in_force=(price_of(0.5, 0.0, 2.0),))
    assert len(home.alarms) == 2
    assert home.targets() == before


def test_prices_that_would_make_energy_circulate_never_reach_the_solver() -> None:
    home = Home()
    home.step(in_force=(price_of(0.05, 0.0, 12.0), price_of(0.2, 0.0, 12.0, Priced.EXPORT)))
    assert abs(home.targets()["battery"]) < 3000.0
    home.step(in_force=(price_of(math.nan, 0.0, 12.0),))
    assert home.alarms == []


def test_flexibility_is_how_far_the_mean_power_moves() -> None:
    """Two hours: the battery can give 1 kW, which meets the load, and its 5 kWh of room take 2.5 kW."""
    home = Home()
    home.step(letter(Asked("r1", NOON, 7200.0), "direct_load_control"))
    (told,) = [letters.read(one, Way.UP) for one in home.letters]
    assert told.base_kw == pytest.approx(1.0, abs=1e-3)
    assert told.up_kw == pytest.approx(2.5, abs=1e-3)
    assert told.down_kw == pytest.approx(1.0, abs=1e-3)
    assert told.duration_s == 7200.0


def offered(home: Home, *base_kw: float, start_utc_s: float = NOON) -> Bids:
    home.step(letter(Offers("m1", start_utc_s, 3600.0, (0.2, 0.2), base_kw), "xor_market"))
    bids = letters.read(home.letters[-1], Way.UP)
    assert isinstance(bids, Bids)
    return bids


def test_bids_are_packages_at_what_they_cost_and_the_award_is_carried_out() -> None:
    """1 kW of load, which the battery can cover: 1 kW less than the baseline, but for the quarter by which the load may be higher."""
    home = Home(replace(OPTIONS, doubt=0.25))
    bids = offered(home, 1.0, 1.0)
    assert bids.market == "m1"
    best = max(bids.bids, key=lambda one: sum(one.kw))
    assert best.kw == pytest.approx((0.75, 0.75), abs=2e-3)
    assert best.price == pytest.approx(0.0, abs=0.02), "a lossless battery moves energy for nothing at a flat tariff"
    home.step(letter(Award("m1", best.id), "xor_market"))
    home.step(in_force=(leased(LoadDispatch(DispatchKind.SETPOINT_W, 250.0), "xor_market/award"),))
    assert home.targets()["battery"] == pytest.approx(-1000.0, abs=5.0)


@pytest.mark.parametrize(
    ("base_kw", "kw"),
    [
        ((0.6, 0.6), (0.35, 0.35)),  # lower than the 1 kW it is wont to take: what the meter will show counts
        ((3.0, 3.0), (0.75, 0.75)),  # higher: 2 kW of it would have been left anyway, and are not sold
        ((3.0, 0.2), (0.75, 0.0)),
    ],
)
def test_a_bid_counts_from_the_lower_of_baseline_and_usual_plan(
    base_kw: tuple[float, ...], kw: tuple[float, ...]
) -> None:
    bids = offered(Home(replace(OPTIONS, doubt=0.25)), *base_kw)
    assert max(bids.bids, key=lambda one: sum(one.kw)).kw == pytest.approx(kw, abs=2e-3)


def test_what_was_learnt_of_the_household_is_kept_back_rather_than_what_is_configured() -> None:
    """1 kW of load, of which a tenth is doubted: 900 W are sold. Configured to doubt all of it, the home would sell nothing."""
    home = Home(replace(OPTIONS, doubt=1.0))
    model = Model(doubt=0.1, doubt_steps=432, judged_utc_s=NOON)
    home.state = replace(home.state, durable=replace(home.state.durable, model=model))
    bids = offered(home, 1.0, 1.0)
    assert max(bids.bids, key=lambda one: sum(one.kw)).kw == pytest.approx((0.9, 0.9), abs=2e-3)


def test_a_home_that_cannot_deliver_bids_nothing() -> None:
    """No baseline; one of no use; a load that may be twice as high as foreseen, which the battery could only just cover."""
    assert offered(Home(replace(OPTIONS, doubt=0.25))).bids == ()
    assert offered(Home(replace(OPTIONS, doubt=0.25)), 0.2, 0.2).bids == ()
    assert offered(Home(replace(OPTIONS, doubt=1.0)), 1.0, 1.0).bids == ()


def test_what_was_sold_is_prepared_for_in_the_homes_own_name_and_planned_anew_afterwards() -> None:
    """The battery is empty: it charges in the two hours before, as the optimiser, and gives under the market's lease."""
    home = Home(replace(OPTIONS, doubt=0.0), [seen("battery", Role.BATTERY, state_of_charge=0.0)])
    start_s = NOON + 7200.0
    bids = offered(home, 1.0, 1.0, start_utc_s=start_s)
    best = max(bids.bids, key=lambda one: sum(one.kw))
    assert best.kw == pytest.approx((1.0, 1.0), abs=2e-3)
    home.step(letter(Award("m1", best.id), "xor_market"))
    charged_wh = 0.0
    for hour in range(2):
        home.utc_s = NOON + hour * 3600.0
        home.step()
        charged_wh += home.targets()["battery"]
        assert [claim.cause.source.kind for claim in home.claims] == [SourceKind.OPTIMISER]
    assert charged_wh == pytest.approx(2000.0, abs=10.0)
    home.utc_s = start_s
    home.step(in_force=(leased(LoadDispatch(DispatchKind.SETPOINT_W, 0.0), "xor_market/award"),))
    assert home.targets()["battery"] == pytest.approx(-1000.0, abs=5.0)
    assert [claim.cause.source.kind for claim in home.claims] == [SourceKind.AREA]
    home.step()
    assert [claim.cause.source.kind for claim in home.claims] == [SourceKind.OPTIMISER], "no lease, no sale"
    home.utc_s = start_s + 7200.0 - 600.0
    home.step()
    assert home.wake == Moment(OWN, start_s + 7200.0)
    home.utc_s = start_s + 7200.0
    home.step()
    assert home.state.durable.plans[""].start_utc_s == start_s + 7200.0


@pytest.mark.parametrize(("beside_s", "kwh"), [(3600.0, 0.5), (0.0, 2.0)])
def test_no_more_is_offered_than_can_be_prepared_for_within_what_is_allowed_beside(beside_s: float, kwh: float) -> None:
    """An empty battery and 1 kW of load: in the two hours before, 1.25 kW leave it a quarter of a kilowatt, which is 0.5 kWh."""
    home = Home(replace(OPTIONS, doubt=0.0), [seen("battery", Role.BATTERY, state_of_charge=0.0)])
    offers = Offers("m1", NOON + 7200.0, 3600.0, (0.2, 0.2), (1.0, 1.0), 1.25, beside_s)
    home.step(letter(offers, "xor_market"))
    bids = letters.read(home.letters[-1], Way.UP).bids
    assert max(sum(bid.kw) for bid in bids) == pytest.approx(kwh, abs=5e-3)


def test_after_what_was_sold_the_plan_keeps_within_what_is_allowed_and_then_does_as_it_likes() -> None:
    """The battery gives 2 kWh and wants them back: 0.25 kW in the hour after, the rest later, when 3 kW may be charged."""
    home = Home(replace(OPTIONS, doubt=0.0))
    home.step(letter(Offers("m1", NOON, 3600.0, (0.2, 0.2), (1.0, 1.0), 1.25, 3600.0), "xor_market"))
    plan = home.state.inquiries["feeder/m1"].plans[4]
    assert plan.net_w[:2] == pytest.approx([0.0, 0.0], abs=1.0)
    assert plan.net_w[2] <= 1250.0 + 1.0
    assert plan.net_w[2:].sum() == pytest.approx(12_000.0, abs=5.0)
    assert home.state.inquiries["feeder/m1"].plans[0].net_w.sum() == pytest.approx(12_000.0, abs=5.0), "as usual: free"


@pytest.mark.parametrize(
    "wrong",
    [
        Offers("m1", NOON, 1.0, (0.2,), (1.0,)),
        Offers("m1", NOON, 3600.0, (0.2, 0.2), (1.0,)),
        Offers("m1", NOON, 3600.0, (0.2,), (1.0,), -1.0, 3600.0),
    ],
)
def test_an_offer_that_cannot_be_meant_is_an_alarm(wrong: Offers) -> None:
    home = Home()
    home.step(letter(wrong, "xor_market"))
    assert home.letters == []
    assert "an offer" in home.alarms[0]


def test_an_award_of_a_bid_that_was_never_made_changes_nothing() -> None:
    home = Home()
    home.step(letter(Offers("m1", NOON, 3600.0, (0.2, 0.2), (1.0, 1.0)), "xor_market"))
    for bid in ("", "99", "-1", "٣"):
        home.step(letter(Award("m1", bid), "xor_market"))
    assert "xor_market" not in home.state.durable.plans


def test_weather_reaches_the_plan() -> None:
    """A zone at its setpoint: colder air means more heat. 100 W/K over 20.5 + 9.5 K are 3 kW, over 0.5 K 50 W."""
    zone = ZoneOf("heat", Zone(2000.0, 100.0, 5000.0))
    options = replace(OPTIONS, dwelling=Dwelling(zones=(zone,)))
    told = []
    for outdoor_c in (-9.5, 20.0):
        home = Home(options, [seen("heat", Role.LOAD, temperature=20.5)])
        weather = Weather(NOON, 3600.0, (outdoor_c,) * 24, (0.0,) * 24)
        home.step(letter(weather, "home"), prices(0, *FLAT))
        told.append(letters.read(home.letters[-1], Way.UP).net_kw)
    assert np.mean(told[0]) - np.mean(told[1]) == pytest.approx(2.95, abs=0.25)


def test_a_zone_is_told_a_temperature_and_a_tank_too() -> None:
    dwelling = Dwelling(
        zones=(ZoneOf("heat", Zone(2000.0, 100.0, 5000.0)),), tanks=(TankOf("tank", Tank(200.0, 3000.0)),)
    )
    home = Home(
        replace(OPTIONS, dwelling=dwelling),
        [seen("heat", Role.LOAD, temperature=20.5), seen("tank", Role.LOAD, temperature=55.0)],
    )
    home.step()
    assert {claim.quantity for claim in home.claims} == {Quantity.TEMPERATURE}
    assert all(isinstance(claim.cause.control, Thermostat) for claim in home.claims)
    assert 18.0 < home.targets()["heat"] < 23.0
    assert 48.0 <= home.targets()["tank"] <= 62.0


def test_a_car_that_is_plugged_in_is_ready_when_it_leaves() -> None:
    """Plugged in at noon, out of its usual hours; it leaves at 18:00 with 80 % of 40 kWh, has 40 %: 16 kWh at most 7 kW."""
    car = CarOf("evse", Store(40_000.0, 7000.0, 0.0, 1.0, 1.0), 10 * 3600.0, 18 * 3600.0, 40.0, 80.0)
    home = Home(
        replace(OPTIONS, dwelling=Dwelling(cars=(car,))),
        [seen("evse", Role.EVSE, Vehicle.CONNECTED, session_energy=0.0)],
    )
    home.step(prices(0, *FLAT))
    told = letters.read(home.letters[-1], Way.UP)
    assert sum(told.net_kw[:6]) == pytest.approx(6.0 + 16.0, abs=0.05)
    assert sum(told.net_kw[6:]) == pytest.approx(6.0, abs=0.05)


def test_a_home_without_parts_says_nothing() -> None:
    home = Home(HomeOptions())
    home.step(prices(0, *FLAT))
    assert home.letters == []
    assert home.claims == ()


def test_options_out_of_range_are_all_named() -> None:
    with pytest.raises(ConfigurationFault) as found:
        HomeOptions(import_price=0.0, export_price=0.1, step_s=1.0, steps=1, replan_s=1.0)
    assert len(found.value.mistakes) == 4


def test_a_charger_is_limited_since_it_cannot_be_given_a_target() -> None:
    """10 kWh in the two hours that it is there: 5 kW each, by a bound on what it consumes."""
    car = CarOf("evse", Store(20_000.0, 5000.0, 0.0, 1.0), arrives_s=0.0, departs_s=14 * 3600.0, arrives_pct=0.0)
    home = Home(
        replace(OPTIONS, dwelling=Dwelling(cars=(replace(car, wanted_pct=50.0),))),
        [seen("evse", Role.EVSE, Vehicle.CONNECTED)],
    )
    home.step()
    (claim,) = home.claims
    assert isinstance(claim.want, Bound)
    assert claim.want.limit == pytest.approx(5000.0, abs=1.0)
    assert (claim.quantity, claim.mode) == (Quantity.CONSUMED, Mode.LOAD_LIMIT)


def test_what_a_charger_cannot_keep_is_made_up_for() -> None:
    """From 1380 W on, in steps of 230: 800 W are nearer to 1380 than to nothing, and what that is too much is owed by the next ones.

    800 -> 1380 (580 too much); 800 - 580 = 220 -> 0; 220 + 800 = 1020 -> 1380 (360 too much); 3000 - 360 = 2640 -> 11 * 230 = 2530.
    """
    car = CarOf("evse", Store(20_000.0, 7360.0, 0.0), least_w=1380.0, step_w=230.0)
    wanted = np.array([0.0, 800.0, 800.0, 800.0, 3000.0, 0.0])
    assert possible(wanted, car).tolist() == pytest.approx([0.0, 1380.0, 0.0, 1380.0, 2530.0, 0.0])
    assert possible(wanted, CarOf("evse", Store(20_000.0, 7360.0, 0.0))).tolist() == wanted.tolist()


def test_the_household_is_planned_by_the_hour_where_that_is_told() -> None:
    """Nothing to move: the plan's import is the household's, 1 kW but for 3 kW in the hour after 13:00."""
    by_hour = tuple(3000.0 if hour == 13 else 1000.0 for hour in range(24))
    home = Home(replace(OPTIONS, base_by_hour_w=by_hour, steps=4, replan_s=86_400.0))
    home.step(letter(Prices("talks", 0, NOON, 3600.0, (0.0,) * 4), "day_ahead"))
    profile = letters.read(home.letters[-1], Way.UP)
    # The battery moves nothing at one price.
    assert profile.net_kw == pytest.approx((1.0, 3.0, 1.0, 1.0), abs=0.01)


@pytest.mark.parametrize("wrong", [(1.0,) * 23, (-1.0, *(1.0,) * 23)])
def test_a_household_has_24_hours_of_something(wrong: tuple[float, ...]) -> None:
    with pytest.raises(ConfigurationFault, match="base_by_hour_w"):
        HomeOptions(base_by_hour_w=wrong)
