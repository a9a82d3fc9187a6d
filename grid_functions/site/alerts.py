"""Alerts: words for people (OpenADR 3 ALERT_...). Shown while they hold, and kept."""

from dataclasses import dataclass
from typing import ClassVar

from grid_functions.alarm import Alarm, message_of
from grid_functions.model.control import Alert, Control
from grid_functions.model.event import EventKey, Respondent
from grid_functions.model.function import SiteInputs, Step
from grid_functions.model.instants import Instants
from grid_functions.model.policy import SiteTerms
from grid_functions.model.snapshot import Snapshot
from grid_functions.site.reach import who

NAME = "alerts"

KEEP = 50
"""Alerts that are kept, the newest."""


@dataclass(frozen=True, slots=True)
class HeardAlert:
    """One alert, as it was when it came; own UTC seconds."""

    event: EventKey
    kind: str
    text: str
    received_utc_s: float


@dataclass(frozen=True, slots=True)
class Heard:
    """The alerts of the past, oldest first."""

    alerts: tuple[HeardAlert, ...] = ()


@dataclass(frozen=True, slots=True)
class AlertsOptions:
    """Nothing to choose."""


@dataclass(frozen=True, slots=True)
class AlertsState:
    """``durable``: what was heard."""

    durable: Heard = Heard()
    version: int = 1


@dataclass(frozen=True, slots=True)
class KeepAlerts:
    """Asks nothing of a device. A test is shown among what is in force, and raises nothing (rule 10)."""

    acts_on: ClassVar[frozenset[type]] = frozenset({Alert})
    options: AlertsOptions = AlertsOptions()

    def empty(self) -> AlertsState:
        """The state at birth."""
        return AlertsState()

    def step(self, state: AlertsState, inputs: SiteInputs, now: Instants) -> Step[AlertsState]:
        """An alarm for each alert in force; each is kept once."""
        mine = [(one, one.control) for one in inputs.in_force if isinstance(one.control, Alert) and not one.test]
        alarms = [Alarm(NAME, f"{who(one)} {alert.kind}", _words(alert)) for one, alert in mine]
        known = {(one.event, one.kind, one.text) for one in state.durable.alerts}
        told = [
            HeardAlert(one.cause, alert.kind, alert.text, one.received_utc_s)
            for one, alert in mine
            if isinstance(one.cause, EventKey)
        ]
        new = [one for one in told if (one.event, one.kind, one.text) not in known]
        if new:
            state = AlertsState(Heard((*state.durable.alerts, *new)[-KEEP:]))
        return Step(state, tuple(message_of(alarm, inputs.terms.name) for alarm in alarms))

    def refusal(self, control: Control, respondent: Respondent, terms: SiteTerms, snapshot: Snapshot) -> str | None:
        """An alert can always be shown."""
        return "" if isinstance(control, Alert) else None


def _words(alert: Alert) -> str:
    kind = alert.kind.replace("_", " ")
    return f"{kind}: {alert.text}" if alert.text else kind
