"""A gateway that runs, in front of a simulated house, driven over HTTP as OSED's Grid Intelligence would."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.gateway.api.osed.stage import HASH, SECRET
from tests.gateway.command import osed
from tests.gateway.test_appliance import PLAN, answer, configuration, line_with, process, settings


def asked(url: str, body: Any, token: str) -> tuple[int, Any]:
    """One POST, with the standard library alone."""
    request = urllib.request.Request(  # noqa: S310  # loopback, from the gateway's own log
        url, json.dumps(body).encode(), {"Authorization": f"Bearer {token}"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310  # as above
            return response.status, json.load(response)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def test_a_program_limits_a_simulated_house_over_http(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with process("adapters.simulator", "--plan", json.dumps(PLAN), "--until-eof") as simulator:
        assert simulator.stdout is not None
        devices = settings(json.loads(simulator.stdout.readline())["devices"])
        config = configuration(tmp_path, devices)
        plain = yaml.safe_load(config.read_text())
        tokens = [{"name": "intelligence", "area": "feeder", "hash": HASH}]
        plain["gateway"]["api"] = {"listen": "127.0.0.1:0", "tokens": tokens}
        plain["areas"] = [{"name": "feeder", "sites": ["house"], "functions": {"schedule": {}}}]
        config.write_text(yaml.safe_dump(plain))
        with process("gateway", "run", "--config", str(config)) as gateway:
            (at,) = line_with(gateway.stderr, "listening")["at"]
            line_with(gateway.stderr, "running")
            url = f"http://{at}/direct_control/power_limit"
            assert asked(url, {"limit": 7.5}, "intelligence.wrong")[0] == 401
            status, told = asked(url, {"limit": 7.5}, f"intelligence.{SECRET}")
            assert (status, told["holds"]["limit_kw"]) == (200, 7.5)
            for _ in range(200):
                held = [one for one in answer(capsys, config, "events") if one["source"] == "area/feeder"]
                if held:
                    break
            assert [one["control"] for one in held] == [{"mode": "import_limit", "limit_w": 7500.0}]
            rows = {one["name"]: one for one in answer(capsys, config, "functions", "list")}
            assert rows["schedule"]["runs_at"] == ["feeder"]


def test_a_token_is_made_with_the_hash_that_knows_it(capsys: pytest.CaptureFixture[str]) -> None:
    from argon2 import PasswordHasher

    code, out, _ = osed(capsys, "api", "token", "intelligence", "--area", "feeder", "--json")
    assert code == 0
    told = json.loads(out)
    name, _, secret = told["token"].partition(".")
    assert (name, told["area"]) == ("intelligence", "feeder")
    assert PasswordHasher().verify(told["hash"], secret)
