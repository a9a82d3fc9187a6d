"""Hints by webhook and broker: kept up, acted on, never believed."""

from dataclasses import replace
from typing import Any

import pytest

from protocols.openadr3.session.exchange import Hint, Listening
from protocols.openadr3.session.terms import Webhook
from protocols.openadr3.wire.objects import MqttMethod
from tests.protocols.openadr3.rig import TERMS, Rig, gaps, in_3_0_1

HOOK = Webhook(callback_url="https://depot.example/hook", token="h00k")  # noqa: S106 - of this rig alone
HOOKED = replace(TERMS, webhook=HOOK)
MQTT = {
    "URIS": ["mqtts://broker.example"],
    "serialization": "JSON",
    "authentication": {"method": "OAUTH2_BEARER_TOKEN", "username": "{clientID}"},
}


def subscriptions(rig: Rig) -> list[dict[str, Any]]:
    return [dict(one.json) for one in rig.store.all("SUBSCRIPTION")]


def open_hook(rig: Rig) -> Rig:
    rig.settle()
    rig.give(Listening("webhook", True))
    return rig.run(5.0)


def test_a_subscription_is_made_once_the_address_in_it_is_served() -> None:
    rig = Rig(HOOKED).settle()
    assert subscriptions(rig) == []
    open_hook(rig)
    (made,) = subscriptions(rig)
    (wish,) = made["objectOperations"]
    assert (made["clientName"], wish["callbackUrl"], wish["bearerToken"]) == ("depot-7", HOOK.callback_url, "h00k")


def test_in_3_0_1_each_program_is_subscribed_to() -> None:
    rig = Rig(in_3_0_1(HOOKED))
    programs = {rig.program("a"), rig.program("b")}
    open_hook(rig)
    assert {one["programID"] for one in subscriptions(rig)} == programs
    assert {tuple(one["objectOperations"][0]["operations"]) for one in subscriptions(rig)} == {
        ("POST", "PUT", "DELETE")
    }


def test_the_subscription_of_an_earlier_run_is_replaced_and_a_strangers_left() -> None:
    rig = open_hook(Rig(HOOKED))
    stranger = {
        "clientName": "depot-8",
        "objectOperations": [{"objects": ["EVENT"], "operations": ["CREATE"], "callbackUrl": "https://other.example"}],
    }
    rig.write("POST", "/subscriptions", stranger)
    old = {one["id"] for one in subscriptions(rig) if one["clientName"] == "depot-7"}
    again = open_hook(rig.again())
    mine = {one["id"] for one in subscriptions(again) if one["clientName"] == "depot-7"}
    assert len(mine) == 1
    assert not mine & old
    assert len(subscriptions(again)) == 2


@pytest.mark.parametrize(("status", "made"), [(404, True), (405, False)])
def test_a_stale_subscription_that_is_gone_already_is_as_good_as_deleted(status: int, made: bool) -> None:
    old = open_hook(Rig(HOOKED))
    again = old.again()
    again.trick("status", "/subscriptions/*", method="DELETE", status=status)
    open_hook(again)
    assert (len(again.sent("/subscriptions", "POST")) == 1) is made


def test_a_subscription_that_the_vtn_lost_is_made_again() -> None:
    rig = open_hook(Rig(HOOKED))
    (made,) = subscriptions(rig)
    rig.write("DELETE", f"/subscriptions/{made['id']}")
    rig.run(3700.0)
    assert len(subscriptions(rig)) == 1


def test_one_that_stands_is_left_alone() -> None:
    rig = open_hook(Rig(HOOKED))
    before = subscriptions(rig)
    rig.run(4 * 3600.0)
    assert subscriptions(rig) == before


def test_a_vtn_that_takes_no_subscription_is_polled() -> None:
    rig = Rig(HOOKED)
    rig.trick("status", "/subscriptions", method="POST", status=500)
    open_hook(rig)
    rig.run(600.0)
    assert "subscription" in rig.alarms
    assert len(rig.sent("/events")) >= 9
    rig.honest()
    rig.run(1200.0)
    assert "subscription" not in rig.alarms


@pytest.mark.parametrize("way", ["webhook", "mqtt"])
def test_a_hint_is_looked_into_within_two_seconds(way: str) -> None:
    rig = Rig(HOOKED).settle()
    name = rig.event(rig.program())
    assert rig.events == {}
    rig.give(Hint(way))
    rig.run(2.5)
    assert set(rig.events) == {name}


def test_a_deletion_is_believed_only_when_it_is_not_shown_any_more() -> None:
    rig = Rig(HOOKED)
    name = rig.event(rig.program())
    rig.settle()
    rig.give(Hint("webhook"))
    rig.run(3.0)
    assert set(rig.events) == {name}
    rig.write("DELETE", f"/events/{name}")
    rig.give(Hint("webhook"))
    rig.run(3.0)
    assert rig.events == {}


def test_a_storm_of_hints_is_no_storm_of_requests() -> None:
    rig = Rig(HOOKED).settle()
    before = len(rig.sent("/events"))
    for _ in range(100):
        rig.give(Hint("webhook"))
        rig.run(0.1)
    assert len(rig.sent("/events")) - before <= 12


def test_a_hint_in_the_middle_of_a_round_is_followed_by_another() -> None:
    rig = Rig(HOOKED)
    rig.run(0.22)  # the round is under way
    assert rig.state.round.open
    rig.give(Hint("webhook"))
    rig.run(6.0)
    assert len(rig.sent("/events")) == 2


def test_a_hint_does_not_hammer_a_vtn_that_is_down() -> None:
    rig = Rig(HOOKED).settle()
    rig.down = True
    rig.run(600.0)
    asked = len(rig.asked)
    for _ in range(50):
        rig.give(Hint("webhook"))
    rig.run(10.0)
    assert len(rig.asked) - asked <= 1


def test_polling_slows_down_while_hints_come_and_not_before() -> None:
    rig = open_hook(Rig(HOOKED))
    rig.run(600.0)
    assert max(gaps(rig.sent("/events"))) <= 66.0
    rig.give(Hint("webhook"))
    rig.run(10.0)
    rig.run(3000.0)
    assert 285.0 <= max(gaps(rig.sent("/events"))) <= 315.0


def test_polling_speeds_up_when_the_receiver_goes() -> None:
    rig = open_hook(Rig(HOOKED))
    rig.give(Hint("webhook"))
    rig.run(400.0)
    rig.give(Listening("webhook", False, "port taken"))
    rig.run(600.0)
    assert max(gaps(rig.sent("/events"))[-5:]) <= 66.0
    assert "port taken" in rig.alarms["webhook"]


# The broker


def test_the_broker_is_found_with_its_topics() -> None:
    rig = Rig(replace(TERMS, mqtt=True), broker=MQTT)
    program = rig.program()
    rig.run(10.0)
    (listen,) = rig.listens
    ven = rig.store.all("VEN")[0].id
    assert listen.topics == (f"vens/{ven}/events/+", f"vens/{ven}/programs/+", f"programs/{program}/events/+")
    assert (listen.broker.method, listen.username) == (MqttMethod.OAUTH2_BEARER_TOKEN, "ven-7")
    assert listen.token == rig.state.grant.token
    assert listen.token not in repr(listen)


def test_notifiers_that_answer_500_are_an_alarm_and_polling_goes_on() -> None:
    """The reference VTN does, with MQTT on."""
    rig = Rig(replace(TERMS, mqtt=True), broker=MQTT)
    trick = rig.trick("no-notifiers", "/notifiers")
    rig.run(300.0)
    assert rig.listens == []
    assert "mqtt" in rig.alarms
    assert all(read.complete for read in rig.reads)
    assert len(rig.sent("/notifiers")) <= 6
    rig.desk.tricks.remove(trick)
    rig.run(900.0)
    assert len(rig.listens) == 1


def test_a_vtn_without_a_broker_is_said_once_and_polled() -> None:
    rig = Rig(replace(TERMS, mqtt=True))
    rig.run(600.0)
    assert "names no MQTT broker" in rig.alarms["mqtt"]
    assert len(rig.sent("/notifiers")) == 1


def test_topics_that_are_forbidden_leave_the_others() -> None:
    rig = Rig(replace(TERMS, mqtt=True), broker=MQTT)
    program = rig.program()
    rig.trick("status", "/notifiers/mqtt/topics/vens/*", status=403)
    rig.run(10.0)
    (listen,) = rig.listens
    assert listen.topics == (f"programs/{program}/events/+",)


def test_a_broker_that_goes_is_looked_for_again() -> None:
    rig = Rig(replace(TERMS, mqtt=True), broker=MQTT)
    rig.program()
    rig.run(10.0)
    rig.give(Listening("mqtt", True))
    rig.give(Listening("mqtt", False, "connection reset"))
    assert "connection reset" in rig.alarms["mqtt"]
    rig.run(120.0)
    assert len(rig.listens) == 2
    rig.give(Listening("mqtt", True))
    assert "mqtt" not in rig.alarms


def test_polling_slows_down_as_soon_as_the_broker_is_heard() -> None:
    """It confirms what is subscribed to, which no webhook does. The ceiling is five minutes, a twentieth more or less."""
    rig = Rig(replace(TERMS, mqtt=True), broker=MQTT)
    rig.program()
    rig.run(10.0)
    rig.give(Listening("mqtt", True))
    rig.run(3000.0)
    assert min(gaps(rig.sent("/events"))[1:]) >= 285.0


def test_a_new_program_is_heard_of_too() -> None:
    rig = Rig(replace(TERMS, mqtt=True), broker=MQTT)
    rig.program("a")
    rig.run(10.0)
    new = rig.program("b")
    rig.run(70.0)
    assert f"programs/{new}/events/+" in rig.listens[-1].topics
    older = open_hook(Rig(in_3_0_1(HOOKED)))
    assert subscriptions(older) == []
    program = older.program("a")
    older.run(70.0)
    assert [one["programID"] for one in subscriptions(older)] == [program]


def test_3_0_1_has_no_broker_to_ask_for() -> None:
    rig = Rig(in_3_0_1(mqtt=True))
    rig.run(60.0)
    assert not any("notifiers" in one.url for _, one in rig.asked)
