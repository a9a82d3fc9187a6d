"""Security profiles 2 and 3 over real TLS: who is let in, and who is not."""

import ssl
from pathlib import Path

import pytest
from aiohttp import ClientError, WSServerHandshakeError

from adapters.ocpp.access import Access, SecurityProfile, certified, fault_of_hash, password_of
from certs.errors import CertificateError
from certs.tls import TlsFiles, ocpp_server_context
from grid_functions.model.setpoint import Setpoint
from tests.adapters.ocpp.authority import Authority
from tests.adapters.ocpp.house import QUICK, site
from tests.adapters.ocpp.peers import socket_to, station_at

PASSWORD = b"correct horse battery"


async def test_profile_2_is_tls_and_a_password(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = ocpp_server_context(authority.issue("gateway"), certificates=False)
    access = Access(SecurityProfile.TLS_BASIC, {"CP-1": QUICK.hash(PASSWORD)})
    async with site(access, context) as house:
        port = house.central.port
        async with station_at(port, "ocpp2.0.1", password=PASSWORD, context=authority.client()) as station:
            await station.introduce()
            house.charger.want(Setpoint("evse-1", 3, current_max_a=10.0))
            await house.shows(10.0, 3)
        with pytest.raises(WSServerHandshakeError) as refused:
            async with socket_to(port, password=b"wrong horse battery", context=authority.client()):
                pass
        assert refused.value.status == 401
        with pytest.raises(ClientError):
            async with socket_to(port, password=PASSWORD):  # without TLS
                pass


async def test_profile_3_is_tls_with_the_stations_own_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = ocpp_server_context(authority.issue("gateway"), certificates=True)
    async with site(Access(SecurityProfile.TLS_CERTIFICATE), context) as house:
        port = house.central.port
        mine = authority.client(authority.issue("CP-1"))
        async with station_at(port, "ocpp1.6", context=mine) as station:
            await station.introduce()
            house.charger.want(Setpoint("evse-1", 3, current_max_a=10.0))
            await house.shows(10.0, 3)
        with pytest.raises(WSServerHandshakeError) as refused:
            async with socket_to(port, context=authority.client(authority.issue("CP-9"))):
                pass
        assert refused.value.status == 401
        stranger = Authority(tmp_path, "stranger").issue("CP-1")
        for context_ in (authority.client(), authority.client(stranger)):
            with pytest.raises((ClientError, ConnectionError)):
                async with socket_to(port, context=context_):
                    pass


async def test_old_tls_is_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = ocpp_server_context(authority.issue("gateway"), certificates=False)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    names = {suite["name"] for suite in context.get_ciphers() if suite["protocol"] == "TLSv1.2"}
    # The suites that the standard demands of a central system (2.0.1 part 2, A00.FR.318 and 319).
    assert {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"} <= names
    assert {"AES128-GCM-SHA256", "AES256-GCM-SHA384"} <= names


def test_files_that_do_not_belong_together_are_told(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    one, other = authority.issue("one"), authority.issue("other")
    with pytest.raises(CertificateError, match="key"):
        ocpp_server_context(TlsFiles(one.certificate, other.key, one.ca), certificates=False)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic !!!",
        "Bearer Q1AtMTpwdw==",
        "Basic Q1AtMQ==",  # CP-1 without a colon
        "Basic Q1AtMjpwdw==",  # CP-2:pw
        "Basic " + "A" * 2000,
        "Basic Q1At\nMTpwdw==",
        "Basic \xe9",
    ],
)
def test_what_is_no_authorisation_of_this_station(header: str | None) -> None:
    assert password_of(header, "CP-1") is None


def test_a_password_may_hold_colons_and_any_bytes() -> None:
    assert password_of("basic Q1AtMTphOmL/", "CP-1") == b"a:b\xff"


def test_a_certificate_is_its_common_names_station_and_no_others() -> None:
    subject = ((("organizationName", "CP-1"),), (("commonName", "CP-2"),))
    assert certified({"subject": subject}, "CP-2")
    assert not certified({"subject": subject}, "CP-1")
    assert not certified({}, "")
    assert not certified(None, "CP-1")


@pytest.mark.parametrize("text", ["", "secret", "$argon2i$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA", "$argon2id$", "$2b$12$abc"])
def test_a_password_in_plain_is_no_hash(text: str) -> None:
    assert "osed ocpp hash" in fault_of_hash(text)
    assert fault_of_hash(QUICK.hash("x")) == ""
