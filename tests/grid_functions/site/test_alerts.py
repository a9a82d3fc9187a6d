"""Alerts are shown while they hold, and kept after."""

from grid_functions.decide import restore
from grid_functions.model.claim import SourceKind
from grid_functions.model.control import Alert
from grid_functions.model.entry import Entry
from grid_functions.site.alerts import KEEP
from tests.grid_functions.house import seen, terms
from tests.scenarios.decide.site import AGGREGATOR, BOOT_S, Site, event, policy


def house() -> Site:
    """A site with one VTN."""
    return Site([seen("a")], terms({}), {AGGREGATOR: policy(AGGREGATOR, SourceKind.OPENADR)})


def shown(site: Site) -> list[str]:
    """The alarms of alerts now."""
    return [alarm.text for alarm in site.decisions[-1].alarms if alarm.room == "alerts"]


def kept(site: Site) -> list[tuple[str, str, float]]:
    """What is remembered, oldest first."""
    alerts = site.state.kept["alerts"].state.durable.alerts
    return [(one.kind, one.text, one.received_utc_s - BOOT_S) for one in alerts]


def test_an_alert_is_shown_until_it_ends_and_kept_over_a_restart() -> None:
    site = house()
    entries: list[Entry] = []
    alert = event("e", Alert("flex_alert", "4 to 9 p.m."), respondent=AGGREGATOR, duration_s=60.0)
    entries += site.tick(0.0, site.read(0.0, alert, respondent=AGGREGATOR)).entries
    assert shown(site) == ["flex alert: 4 to 9 p.m."]
    entries += site.tick(61.0).entries
    assert shown(site) == []
    site.state = restore(entries)
    site.tick(62.0)
    assert kept(site) == [("flex_alert", "4 to 9 p.m.", 0.0)]


def test_a_test_alert_alarms_nobody() -> None:
    site = house()
    site.tick(0.0, site.read(0.0, event("e", Alert("fire"), respondent=AGGREGATOR, test=True), respondent=AGGREGATOR))
    assert shown(site) == []
    assert kept(site) == []


def test_only_the_newest_are_kept() -> None:
    site = house()
    for number in range(KEEP + 5):
        at_s = 10.0 * number
        alert = event(f"e{number}", Alert("wind", str(number)), respondent=AGGREGATOR, start_s=at_s, duration_s=5.0)
        site.tick(at_s, site.read(at_s, alert, respondent=AGGREGATOR))
    assert [text for _, text, _ in kept(site)] == [str(number) for number in range(5, KEEP + 5)]
