"""From the file to sessions of both OpenADRs: who answers for what, and what a session is settled by."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.sessions.openadr2b import PushedClient
from gateway.specification import difference, specify
from gateway.tools import Tools
from gateway.wiring import wire
from grid_functions.model.errors import CredentialFault
from grid_functions.model.event import Respondent
from grid_functions.model.policy import OptOut, Vanished
from protocols.openadr2b.client import Client2b
from protocols.openadr2b.session.terms import OptBy
from protocols.openadr3.client import Client3
from protocols.openadr3.session.terms import AuthStyle
from tests.gateway.test_specification import HOST, certificate, kit, loaded
from tests.ports import kept_port

__all__ = ["kit"]


def plain(folder: Path) -> dict[str, Any]:
    """Two sites behind one VEN of 2.0b, the first of them also behind one of 3."""

    def device(name: str, unit: int, role: str) -> dict[str, Any]:
        return {"name": name, "family": "sunspec", "address": f"tcp://{HOST}:502", "unit": unit, "role": role}

    (folder / "secret.txt").write_text("hush\n")
    files = certificate(folder, "ven")
    return {
        "upstreams": [
            {
                "name": "aggregator",
                "protocol": "openadr2b",
                "url": "https://vtn.example/OpenADR2/Simple/2.0b",
                "ven_name": "depot-7",
                "tls": files,
                "signature": files,
                "opt_by": "EiOpt",
                "classes": {"x-Pumps": ["evse"]},
                "serves": [
                    {"site": "house", "resource": "r1"},
                    {"site": "barn", "resource": "r2", "devices": ["pv"]},
                ],
            },
            {
                "name": "supplier",
                "protocol": "openadr3",
                "url": "https://supplier.example/openadr3/3.1.0",
                "ven_name": "depot-7",
                "oauth": {"client_id": "depot", "client_secret": "secret.txt", "style": "basic"},
                "opt_out": "targets",
                "fail_safe": {"import_limit_w": 4000},
                "serves": [{"site": "house"}],
            },
        ],
        "sites": [
            {"name": "house", "devices": [device("pv", 1, "pv"), device("evse", 2, "evse"), device("m", 3, "meter")]},
            {"name": "barn", "devices": [device("pv", 4, "pv"), device("battery", 5, "battery")]},
        ],
    }


R1, R2, WHOLE = Respondent("aggregator", "r1"), Respondent("aggregator", "r2"), Respondent("supplier", "depot-7")


async def test_each_respondent_speaks_for_its_devices_at_its_site(tmp_path: Path, kit: Tools) -> None:
    wired = wire(specify(loaded(tmp_path, plain(tmp_path))), kit)
    assert wired.site_of == {R1: "house", R2: "barn", WHOLE: "house"}
    house, barn = wired.sites["house"].plan, wired.sites["barn"].plan
    assert house.terms.respondents == {R1: frozenset({"pv", "evse"}), WHOLE: frozenset({"pv", "evse"})}
    assert barn.terms.respondents == {R2: frozenset({"pv"})}
    assert set(house.policies) == {R1, WHOLE}
    assert set(house.upstreams) == {"aggregator", "supplier"}
    assert set(barn.upstreams) == {"aggregator"}


async def test_openadr_resumes_and_cancels_what_vanished(tmp_path: Path, kit: Tools) -> None:
    wired = wire(specify(loaded(tmp_path, plain(tmp_path))), kit)
    first, second = wired.sites["house"].plan.policies[R1], wired.sites["house"].plan.policies[WHOLE]
    for policy, respondent in ((first, R1), (second, WHOLE)):
        assert (policy.final, policy.vanished, policy.source.respondent) == (False, Vanished.CANCEL, respondent)
    assert (first.opt_out, second.opt_out) == (OptOut.ALL, OptOut.TARGETS)
    assert (len(first.fail_safe), len(second.fail_safe)) == (0, 1)


async def test_what_the_sessions_are_settled_by(tmp_path: Path, kit: Tools) -> None:
    wired = wire(specify(loaded(tmp_path, plain(tmp_path))), kit)
    aggregator, supplier = wired.upstreams["aggregator"], wired.upstreams["supplier"]
    assert isinstance(aggregator, Client2b)
    assert isinstance(supplier, Client3)
    assert aggregator.terms.opt_by is OptBy.EI_OPT
    assert aggregator.terms.xml_signature
    assert aggregator.terms.classes["EVSE"] == {"evse"}
    assert aggregator.terms.classes["Smart_Inverter"] == {"pv"}
    assert aggregator.terms.classes["x-Pumps"] == {"evse"}
    assert (supplier.terms.auth, supplier.terms.client_secret) == (AuthStyle.BASIC, "hush")
    assert "hush" not in repr(supplier.terms)


async def test_a_renewed_secret_is_a_change_of_its_upstream_and_its_sites(tmp_path: Path) -> None:
    of = plain(tmp_path)
    first = specify(loaded(tmp_path, of))
    (tmp_path / "secret.txt").write_text("other")
    assert difference(first, specify(loaded(tmp_path, of))).changed == ("site house", "upstream supplier")


@pytest.mark.parametrize("text", ["", "two\nlines"])
def test_a_secret_that_is_none_is_told_before_anything_runs(tmp_path: Path, text: str) -> None:
    of = plain(tmp_path)
    (tmp_path / "secret.txt").write_text(text)
    with pytest.raises(CredentialFault, match=r"supplier.*one line, the secret"):
        specify(loaded(tmp_path, of))


def test_a_key_that_does_not_fit_is_told(tmp_path: Path) -> None:
    of = plain(tmp_path)
    of["upstreams"][0]["signature"] = {**of["upstreams"][0]["tls"], "key": certificate(tmp_path, "other")["key"]}
    with pytest.raises(CredentialFault, match="aggregator"):
        specify(loaded(tmp_path, of))


async def test_a_ven_that_is_pushed_to_listens_while_its_session_is_held(tmp_path: Path, kit: Tools) -> None:
    of = plain(tmp_path)
    del of["upstreams"][0]["tls"], of["upstreams"][0]["signature"]
    address = "http://ven.example/OpenADR2/Simple/2.0b"
    port = kept_port()
    push = {"address": address, "port": port}
    of["upstreams"][0] |= {"url": "http://127.0.0.1:9/OpenADR2/Simple/2.0b", "push": push}
    client = wire(specify(loaded(tmp_path, of)), kit).upstreams["aggregator"]
    assert isinstance(client, PushedClient)
    assert client.terms.push_address == address
    session = asyncio.create_task(client.run(lambda read: None))
    for _ in range(1000):
        if client.held:
            break
        await asyncio.sleep(0.01)
    async with aiohttp.request("GET", f"http://127.0.0.1:{port}/OpenADR2/Simple/2.0b/EiEvent") as answer:
        assert answer.status == 501  # a wrong method, says the profile (clause 9)
    session.cancel()
    await asyncio.gather(session, return_exceptions=True)
    assert not client.held
