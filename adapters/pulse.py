"""A heartbeat watched: whether it still moves. Pure but for its own memory."""

from typing import Final

STALLED_S: Final = 10.0
"""A device whose heartbeat stands still so long answers, but is not well."""


class Pulse:
    """The last beat of one device, and since when it is the last, in monotonic seconds."""

    def __init__(self) -> None:
        self._beat: int | None = None
        self._since_s = 0.0

    def stalled(self, beat: int | None, now_s: float) -> bool:
        """Take a beat (None: it has none); whether it has not moved for too long."""
        if beat is None or beat != self._beat:
            self._beat, self._since_s = beat, now_s
        return beat is not None and now_s - self._since_s >= STALLED_S
