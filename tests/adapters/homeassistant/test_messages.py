"""Messages as developers.home-assistant.io shows them, and everything else refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.homeassistant import messages
from adapters.homeassistant.messages import AuthInvalid, AuthOk, AuthRequired, Call, Changed, Other, Pong, Result, State
from adapters.knobs import units
from grid_functions.model.errors import MalformedMessage
from tests.adapters.homeassistant.stage import changed, state


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"type": "auth_required", "ha_version": "2021.5.3"}, AuthRequired()),
        ({"type": "auth_ok", "ha_version": "2021.5.3"}, AuthOk("2021.5.3")),
        ({"type": "auth_invalid", "message": "Invalid password"}, AuthInvalid("Invalid password")),
        ({"id": 19, "type": "pong"}, Pong(19)),
        ({"id": 6, "type": "result", "success": True, "result": {"a": 1}}, Result(6, {"a": 1})),
        (
            {
                "id": 12,
                "type": "result",
                "success": False,
                "error": {"code": "invalid_format", "message": "Message incorrectly"},
            },
            Result(12, None, "invalid_format: Message incorrectly"),
        ),
        ({"id": 12, "type": "result", "success": False}, Result(12, None, "refused without a reason")),
        ({"id": 18, "type": "event", "event": {"event_type": "call_service"}}, Other()),
        ({"type": "something_new"}, Other()),
    ],
)
def test_what_the_documentation_shows(said: dict[str, Any], meant: messages.Message) -> None:
    assert messages.read(json.dumps(said)) == meant


def test_a_change_and_a_removal() -> None:
    light = state("light.bed_light", "on", "u", rgb_color=[254, 208, 0])
    assert messages.read(changed(light)) == Changed(
        "light.bed_light", State("light.bed_light", "on", {"rgb_color": [254, 208, 0]}, "u")
    )
    assert messages.read(changed(None, "light.bed_light")) == Changed("light.bed_light", None)


def test_what_is_said() -> None:
    assert json.loads(messages.auth("ABC")) == {"type": "auth", "access_token": "ABC"}
    call = Call("light", "turn_on", "light.kitchen", {"color_name": "beige"})
    assert json.loads(messages.call_service(24, call)) == {
        "id": 24,
        "type": "call_service",
        "domain": "light",
        "service": "turn_on",
        "service_data": {"color_name": "beige"},
        "target": {"entity_id": "light.kitchen"},
    }


@pytest.mark.parametrize(
    "said",
    [
        "",
        "nonsense",
        "[]",
        "3",
        "{}",
        '{"type": 3}',
        '{"type": "result", "success": true}',
        '{"id": true, "type": "pong"}',
        '{"id": -1, "type": "pong"}',
        '{"id": 1.5, "type": "pong"}',
        '{"id": 1, "type": "result", "success": true, "result": NaN}',
        '{"id": 1, "type": "event", "event": {"event_type": "state_changed", "data": {}}}',
        '{"id": 1, "type": "event", "event": {"event_type": "state_changed"}}',
        changed({**state("climate.a", "heat"), "entity_id": "../../x"}, "../../x"),
        changed({**state("climate.a", "x" * 256)}),
        changed({**state("climate.a", "heat"), "attributes": []}),
        changed(state("climate.b", "heat"), "climate.a"),
        "[" * 200_000,
        '{"type":"result","id":1,"success":true,"result":' + "[" * 100_000 + "]" * 100_000 + "}",
    ],
)
def test_what_is_malformed_is_refused(said: str) -> None:
    with pytest.raises(MalformedMessage):
        messages.read(said)


@pytest.mark.parametrize("said", ["nan", "inf", "-inf", "1e999", "", "on", None, True, [], {}])
def test_what_is_no_number(said: object) -> None:
    assert units.number(said) is None


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "type", "event", "data"]), inner, max_size=3)
    ),
    max_leaves=8,
)
KINDS = st.sampled_from(["auth_required", "auth_ok", "auth_invalid", "result", "event", "pong", "x"])


@given(KINDS, st.dictionaries(st.sampled_from(["id", "success", "result", "error", "event", "message"]), PLAIN))
def test_whatever_comes_is_a_message_or_refused(kind: str, rest: dict[str, Any]) -> None:
    try:
        told = messages.read(json.dumps({**rest, "type": kind}))
    except MalformedMessage:
        return
    assert isinstance(told, AuthRequired | AuthOk | AuthInvalid | Result | Pong | Changed | Other)
