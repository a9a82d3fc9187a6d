"""The market as a machine: offers, bids that are meant and bids that are not, award, dispatch, delivery and settlement by hand."""

from dataclasses import replace

import pytest

from gateway.ledger.codec import Codec
from gateway.solver import Solver
from grid_functions import catalogue, letters
from grid_functions.area.xor_market import NAME, XorMarket, XorMarketDurable, XorMarketOptions
from grid_functions.building.program import Problem
from grid_functions.letters import Award, Bid, Bids, Offers, Way
from grid_functions.model.claim import Basis, InForce, LeaseId, Source, SourceKind
from grid_functions.model.control import DispatchKind, ImportLimit, LoadDispatch
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.event import Rank
from grid_functions.model.instants import OWN, Moment
from grid_functions.model.lease import Message
from tests.grid_functions.area.machine import MIDNIGHT, Bench
from tests.grid_functions.building.test_steward import NOON, Home
from tests.grid_functions.building.test_steward import OPTIONS as SURE

HOUR = 3600.0
OPTIONS = XorMarketOptions(
    wanted_kw=2.0, steps=2, step_s=HOUR, lead_s=1800.0, bid_s=60.0, base_s=600.0, penalty=10.0, beside_s=0.0
)
HELD = replace(OPTIONS, beside_kw=0.5, beside_s=2 * HOUR)
"""Winners are held to half a kilowatt over their 3 kW before, and for two hours after."""
MEMBERS = ("a", "b", "c")
BASE_W = 3000.0


def bench(options: XorMarketOptions = OPTIONS, *, measured_s: float = 600.0) -> Bench:
    """Every member took 3 kW for ten minutes."""
    made = Bench(XorMarket(options), NAME, MEMBERS)
    made.powers_w = dict.fromkeys(MEMBERS, BASE_W)
    made.step()
    if measured_s:
        made.run(measured_s)
    return made


def opened(options: XorMarketOptions = OPTIONS) -> Bench:
    made = bench(options)
    made.order("open")
    return made


def market_of(made: Bench) -> str:
    return str(made.state.session.name)


def bids(made: Bench, member: str, *ones: Bid, market: str = "") -> Message:
    letter = Bids(market or market_of(made), ones)
    return letters.write(letter, NAME, "feeder", member, f"{member}/bids")


def solved(made: Bench) -> None:
    problem = made.asks[-1].problem
    assert isinstance(problem, Problem)
    made.answer(Solver().solve(problem))


def awards(made: Bench) -> dict[str, str]:
    told = [(one.to, letters.read(one, Way.DOWN)) for one in made.letters if one.kind == "award"]
    return {member: letter.bid for member, letter in told if isinstance(letter, Award)}


def awarded(options: XorMarketOptions = OPTIONS) -> Bench:
    """a: 2 kW in both hours for 1.0; b the same for 1.5; c nothing. a wins."""
    made = opened(options)
    made.hear(bids(made, "a", Bid("1", (2.0, 2.0), 1.0)), bids(made, "b", Bid("1", (2.0, 2.0), 1.5)), bids(made, "c"))
    solved(made)
    return made


def why(made: Bench, member: str) -> str:
    """What the open market holds against a member."""
    return "; ".join(text for who, text in made.state.session.refused if who == member)


def test_a_market_opens_with_offers_to_all() -> None:
    """Ten minutes past midnight: the next whole hour at least half an hour later is 1:00. All took 3 kW, and are told so."""
    made = opened()
    offers = {one.to: letters.read(one, Way.DOWN) for one in made.letters}
    assert offers == dict.fromkeys(MEMBERS, Offers(market_of(made), MIDNIGHT + HOUR, HOUR, (0.2, 0.2), (3.0, 3.0)))
    assert min(made.wake_s) == made.utc_s + 60.0


def test_the_cheapest_package_wins_and_the_record_has_the_proven_gap() -> None:
    made = awarded()
    record = made.state.durable.awarded
    assert record is not None
    assert {member: won.bid for member, won in record.winners.items()} == {"a": "1"}
    assert record.cost == pytest.approx(1.0)
    assert record.short_kw == pytest.approx((0.0, 0.0))
    assert 0.0 <= record.gap <= OPTIONS.gap
    assert record.winners["a"].base_w == pytest.approx(BASE_W)
    assert awards(made) == {"a": "1", "b": "", "c": ""}
    assert record.silent == ()


def test_of_one_members_packages_one_wins() -> None:
    """Both of a's would be cheaper than one of a and one of b; of one member only one may win: 1.0 + 1.5."""
    made = opened(replace(OPTIONS, wanted_kw=4.0))
    two = (Bid("1", (2.0, 2.0), 1.0), Bid("2", (2.0, 2.0), 1.1))
    made.hear(bids(made, "a", *two), bids(made, "b", Bid("7", (2.0, 2.0), 1.5)), bids(made, "c"))
    solved(made)
    assert awards(made) == {"a": "1", "b": "7", "c": ""}
    assert made.state.durable.awarded.cost == pytest.approx(2.5)


def test_the_winner_is_leased_its_baseline_less_its_bid_until_the_end() -> None:
    made = awarded()
    assert set(made.granted) == {("a", "award")}
    grant = made.granted["a", "award"]
    assert grant.start_utc_s == MIDNIGHT + HOUR
    assert [(one.offset_s, one.duration_s) for one in grant.series] == [(0.0, HOUR), (HOUR, HOUR)]
    for interval in grant.series:
        (dispatch,) = interval.controls
        assert isinstance(dispatch, LoadDispatch)
        assert dispatch.kind is DispatchKind.SETPOINT_W
        assert dispatch.value == pytest.approx(1000.0)
    made.utc_s = MIDNIGHT + 3 * HOUR
    made.step()
    assert made.granted == {}


def test_a_winner_is_held_near_its_baseline_from_the_award_until_well_after() -> None:
    """It sells 1:00 to 3:00; until 5:00 it may take 3.5 kW, settled as it is since 3:02. b and c won nothing, and are free."""
    made = awarded(HELD)
    assert made.controls("beside") == {"a": (ImportLimit(3500.0),)}
    made.utc_s = MIDNIGHT + 3 * HOUR
    made.step()
    assert set(made.granted) == {("a", "beside")}
    made.utc_s = MIDNIGHT + 4 * HOUR
    made.step()
    assert made.state.durable.settled
    assert min(made.wake_s) == MIDNIGHT + 5 * HOUR
    made.reborn()
    made.step()
    assert made.controls("beside") == {"a": (ImportLimit(3500.0),)}
    made.utc_s = MIDNIGHT + 5 * HOUR
    made.step()
    assert made.granted == {}


def test_winners_are_let_go_one_after_the_other() -> None:
    """Both sell until 3:00. a is let go two hours later, b after half as long again: at 6:00."""
    made = opened(replace(HELD, wanted_kw=4.0))
    made.hear(bids(made, "a", Bid("1", (2.0, 2.0), 1.0)), bids(made, "b", Bid("1", (2.0, 2.0), 1.5)), bids(made, "c"))
    solved(made)
    assert set(made.controls("beside")) == {"a", "b"}
    made.utc_s = MIDNIGHT + 5 * HOUR
    made.step()
    assert set(made.controls("beside")) == {"b"}
    assert MIDNIGHT + 6 * HOUR in made.wake_s
    made.utc_s = MIDNIGHT + 6 * HOUR
    made.step()
    assert made.granted == {}


def test_a_winner_that_is_revoked_is_held_no_more_and_stays_free_when_it_is_settled() -> None:
    made = awarded(HELD)
    made.members = ("b", "c")
    made.step()
    assert made.granted == {}
    made.members = MEMBERS
    made.utc_s = MIDNIGHT + 4 * HOUR
    made.step()
    assert made.state.durable.settled
    assert made.granted == {}


def test_who_exports_is_held_to_no_import_rather_than_to_less() -> None:
    """At 2 kW out, half a kilowatt more is still 1.5 kW out: a limit on import is 0 at the least."""
    made = bench(HELD)
    made.powers_w = dict.fromkeys(MEMBERS, -2000.0)
    made.run(600.0)
    made.order("open")
    offers = [letters.read(one, Way.DOWN) for one in made.letters]
    assert {(one.most_beside_kw, one.beside_s) for one in offers} == {(0.0, 2 * HOUR)}
    made.hear(bids(made, "a", Bid("1", (2.0, 2.0), 1.0)), bids(made, "b"), bids(made, "c"))
    solved(made)
    assert made.controls("beside") == {"a": (ImportLimit(0.0),)}


def test_what_was_delivered_is_due_at_the_bids_price() -> None:
    """From 1:00 a takes 1 kW instead of 3: 4 kWh of the 4 kWh awarded."""
    made = awarded()
    made.utc_s = MIDNIGHT + HOUR
    made.powers_w["a"] = 1000.0
    made.step()
    made.run(2 * HOUR + 180.0)
    (row,) = made.state.durable.ledger
    assert (row.member, row.awarded_wh, row.due, row.why) == ("a", 4000.0, 1.0, "")
    assert row.delivered_wh == pytest.approx(4000.0)
    assert row.coverage == pytest.approx(1.0)
    assert made.state.durable.meters == ()


@pytest.mark.parametrize(
    ("first_w", "second_w", "delivered_wh"),
    [
        (3000.0, 3000.0, 0.0),
        # 3 kWh too much in the second hour make up for nothing in the first.
        (3000.0, -2000.0, 2000.0),
        (1300.0, 1300.0, 3400.0),
    ],
)
def test_what_was_not_delivered_is_flagged_and_nothing_is_due(
    first_w: float, second_w: float, delivered_wh: float
) -> None:
    made = awarded()
    made.run(MIDNIGHT + HOUR - made.utc_s)
    for power_w in (first_w, second_w):
        made.powers_w["a"] = power_w
        made.run(HOUR)
    made.run(180.0)
    (row,) = made.state.durable.ledger
    assert row.due == 0.0
    assert row.awarded_wh == 4000.0
    # The minute in which power changes is a ramp: at most a minute of 5 kW is counted for the other side.
    assert row.delivered_wh == pytest.approx(delivered_wh, abs=5000.0 / 60.0)
    assert any(told.startswith("a: did not deliver") for told in made.alarms)


def test_who_is_not_measured_is_not_paid() -> None:
    made = awarded()
    made.powers_w = {}
    made.utc_s = MIDNIGHT + 3 * HOUR + 180.0
    made.step()
    (row,) = made.state.durable.ledger
    assert (row.due, row.delivered_wh) == (0.0, 0.0)
    assert "measured" in row.why


def test_nine_tenths_are_enough_and_no_less() -> None:
    """1.2 kW instead of 1: 3.6 kWh of 4."""
    made = awarded()
    made.utc_s = MIDNIGHT + HOUR
    made.powers_w["a"] = 1200.0
    made.step()
    made.run(2 * HOUR + 180.0)
    assert made.state.durable.ledger[0].due == 1.0


@pytest.mark.parametrize(
    ("one", "fault"),
    [
        (Bid("1", (2.0,), 1.0), "intervals"),
        (Bid("1", (-2.0, 2.0), 1.0), "less than nothing"),
        (Bid("1", (31.0, 2.0), 1.0), "connected"),
        (Bid("1", (2.0, 2.0), -1.0), "asks for less than nothing"),
        (Bid("1", (0.0, 0.0), 0.0), "reduces nothing"),
    ],
)
def test_a_bid_that_cannot_be_meant_is_out_and_the_others_are_not(one: Bid, fault: str) -> None:
    made = opened()
    made.hear(bids(made, "a", one, Bid("2", (2.0, 2.0), 1.0)), bids(made, "b"))
    assert fault in why(made, "a")
    made.hear(bids(made, "c"))
    solved(made)
    assert awards(made) == {"a": "2", "b": "", "c": ""}
    assert any(who == "a" and fault in text for who, text in made.state.durable.awarded.refused)


def test_who_exports_already_can_reduce_by_what_its_connection_leaves() -> None:
    """Exporting 29 kW of 30: 1 kW more, not 2."""
    made = Bench(XorMarket(OPTIONS), NAME, MEMBERS)
    made.powers_w = {"a": -29_000.0}
    made.step()
    made.run(600.0)
    made.order("open")
    made.hear(bids(made, "a", Bid("1", (2.0, 2.0), 1.0), Bid("2", (0.9, 0.9), 1.0)))
    assert [one.id for one in made.state.session.bids["a"]] == ["2"]


def test_the_first_letter_counts() -> None:
    made = opened()
    made.hear(bids(made, "a", Bid("1", (2.0, 2.0), 1.0)), bids(made, "a", Bid("1", (2.0, 2.0), 9.0)))
    assert made.state.session.bids["a"] == (Bid("1", (2.0, 2.0), 1.0),)
    assert "second time" in why(made, "a")


def test_a_stranger_too_many_and_two_alike_are_refused_by_name() -> None:
    made = opened()
    many = [Bid(str(number), (1.0, 1.0), 1.0) for number in range(17)]
    made.hear(
        bids(made, "stranger", Bid("1", (2.0, 2.0), 0.0)),
        bids(made, "a", *many),
        bids(made, "b", Bid("1", (1.0, 1.0), 1.0), Bid("1", (2.0, 2.0), 1.0)),
    )
    assert "without having been asked" in why(made, "stranger")
    assert "17 bids" in why(made, "a")
    assert "alike" in why(made, "b")
    assert made.state.session.bids == {}


def test_what_is_no_letter_or_for_another_market_is_told_and_harms_nobody() -> None:
    made = opened()
    good = bids(made, "b", Bid("1", (2.0, 2.0), 1.0))
    made.hear(
        replace(good, sender="a", body=b"\xff"),
        replace(good, sender="c", body=good.body.replace(b"1.0", b"NaN")),
        bids(made, "a", market="xor_market-1"),
        good,
    )
    assert set(made.state.session.bids) == {"b"}
    assert {who for who, _ in made.state.session.refused} == {"a", "c"}


def test_silence_ends_at_the_deadline_and_is_named() -> None:
    made = opened()
    made.hear(bids(made, "a", Bid("1", (2.0, 2.0), 1.0)))
    assert made.asks == []
    made.run(60.0)
    late = bids(made, "b", Bid("1", (2.0, 2.0), 0.1))
    made.hear(late)
    solved(made)
    assert made.state.durable.awarded.silent == ("b", "c")
    assert awards(made) == {"a": "1", "b": "", "c": ""}
    made.hear(late)
    assert made.alarms.count("b: bids too late") == 2


def test_without_a_baseline_nobody_is_let_in() -> None:
    made = bench(measured_s=0.0)
    made.order("open")
    made.hear(bids(made, "a", Bid("1", (2.0, 2.0), 1.0)))
    assert "no baseline" in why(made, "a")
    assert made.state.session.bids == {}


def test_the_baseline_is_of_the_time_before_the_market_was_known() -> None:
    """From the opening on a takes 9 kW, so that less looks like more: the baseline stays 3 kW."""
    made = opened()
    made.powers_w["a"] = 9000.0
    made.run(30.0, 10.0)
    made.hear(bids(made, "a", Bid("1", (2.0, 2.0), 1.0)), bids(made, "b"), bids(made, "c"))
    solved(made)
    assert made.state.durable.awarded.winners["a"].base_w == pytest.approx(BASE_W)


def test_who_is_revoked_before_the_award_is_out() -> None:
    made = opened()
    made.hear(bids(made, "a", Bid("1", (2.0, 2.0), 1.0)), bids(made, "b", Bid("1", (2.0, 2.0), 1.5)))
    made.members = ("b", "c")
    made.hear(bids(made, "c"))
    solved(made)
    assert awards(made)["b"] == "1"
    assert made.state.durable.awarded.silent == ()


def test_who_is_revoked_after_the_award_has_it_withdrawn_and_is_paid_nothing() -> None:
    made = awarded()
    made.utc_s = MIDNIGHT + HOUR
    made.powers_w["a"] = 1000.0
    made.step()
    made.run(HOUR)
    made.members = ("b", "c")
    made.step()
    assert made.granted == {}
    made.members = MEMBERS
    made.run(HOUR + 180.0)
    (row,) = made.state.durable.ledger
    assert (row.due, row.why) == (0.0, "it is enrolled no more")


def test_a_solver_that_is_late_or_fails_voids_the_market() -> None:
    for late in (True, False):
        made = opened()
        made.hear(*(bids(made, member, Bid("1", (2.0, 2.0), 1.0)) for member in MEMBERS))
        if late:
            made.run(36.0, 5.0)
        else:
            made.answer(None)
        assert awards(made) == {"a": "", "b": "", "c": ""}
        assert (made.state.durable.awarded, made.state.durable.open, made.granted) == (None, "", {})
        made.order("open")
        assert made.state.session is not None


def test_a_restart_before_the_award_voids_the_market_and_says_so() -> None:
    made = opened()
    made.reborn()
    made.step()
    assert any("void" in told for told in made.alarms)
    assert awards(made) == {"a": "", "b": "", "c": ""}
    assert made.state.durable.open == ""


def test_a_restart_during_delivery_goes_on_and_loses_nothing() -> None:
    """A minute without a reading is bridged by the readings on both sides."""
    made = awarded()
    made.utc_s = MIDNIGHT + HOUR
    made.powers_w["a"] = 1000.0
    made.step()
    made.run(HOUR)
    made.reborn()
    made.run(HOUR + 180.0)
    (row,) = made.state.durable.ledger
    assert row.due == 1.0
    assert row.delivered_wh == pytest.approx(4000.0, abs=1.0)


def test_after_a_restart_the_award_is_leased_again() -> None:
    made = awarded()
    made.reborn()
    made.step()
    assert set(made.granted) == {("a", "award")}


def test_a_clock_that_leaps_over_the_delivery_settles_it_as_unmeasured() -> None:
    made = awarded()
    made.utc_s = MIDNIGHT + 5 * HOUR
    made.step()
    assert made.state.durable.ledger[0].due == 0.0


def test_a_clock_set_back_measures_nothing_twice_and_has_no_baseline() -> None:
    made = bench()
    made.utc_s -= HOUR
    made.order("open")
    assert made.state.session.base_w == {}
    again = awarded()
    again.utc_s = MIDNIGHT + HOUR
    again.powers_w["a"] = 1000.0
    again.step()
    again.run(HOUR)
    again.utc_s -= 1800.0
    again.run(1.5 * HOUR + 180.0)
    assert again.state.durable.ledger[0].delivered_wh == pytest.approx(4000.0, abs=100.0)


def test_one_market_at_a_time() -> None:
    made = awarded()
    made.order("open")
    assert made.state.session is None
    assert any("not settled yet" in told for told in made.alarms)


@pytest.mark.parametrize(
    "options",
    [
        {"wanted_kw": [0.0]},
        {"wanted_kw": [-1.0]},
        {"start_utc_s": MIDNIGHT},
        {"start_utc_s": 9e11},
        {"wanted_kw": "many"},
        {"unknown": 1},
    ],
)
def test_an_order_that_cannot_be_meant_opens_nothing(options: dict[str, object]) -> None:
    made = bench()
    made.order("open", **options)
    assert (made.state.session, made.letters) == (None, [])
    assert len(made.alarms) == 1
    made.order("close")
    assert any("'close'" in told for told in made.alarms)


def test_it_opens_by_itself_at_its_time_of_day_and_once() -> None:
    made = bench(replace(OPTIONS, opens_s=1200.0))
    made.utc_s = MIDNIGHT + 1200.0
    made.step()
    name = market_of(made)
    made.hear(*(bids(made, member) for member in MEMBERS))
    solved(made)
    made.run(30.0, 10.0)
    assert made.state.session is None
    assert made.state.durable.awarded.market == name


def test_the_settlement_ledger_keeps_the_youngest_markets() -> None:
    made = bench(replace(OPTIONS, kept=1))
    names = []
    for _ in range(2):
        made.order("open")
        names.append(market_of(made))
        made.hear(*(bids(made, member, Bid("1", (2.0, 2.0), 1.0)) for member in MEMBERS))
        solved(made)
        made.run(4 * HOUR, 600.0)
        made.run(600.0)
    assert {row.market for row in made.state.durable.ledger} == {names[1]}


def test_real_homes_bid_are_awarded_and_carry_it_out() -> None:
    """Two homes with 5 kWh in their batteries and 1 kW of load each, of which they are sure; 2 kW less are wanted for an hour.

    A battery moves its energy into the hour that is paid; while the award is leased, the home's claims carry that lease.
    """
    options = replace(OPTIONS, wanted_kw=2.0, steps=1, price=1.0)
    homes = {member: Home(replace(SURE, doubt=0.0)) for member in ("a", "b")}
    made = Bench(XorMarket(options), NAME, homes)
    made.utc_s = NOON
    made.powers_w = dict.fromkeys(homes, 1000.0)
    made.step()
    made.run(600.0)
    made.order("open")
    for letter in list(made.letters):
        home = homes[letter.to]
        home.utc_s = made.utc_s
        home.step(replace(letter, sender="feeder"))
    told = [one for home in homes.values() for one in home.letters if one.kind == "bids"]
    names = dict(zip(homes, told, strict=True))
    made.hear(*(replace(one, sender=member) for member, one in names.items()))
    solved(made)
    record = made.state.durable.awarded
    assert record.winners
    assert max(record.short_kw) < 2.0
    for letter in [one for one in made.letters if one.kind == "award"]:
        homes[letter.to].step(replace(letter, sender="feeder"))
    member, won = next(iter(record.winners.items()))
    home = homes[member]
    home.utc_s = record.start_utc_s
    source = Source(SourceKind.AREA, "feeder")
    control = made.granted[member, "award"].series[0].controls[0]
    since, until = Moment(OWN, record.start_utc_s), Moment(OWN, record.end_utc_s)
    cause = LeaseId("feeder", f"{NAME}/award", 1)
    home.step(in_force=(InForce(control, source, Rank(0.0), Basis.LEASE, since, until, NOON, cause=cause),))
    (claim,) = home.claims
    assert claim.cause.cause == cause
    assert home.targets()["battery"] <= -won.kw[0] * 1000.0 + 1.0


def test_what_is_durable_survives_the_ledger() -> None:
    durable = awarded().state.durable
    codec = Codec(catalogue.durable())
    assert codec.decode(*codec.encode(durable)) == durable
    assert isinstance(durable, XorMarketDurable)


def test_options_out_of_range_are_all_named() -> None:
    with pytest.raises(ConfigurationFault) as found:
        XorMarketOptions(wanted_kw=float("nan"), steps=0, lead_s=60.0, price=3.0)
    assert len(found.value.mistakes) == 4
