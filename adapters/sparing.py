"""How often somebody may make us note something: who says much is counted, not written down word by word; pure but for its memory."""


class Sparing:
    """``burst`` notes at once, and ``per_s`` a second from then on. A ring of notes would otherwise hold a flood and nothing else."""

    def __init__(self, burst: float, per_s: float) -> None:
        self._burst, self._per_s = burst, per_s
        self._left, self._at_s = burst, 0.0
        self._unsaid = 0

    def spared(self, mono_s: float) -> int | None:
        """How many were spared since the last that was noted; None: this one is spared too."""
        self._left = min(self._burst, self._left + self._per_s * max(0.0, mono_s - self._at_s))
        self._at_s = mono_s
        if self._left < 1.0:
            self._unsaid += 1
            return None
        self._left -= 1.0
        unsaid, self._unsaid = self._unsaid, 0
        return unsaid
