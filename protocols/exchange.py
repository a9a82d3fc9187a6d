"""What every session exchanges with its client, whatever the standard: time, outcomes, memory, alarms."""

from dataclasses import dataclass

from grid_functions.model.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Failed:
    """To the session: nobody answered the request of that id, or not in HTTP."""

    id: int
    why: str


@dataclass(frozen=True, slots=True)
class Tell:
    """To the session: an outcome; :class:`Told` follows when it is settled."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Tick:
    """To the session: nothing happened but time."""


@dataclass(frozen=True, slots=True)
class Told:
    """An outcome is settled: acknowledged, not wanted, or refused for good (``fate`` says which, for the log)."""

    outcome: Outcome
    fate: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something a person should know began (``raised``) or ended. One of a key stands at a time; a remark stands never."""

    key: str
    text: str
    raised: bool = True

    @property
    def remark(self) -> bool:
        """A word for the log that neither begins nor ends."""
        return self.key.startswith("remark ")


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Tick me no later than this, monotonic seconds."""

    mono_s: float
