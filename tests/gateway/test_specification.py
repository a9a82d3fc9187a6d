"""Parts of equal specification are the same part: a reload keeps them as they run."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from certs import dev_ca
from gateway.clock import SystemClock, SystemDice
from gateway.config.load import Loaded, load
from gateway.ledger.book import open_ledger
from gateway.ledger.codec import Codec
from gateway.log.book import Log
from gateway.sessions.ieee2030_5 import terms_of
from gateway.specification import difference, specify
from gateway.tools import Tools
from gateway.wiring import DURABLE, FAMILIES, tools, wire
from grid_functions.model.errors import ConfigurationFault, CredentialFault
from protocols.ieee2030_5.client import Client2030_5
from protocols.ieee2030_5.session.terms import Profile

HOST = "192.0.2.1"


def certificate(folder: Path, name: str) -> dict[str, str]:
    """A chain of its own authority, as a configuration names it, in place of any of that name."""
    for old in folder.glob(f"{name}.*"):
        old.unlink()
    issuer = dev_ca.authority(name, datetime.now(UTC))
    paths = dev_ca.write(dev_ca.issue(issuer, name, datetime.now(UTC)), folder, name)
    return {"certificate": str(paths.chain), "key": str(paths.key), "ca": str(paths.root)}


def plain(folder: Path) -> dict[str, Any]:
    """Two sites, one of them served."""

    def device(name: str, port: int, unit: int, role: str) -> dict[str, Any]:
        return {"name": name, "family": "sunspec", "address": f"tcp://{HOST}:{port}", "unit": unit, "role": role}

    return {
        "upstreams": [
            {
                "name": "utility",
                "protocol": "ieee2030_5",
                "url": "https://utility.example/dcap",
                "tls": certificate(folder, "gateway"),
                "serves": [{"site": "house"}],
            }
        ],
        "sites": [
            {"name": "house", "devices": [device("pv", 502, 1, "pv"), device("meter", 502, 240, "meter")]},
            {"name": "barn", "devices": [device("pv", 503, 1, "pv")]},
        ],
    }


def loaded(folder: Path, of: dict[str, Any]) -> Loaded:
    (folder / "osed.yaml").write_text(yaml.safe_dump(of))
    return load(folder / "osed.yaml", FAMILIES)


@pytest.fixture
async def kit(tmp_path: Path) -> Any:
    opened = open_ledger(tmp_path / "ledger.db", Codec(DURABLE))
    log = Log(tmp_path / "log.db", time.time)
    yield await tools(SystemClock(), SystemDice(), opened.ledger, log)
    log.close()
    opened.ledger.close()


async def test_the_same_configuration_keeps_every_part(tmp_path: Path, kit: Tools) -> None:
    of = plain(tmp_path)
    before = wire(specify(loaded(tmp_path, of)), kit)
    after = wire(specify(loaded(tmp_path, of)), kit, before)
    assert after.sites["house"] is before.sites["house"]
    assert after.upstreams["utility"] is before.upstreams["utility"]
    assert dict(after.drivers) == dict(before.drivers)
    assert dict(after.links) == dict(before.links)


async def test_a_changed_device_takes_its_site_along_and_nobody_else(tmp_path: Path, kit: Tools) -> None:
    of = plain(tmp_path)
    first = specify(loaded(tmp_path, of))
    before = wire(first, kit)
    of["sites"][0]["devices"][0]["poll_s"] = 2.0
    second = specify(loaded(tmp_path, of))
    after = wire(second, kit, before)
    told = difference(first, second)
    assert told.changed == ("device house/pv", "site house")
    assert told.kept == ("device barn/pv", "device house/meter", "site barn", "upstream utility")
    assert after.drivers["house", "pv"] is not before.drivers["house", "pv"]
    assert after.drivers["house", "meter"] is before.drivers["house", "meter"]
    assert after.sites["barn"] is before.sites["barn"]
    assert after.upstreams["utility"] is before.upstreams["utility"]
    assert after.sites["house"].plan.devices["meter"] is before.drivers["house", "meter"]
    # They share a socket, which stays open.
    assert dict(after.links) == dict(before.links)


@pytest.mark.parametrize(("key", "value"), [("timeout_s", 1.0), ("min_gap_s", 0.1)], ids=["timeout", "gap"])
async def test_a_socket_of_other_manners_is_another_socket(tmp_path: Path, kit: Tools, key: str, value: float) -> None:
    of = plain(tmp_path)
    before = wire(specify(loaded(tmp_path, of)), kit)
    of["sites"][0]["devices"][0][key] = value
    after = wire(specify(loaded(tmp_path, of)), kit, before)
    assert after.drivers["house", "meter"] is not before.drivers["house", "meter"]
    assert after.drivers["barn", "pv"] is before.drivers["barn", "pv"]
    assert len(after.links) == 2


async def test_a_renewed_certificate_under_the_same_name_is_a_change(tmp_path: Path) -> None:
    of = plain(tmp_path)
    first = specify(loaded(tmp_path, of))
    certificate(tmp_path, "gateway")
    told = difference(first, specify(loaded(tmp_path, of)))
    assert told.changed == ("site house", "upstream utility")


async def test_a_policy_is_its_sites_too(tmp_path: Path) -> None:
    of = plain(tmp_path)
    first = specify(loaded(tmp_path, of))
    of["upstreams"][0]["fail_safe"] = {"export_limit_w": 0}
    assert difference(first, specify(loaded(tmp_path, of))).changed == ("site house", "upstream utility")


async def test_how_changes_move_and_what_is_bridged_reaches_the_policy(tmp_path: Path, kit: Tools) -> None:
    of = plain(tmp_path)
    client = wire(specify(loaded(tmp_path, of)), kit).upstreams["utility"]
    usual = client.policy(client.respondents[0])
    assert (usual.gradient_pct_per_s, usual.hold_over_s) == (None, 0.0)
    of["upstreams"][0] |= {"default_gradient_pct_per_s": 0.28, "hold_over_s": 5}
    client = wire(specify(loaded(tmp_path, of)), kit).upstreams["utility"]
    told = client.policy(client.respondents[0])
    assert (told.gradient_pct_per_s, told.hold_over_s) == (0.28, 5.0)


def test_an_upstream_knows_what_its_devices_are(tmp_path: Path) -> None:
    """PV (bit 21) under an energy manager (bit 14); a charger (bit 17) that joins is a change of the upstream."""
    of = plain(tmp_path)
    first = specify(loaded(tmp_path, of))
    assert terms_of(first.upstreams["utility"]).device_category == 1 << 14 | 1 << 21
    of["sites"][0]["devices"].append({**of["sites"][0]["devices"][0], "name": "evse", "unit": 2, "role": "evse"})
    second = specify(loaded(tmp_path, of))
    assert terms_of(second.upstreams["utility"]).device_category == 1 << 14 | 1 << 17 | 1 << 21
    assert "upstream utility" in difference(first, second).changed


async def test_what_is_named_no_longer_is_gone(tmp_path: Path, kit: Tools) -> None:
    of = plain(tmp_path)
    first = specify(loaded(tmp_path, of))
    before = wire(first, kit)
    of["upstreams"] = []
    del of["sites"][1]
    second = specify(loaded(tmp_path, of))
    assert difference(first, second).removed == ("device barn/pv", "site barn", "upstream utility")
    after = wire(second, kit, before)
    assert (set(after.sites), set(after.upstreams), set(after.site_of)) == ({"house"}, set(), set())
    assert set(after.drivers) == {("house", "pv"), ("house", "meter")}
    assert set(kit.clock.now().upstream) == set()


def test_a_key_that_does_not_fit_is_told_before_anything_changes(tmp_path: Path) -> None:
    of = plain(tmp_path)
    of["upstreams"][0]["tls"]["key"] = certificate(tmp_path, "other")["key"]
    with pytest.raises(CredentialFault, match="upstream utility"):
        specify(loaded(tmp_path, of))


async def test_connection_point_and_enterprise_number_reach_the_session(tmp_path: Path, kit: Tools) -> None:
    of = plain(tmp_path)
    of["upstreams"][0] |= {
        "profile": "csip-aus-1.1",
        "serves": [{"site": "house", "nmi": "4102335210", "pen": 64000, "pin": 111115}],
    }
    client = wire(specify(loaded(tmp_path, of)), kit).upstreams["utility"]
    assert isinstance(client, Client2030_5)
    terms = client.terms
    assert (terms.nmi, terms.pen, terms.pin, terms.profile) == ("4102335210", 64000, 111115, Profile.CSIP_AUS)


def test_a_bus_is_as_gentle_as_its_most_delicate_device(tmp_path: Path) -> None:
    """A Heidelberg charger wants 0.1 s between requests, and anything on a bus half a second for an answer."""
    bus = "serial:///dev/ttyUSB0?baud=19200&parity=E"

    def on(address: str, name: str, family: str, unit: int, **more: object) -> dict[str, Any]:
        return {"name": name, "family": family, "address": address, "unit": unit, "role": "evse", **more}

    of = plain(tmp_path)
    of["sites"][1]["devices"] = [
        on(bus, "meter", "eastron-sdm630", 1, role="meter"),
        on(bus, "evse", "heidelberg-energy-control", 2),
        on("tcp://192.0.2.2:502", "other", "peblar", 255),
        on("tls://192.0.2.3", "safe", "peblar", 255, tls=certificate(tmp_path, "device")),
    ]
    specs = {each.settings.name: each.link for each in specify(loaded(tmp_path, of)).sites["barn"].devices}
    assert specs["meter"] is specs["evse"]
    assert (specs["evse"].min_gap_s, specs["evse"].timeout_s) == (0.1, 0.5)
    assert (specs["other"].min_gap_s, specs["other"].timeout_s) == (0.0, 3.0)
    assert (specs["safe"].address.port, specs["safe"].files is not None) == (802, True)


def test_tls_belongs_to_tls_addresses(tmp_path: Path) -> None:
    of = plain(tmp_path)
    of["sites"][1]["devices"][0] |= {"address": "tls://192.0.2.3:802"}
    with pytest.raises(ConfigurationFault, match="needs tls"):
        loaded(tmp_path, of)
    of["sites"][1]["devices"][0] |= {"tls": {"certificate": "lost.pem", "key": "lost.key", "ca": "lost.ca"}}
    with pytest.raises(ConfigurationFault, match="no such file"):
        loaded(tmp_path, of)
