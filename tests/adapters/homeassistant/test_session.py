"""One connection as a machine: greeting, loading, changes, pings."""

import json
from typing import Any

from adapters.homeassistant.listing import listed
from adapters.homeassistant.messages import Call
from adapters.homeassistant.session import ANSWER_S, PING_S, Phase, Session
from grid_functions.model.device import Role
from tests.adapters.homeassistant.stage import changed, hall, load, state

GREETING = '{"type": "auth_required", "ha_version": "2025.4.4"}'
OK = '{"type": "auth_ok", "ha_version": "2025.4.4"}'


def test_the_token_is_said_once_and_ids_rise_from_one() -> None:
    made = Session("secret", None)
    assert [json.loads(one) for one in made.received(GREETING, 0.0)] == [{"type": "auth", "access_token": "secret"}]
    asked = [json.loads(one) for one in made.received(OK, 0.0)]
    assert [one["id"] for one in asked] == list(range(1, len(asked) + 1))
    kinds = [one["type"] for one in asked]
    assert kinds.index("subscribe_events") < kinds.index("get_states")
    assert "secret" not in "".join(map(str, asked))
    assert json.loads(made.call(Call("a", "b", "c.d"), lambda _: None, 0.0))["id"] == len(asked) + 1


def test_a_refused_token_ends_it() -> None:
    made = Session("secret", None)
    made.received(GREETING, 0.0)
    assert made.received('{"type": "auth_invalid", "message": "Invalid access token or password"}', 0.0) == ()
    assert (made.phase, made.why) == (Phase.REFUSED, "refuses the token: Invalid access token or password")
    made.closed("hung up")
    assert made.phase is Phase.REFUSED


def test_who_speaks_before_the_greeting_is_no_home_assistant() -> None:
    made = Session("secret", None)
    assert made.received('{"id": 1, "type": "result", "success": true}', 0.0) == ()
    assert made.phase is Phase.BROKEN


def test_a_change_that_comes_before_the_list_is_newer_than_it() -> None:
    made = Session("t", None)
    made.received(GREETING, 0.0)
    asked = {json.loads(one)["type"]: json.loads(one)["id"] for one in made.received(OK, 0.0)}
    made.received(changed(hall(18.0)), 0.0)
    answer = {"id": asked["get_states"], "type": "result", "success": True, "result": [hall(20.5), 3, {}]}
    made.received(json.dumps(answer), 0.0)
    assert made.states["climate.hall"].attributes["temperature"] == 18.0


def test_a_house_that_tells_no_unit_of_temperature_is_not_used() -> None:
    made = Session("t", None)
    made.received(GREETING, 0.0)
    asked = {json.loads(one)["type"]: json.loads(one)["id"] for one in made.received(OK, 0.0)}
    made.received(json.dumps({"id": asked["get_config"], "type": "result", "success": True, "result": {}}), 0.0)
    assert made.phase is Phase.BROKEN


def test_states_that_are_refused_end_it_and_registries_that_are_do_not() -> None:
    for kind, phase in (("get_states", Phase.BROKEN), ("config/area_registry/list", Phase.LOADING)):
        made = Session("t", None)
        made.received(GREETING, 0.0)
        asked = {json.loads(one)["type"]: json.loads(one)["id"] for one in made.received(OK, 0.0)}
        error = {"id": asked[kind], "type": "result", "success": False, "error": {"code": "unauthorized"}}
        made.received(json.dumps(error), 0.0)
        assert made.phase is phase


def test_only_what_matters_is_kept_and_nonsense_harms_nothing() -> None:
    made = Session("t", frozenset({"climate.hall"}))
    load(made, [hall(), state("light.a", "on")])
    made.received(changed(state("light.b", "on")), 1.0)
    made.received("nonsense", 2.0)
    made.received('{"id": 99, "type": "result", "success": true, "result": 3}', 3.0)
    assert made.taken() == frozenset()
    made.received(changed(hall(18.0)), 4.0)
    assert made.taken() == {"climate.hall"}
    assert made.taken() == frozenset()
    assert set(made.states) == {"climate.hall"}
    assert made.phase is Phase.READY


def test_an_entity_that_went_and_comes_back_may_be_of_another_device_and_everything_is_asked_anew() -> None:
    """Somebody gives the name of a plug that broke to another one: its registries were told before."""
    plug = "switch.pump"
    made = Session("t", frozenset({plug, "climate.hall"}))
    load(made, [state(plug, "on"), hall()], entities=[{"entity_id": plug, "device_id": "d"}])
    phases = []
    for said in (
        changed(None, plug),
        changed(hall(18.0)),
        changed(state("light.new", "on")),
        changed(state(plug, "on")),
    ):
        made.received(said, 1.0)
        phases.append(made.phase)
    assert phases == [Phase.READY, Phase.READY, Phase.READY, Phase.BROKEN]
    assert plug in made.why


def test_it_is_pinged_and_a_deaf_one_is_hung_up_on() -> None:
    made = Session("t", None)
    load(made, [])
    assert made.due(PING_S - 0.1) == ()
    (ping,) = made.due(PING_S)
    assert json.loads(ping)["type"] == "ping"
    made.received(json.dumps({"id": json.loads(ping)["id"], "type": "pong"}), PING_S + 1.0)
    assert made.heard_s == PING_S + 1.0
    made.due(2 * PING_S)
    made.due(2 * PING_S + ANSWER_S + 0.1)
    assert made.phase is Phase.BROKEN


def test_a_call_without_an_answer_is_given_up_and_so_is_one_of_a_connection_that_ends() -> None:
    told: list[str] = []
    made = Session("t", None)
    load(made, [])
    made.call(Call("a", "b", "c.d"), told.append, 0.0)
    for second in range(int(ANSWER_S) + 2):
        for text in made.due(float(second)):
            made.received(json.dumps({"id": json.loads(text)["id"], "type": "pong"}), float(second))
    assert told == ["no answer in time"]
    made.call(Call("a", "b", "c.d"), told.append, 30.0)
    made.closed("hung up")
    assert told[1:] == ["hung up"]


def test_what_could_be_a_device_is_listed_with_its_area_and_its_own_power_sensor() -> None:
    made = Session("t", None)
    registries: dict[str, Any] = {
        "entities": [
            {"entity_id": "climate.hall", "device_id": "d", "area_id": None},
            {"entity_id": "sensor.hall_power", "device_id": "d", "area_id": None},
            {"entity_id": "switch.pump", "device_id": None, "area_id": "cellar"},
        ],
        "devices": [{"id": "d", "area_id": "living", "manufacturer": "Acme", "model": "T"}],
        "areas": [{"area_id": "living", "name": "Living"}, {"area_id": "cellar", "name": "Cellar"}, 3],
    }
    power = {"unit_of_measurement": "W", "device_class": "power"}
    states = [hall(), state("sensor.hall_power", "1", **power), state("switch.pump", "on"), state("light.a", "on")]
    load(made, states, **registries)
    assert [(one.area, one.entity, one.role, one.power, one.plate.maker) for one in listed(made)] == [
        ("Cellar", "switch.pump", Role.LOAD, "", ""),
        ("Living", "climate.hall", Role.LOAD, "sensor.hall_power", "Acme"),
        ("Living", "sensor.hall_power", Role.METER, "", "Acme"),
    ]
