"""When a device is polled next; pure."""


def left_s(started_s: float, now_s: float, period_s: float, phase_s: float | None) -> float:
    """Until the next poll is due, after one that began at ``started_s``; all in monotonic seconds.

    With a phase, polls fall due that long after multiples of the period: what is polled together stays together, and what is not stays
    apart, however long a look takes.
    """
    if phase_s is None:
        return max(started_s + period_s - now_s, 0.0)
    left = period_s - (now_s - phase_s) % period_s
    # A timer that rings a little early is not to ring twice.
    return left if left > period_s / 100 else left + period_s
