"""What everything that runs is built with."""

from dataclasses import dataclass

from gateway.clock import SystemClock
from gateway.ledger.book import Ledger
from gateway.log.book import Log
from grid_functions.model.ports import Dice


@dataclass(frozen=True, slots=True)
class Tools:
    """``seed``: the gateway's own, from which draws are made."""

    clock: SystemClock
    dice: Dice
    ledger: Ledger
    log: Log
    seed: bytes
