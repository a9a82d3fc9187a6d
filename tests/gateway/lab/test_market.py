"""A market among a few homes, judged by their meters: who bids what he can do delivers it and is paid, who lies is flagged and is not."""

from dataclasses import replace

import pytest

from gateway.lab.events import Lot
from gateway.lab.figures import Found
from gateway.lab.house import MINUTE_S
from gateway.lab.play import one, opened
from gateway.lab.street import Window
from grid_functions import letters
from grid_functions.area.xor_market import XorMarketOptions
from grid_functions.letters import Bid, Bids, Way
from grid_functions.model.lease import Message

HOMES, SEED = 5, 3
LIAR = "home-0000"


def played(*, lie: bool) -> Found:
    with opened(HOMES, SEED, processes=1) as (lab, found):
        if lie:
            lab.bent = _bent
        one("xor", lab, found)
    return found


def _bent(window: Window) -> Window:
    return replace(window, letters=tuple(_lied(message) for message in window.letters))


def _lied(message: Message) -> Message:
    """One home sells 15 kW in each interval, for nothing: more than it takes."""
    letter = letters.read(message, Way.UP)
    if message.sender != LIAR or not isinstance(letter, Bids):
        return message
    lie = Bids(letter.market, (Bid("1", (15.0,) * 6, 0.0),))
    return letters.write(lie, message.function, message.to, message.sender, message.id)


def reduced_kw(found: Found, lot: Lot) -> list[float]:
    """By interval: the mean that the meter showed, below the baseline of the award."""
    case = found.cases["xor"]
    first = round((lot.start_utc_s - found.noon_utc_s - case.began_s) / MINUTE_S)
    minutes = round(lot.step_s / MINUTE_S)
    shown = case.kw[lot.home]
    return [
        lot.base_kw - float(shown[first + k * minutes : first + (k + 1) * minutes].mean()) for k in range(len(lot.kw))
    ]


def beside_kw(found: Found, lot: Lot) -> float:
    """The highest mean of ten minutes while the market holds the winner, but for its intervals and the two minutes it begins early."""
    case, options = found.cases["xor"], XorMarketOptions()
    first = round((lot.start_utc_s - found.noon_utc_s - case.began_s) / MINUTE_S)
    last = first + round(len(lot.kw) * lot.step_s / MINUTE_S)
    until = last + round(options.beside_s / MINUTE_S)
    shown = case.kw[lot.home]
    spans = [range(first - 20, first - 10, 10), range(last, until - 10, 10)]
    return max(float(shown[k : k + 10].mean()) for span in spans for k in span)


def test_who_bids_what_he_can_do_delivers_it_and_is_paid() -> None:
    found = played(lie=False)
    market = found.market
    assert market is not None
    assert market.lots
    assert market.flagged == {}
    for lot in market.lots:
        assert lot.due > 0.0
        assert all(shown >= 0.95 * kw for shown, kw in zip(reduced_kw(found, lot), lot.kw, strict=True)), (
            f"{lot.home}: {reduced_kw(found, lot)} of {lot.kw}"
        )
        assert beside_kw(found, lot) <= lot.base_kw + XorMarketOptions().beside_kw + 0.1
    assert market.delivered_kwh == pytest.approx(market.awarded_kwh, rel=0.02)


def test_a_liar_wins_and_is_flagged_and_not_paid() -> None:
    market = played(lie=True).market
    assert market is not None
    assert LIAR in market.flagged
    (lot,) = [lot for lot in market.lots if lot.home == LIAR]
    assert lot.due == 0.0
