"""The schedule as a machine: what is ordered holds at every member, whole, and ends when it is to."""

import pytest

from gateway.ledger.codec import Codec
from grid_functions import catalogue
from grid_functions.area.schedule import NAME, Schedule, ScheduleOptions
from grid_functions.model.control import ImportLimit
from grid_functions.model.errors import ConfigurationFault
from grid_functions.model.event import Interval
from grid_functions.model.tariff import Price, Priced, PriceKind
from tests.grid_functions.area.machine import MIDNIGHT, Bench


class Buildings(Bench):
    """Two of them."""

    def __init__(self) -> None:
        super().__init__(Schedule(ScheduleOptions("CAD")), NAME, ("a", "b"))


def price(value: float) -> Price:
    return Price(Priced.IMPORT, PriceKind.ABSOLUTE, value, "CAD")


def test_each_building_has_the_whole_limit_until_it_is_taken_back() -> None:
    made = Buildings()
    made.order("limit_each", limit_kw=7.5)
    assert made.controls("limit") == {"a": (ImportLimit(7500.0),), "b": (ImportLimit(7500.0),)}
    made.run(86_400.0, 3600.0)
    assert set(made.controls("limit")) == {"a", "b"}
    made.order("restore", what="limit")
    assert made.granted == {}


def test_series_hold_by_step_and_end_by_themselves() -> None:
    made = Buildings()
    made.order("limits_each", start_utc_s=MIDNIGHT, step_s=600.0, limits_kw=[7.0, 15.0])
    made.order("prices_each", start_utc_s=MIDNIGHT, step_s=600.0, prices=[0.07, 0.07, 0.15])
    limits, prices = made.granted["b", "limits"], made.granted["a", "prices"]
    assert limits.start_utc_s == prices.start_utc_s == MIDNIGHT
    assert limits.series == (
        Interval(0.0, 600.0, (ImportLimit(7000.0),)),
        Interval(600.0, 600.0, (ImportLimit(15_000.0),)),
    )
    assert prices.series == (Interval(0.0, 1200.0, (price(0.07),)), Interval(1200.0, 600.0, (price(0.15),)))
    made.utc_s = MIDNIGHT + 1200.0
    made.step()
    assert {subject for _, subject in made.granted} == {"prices"}
    made.utc_s = MIDNIGHT + 1800.0
    made.step()
    assert made.granted == {}


def test_over_a_restart_it_is_granted_anew() -> None:
    made = Buildings()
    made.order("limit_each", limit_kw=3.0)
    codec = Codec(catalogue.durable())
    assert codec.decode(*codec.encode(made.state.durable)) == made.state.durable
    made.reborn()
    made.step()
    assert set(made.controls("limit")) == {"a", "b"}


@pytest.mark.parametrize(
    ("kind", "options", "why"),
    [
        ("limit_each", {"limit_kw": -1.0}, "limit_kw is -1"),
        ("limit_each", {}, "limit_kw"),
        ("limits_each", {"start_utc_s": MIDNIGHT, "step_s": 600.0, "limits_kw": []}, "are none"),
        ("limits_each", {"start_utc_s": MIDNIGHT, "step_s": 1.0, "limits_kw": [1.0]}, "step_s is 1"),
        ("limits_each", {"start_utc_s": MIDNIGHT - 1200.0, "step_s": 600.0, "limits_kw": [1.0, 1.0]}, "over already"),
        ("prices_each", {"start_utc_s": MIDNIGHT + 8 * 86_400.0, "step_s": 600.0, "prices": [1.0]}, "within a week"),
        ("prices_each", {"start_utc_s": MIDNIGHT, "step_s": 600.0, "prices": [1e5]}, "prices is 100000"),
        ("restore", {"what": "everything"}, "knows no 'everything'"),
        ("dance", {}, "carries no 'dance'"),
    ],
)
def test_an_order_that_cannot_be_meant_unseats_nothing(kind: str, options: dict[str, object], why: str) -> None:
    made = Buildings()
    made.order("limit_each", limit_kw=3.0)
    made.order(kind, **options)
    assert why in made.alarms[-1]
    assert set(made.controls("limit")) == {"a", "b"}


@pytest.mark.parametrize("currency", ["dollars", "eur", "E1R", "EU", "12€"])
def test_a_currency_is_three_capital_letters(currency: str) -> None:
    with pytest.raises(ConfigurationFault):
        ScheduleOptions(currency)


def test_a_currency_may_be_left_out() -> None:
    assert [ScheduleOptions(one).currency for one in ("EUR", "")] == ["EUR", ""]
