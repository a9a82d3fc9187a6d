"""Times of day, in UTC."""

import math

DAY_S = 86_400.0


def before(utc_s: float, second: float) -> float:
    """When it was so many seconds after midnight last: now or before."""
    today_s = math.floor(utc_s / DAY_S) * DAY_S + second
    return today_s if utc_s >= today_s else today_s - DAY_S
