"""osed area on the command line: what is asked of the gateway, and what is told of its answers."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import area
from tests.gateway.command import osed

FEEDER = {"name": "feeder-12", "members": ["house-1"], "functions": {}, "told": {"tariff": {"flat": [1.5]}}}
ORDERED = {"ordered": "thermostat", "alarms": ["value_c is 99: give 5 to 35"]}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, Any]]:
    """What the gateway is asked, in order; it has one area."""
    calls: list[tuple[str, str, Any]] = []

    def call(config: Path, method: str, route: str, body: Any = None) -> Any:
        calls.append((method, route, body))
        return [FEEDER] if method == "GET" else ORDERED if route == "/areas/order" else FEEDER

    monkeypatch.setattr(area, "call", call)
    return calls


def test_an_area_is_made_with_functions_and_a_connection(
    asked: list[tuple[str, str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = ["--function", "xor_market: {wanted_kw: 8}", "--function", "division", "--connection", "station"]
    wanted += ["--function", "of_a_package: {share: 0.5}"]
    code, out, _ = osed(capsys, "area", "create", "feeder-12", "--site", "house-1", *wanted)
    assert (code, out.strip()) == (0, "feeder-12: house-1; runs no function yet")
    functions = {"xor_market": {"wanted_kw": 8}, "division": {}}
    # What is none of ours is a plug-in.
    plug_ins = {"of_a_package": {"share": 0.5}}
    body = {
        "name": "feeder-12",
        "sites": ["house-1"],
        "functions": functions,
        "plug_ins": plug_ins,
        "connection": "station",
    }
    assert asked == [("POST", "/areas/create", body)]


def test_an_order_carries_its_options(asked: list[tuple[str, str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    order = ["direct_load_control", "thermostat", "{value_c: 18, duration_s: 3600}"]
    code, out, _ = osed(capsys, "area", "order", "feeder-12", *order)
    assert code == 0
    assert "value_c is 99" in out
    ((_, route, body),) = asked
    assert route == "/areas/order"
    assert body["options"] == {"value_c": 18, "duration_s": 3600}


@pytest.mark.parametrize("options", ["18", "{value_c: [}", "{value_c: 2026-01-01}"])
def test_options_that_are_none_are_told_before_the_gateway_is_asked(
    options: str, asked: list[tuple[str, str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, error = osed(capsys, "area", "order", "feeder-12", "tariff", "begin", options)
    assert code == 1
    assert "write '{option: value}'" in error
    assert asked == []


def test_what_functions_tell_is_shown_to_people_and_programs(
    asked: list[tuple[str, str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = osed(capsys, "area", "show", "feeder-12")
    assert "flat" in out
    _, out, _ = osed(capsys, "area", "show", "feeder-12", "--json")
    assert json.loads(out) == FEEDER
    code, _, error = osed(capsys, "area", "show", "feeder-13")
    assert code == 1
    assert "osed area list" in error
