"""What can be broken in the demonstration on purpose."""

from enum import StrEnum


class Sabotage(StrEnum):
    """Ways to break the demonstration on purpose; it must notice each."""

    INVERTER_IGNORES = "inverter-ignores"
    CHARGER_IGNORES = "charger-ignores"
    METER_SIGN = "meter-sign"
    SERVER_DROPS_RESPONSES = "server-drops-responses"
    LEDGER_OFF = "ledger-off"
    REVERT_OFF = "revert-off"
    HOME_LIES = "home-lies"
    HOME_IGNORES = "home-ignores"
