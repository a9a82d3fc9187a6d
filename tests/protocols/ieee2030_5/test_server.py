"""The listening server: TLS and identity, HTTP as field clients need it, the operator's door, restarts."""

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapters.doorway import Doorway
from certs import tls
from certs.identity import sfdi
from grid_functions.model.errors import ConfigurationFault, LedgerUnavailable, Unreachable
from protocols.ieee2030_5.archive import FileStore, Forgetful
from protocols.ieee2030_5.server import UtilityServer, UtilityServerSettings, running, serve
from tests.protocols.ieee2030_5.desk.talk import check
from tests.protocols.ieee2030_5.lab import TOKEN, Authority, Told, lfdi_of, server
from tests.protocols.ieee2030_5.lines import IN_TIME_S, Got, Line, line_to, request


@dataclass
class Site:
    """A device with its certificate at a running server that knows it."""

    utility: UtilityServer
    context: ssl.SSLContext
    lfdi: str

    def line(self) -> AbstractAsyncContextManager[Line]:
        return line_to(self.utility.port, self.context)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    folder = tmp_path / "certificates"
    folder.mkdir()
    return Authority(folder)


@pytest.fixture
async def site(authority: Authority) -> AsyncIterator[Site]:
    files = authority.files("device")
    lfdi = authority.identity(files).lfdi
    async with server(authority) as utility:
        await utility.admin("POST", "/devices", {"lfdi": lfdi})
        yield Site(utility, tls.client_context(files), lfdi)


@pytest.mark.parametrize(
    ("ciphers", "name"), [(["CCM8"], "ECDHE-ECDSA-AES128-CCM8"), (["GCM"], "ECDHE-ECDSA-AES128-GCM-SHA256")]
)
async def test_the_peers_certificate_is_its_name(authority: Authority, ciphers: list[str], name: str) -> None:
    alice, bob = authority.files("alice"), authority.files("bob")
    async with server(authority) as utility:
        for files in (alice, bob):
            await utility.admin("POST", "/devices", {"lfdi": authority.identity(files).lfdi})
        for files in (alice, bob):
            async with line_to(utility.port, tls.client_context(files, ciphers)) as line:
                cipher = line.writer.get_extra_info("cipher")
                assert cipher[:2] == (name, "TLSv1.2")
                line.send(request("GET", "/edev?l=9"))
                found = await line.receive()
                assert f"<lFDI>{authority.identity(files).lfdi}</lFDI>".encode() in found.body
                assert found.body.count(b"<EndDevice ") == 1


async def test_a_certificate_of_another_authority_gets_no_further_than_the_handshake(
    authority: Authority, tmp_path: Path
) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    stranger = Authority(foreign).files("stranger")
    ours = authority.files("ours")
    context = tls.client_context(tls.TlsFiles(stranger.certificate, stranger.key, ours.ca))
    async with server(authority) as utility:
        with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
            await first_answer(utility.port, context)


async def first_answer(port: int, context: ssl.SSLContext) -> Got:
    async with line_to(port, context) as line:
        line.send(request("GET", "/dcap"))
        return await line.receive()


async def test_pipelined_requests_are_answered_in_order_each_with_its_length(site: Site) -> None:
    async with site.line() as line:
        paths = ["/dcap", "/nowhere", "/tm", "/edev?l=1", "/edev?l=x", "/edev/1/der?l=1", "/dcap"] * 3
        line.send(*(request("GET", path) for path in paths))
        answers = [await line.receive() for _ in paths]
    assert [one.status for one in answers] == [200, 404, 200, 200, 400, 200, 200] * 3
    for one in answers:
        assert int(one.headers["content-length"]) == len(one.body)
        assert "transfer-encoding" not in one.headers
        if one.body:
            assert one.headers["content-type"] == "application/sep+xml"
            check(one.body)
    assert answers[0].body == answers[6].body != answers[2].body


async def test_a_length_with_trailing_spaces_is_understood(site: Site) -> None:
    body = b"<LogEvent/>"
    async with site.line() as line:
        line.send(
            b"POST /edev/1/lel HTTP/1.1\r\nHost: utility  \r\nContent-Length: 11   \r\n\r\n" + body,
            request("GET", "/tm"),
        )
        assert [(await line.receive()).status for _ in range(2)] == [400, 200]


async def test_head_has_the_headers_of_get_and_no_body(site: Site) -> None:
    async with site.line() as line:
        line.send(request("GET", "/dcap"), request("HEAD", "/dcap"), request("GET", "/dcap"))
        got, head, again = await line.receive(), await line.receive(head=True), await line.receive()
    assert head.headers["content-length"] == got.headers["content-length"] == str(len(again.body))


async def test_errors_have_no_body_and_say_what_is_allowed(site: Site) -> None:
    async with site.line() as line:
        line.send(request("DELETE", "/dcap"), request("GET", "/nowhere"), request("GET", "/edev/9"))
        answers = [await line.receive() for _ in range(3)]
    assert [(one.status, one.body) for one in answers] == [(405, b""), (404, b""), (404, b"")]
    assert answers[0].headers["allow"] == "GET, HEAD"


async def test_an_unknown_certificate_of_ours_is_403(authority: Authority) -> None:
    async with server(authority) as utility:
        assert (await first_answer(utility.port, tls.client_context(authority.files("unknown")))).status == 403


@pytest.mark.parametrize(
    "noise",
    [
        b"\x16\x03\x01 what is this\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /dcap HTTP/1.1\r\nbroken header\r\n\r\n",
        b"GET /dcap HTTP/1.1\r\nContent-Length: ten\r\n\r\n",
        b"GET /dcap HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"POST /mup HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ids=["noise", "no target", "no colon", "no length", "long header", "long target", "two lengths"],
)
async def test_what_is_no_http_gets_400_without_html_and_the_line_is_closed(site: Site, noise: bytes) -> None:
    async with site.line() as line:
        line.send(noise)
        got = await line.receive()
        assert (got.status, got.body, got.headers["content-length"]) == (400, b"", "0")
        assert await line.ended() == b""
    async with site.line() as line:
        line.send(request("GET", "/dcap"))
        assert (await line.receive()).status == 200


async def test_an_oversized_body_is_413(site: Site) -> None:
    async with site.line() as line:
        line.send(request("POST", "/mup", b" " * 262_145))
        assert (await line.receive()).status == 413


async def test_a_compressed_body_is_not_unpacked(site: Site) -> None:
    async with site.line() as line:
        line.send(request("POST", "/mup", gzip.compress(b" " * 10_000_000), content_encoding="gzip"))
        assert (await line.receive()).status == 400


async def test_a_body_that_never_comes_is_408(authority: Authority) -> None:
    files = authority.files("device")
    settings = UtilityServerSettings(admin_token=TOKEN, body_s=0.0)
    context = tls.server_context(authority.files("server"))
    running_server = running(settings, tls=context, identify=lfdi_of, sfdi_of=sfdi, doorways=Doorway, store=Forgetful())
    async with running_server as utility, line_to(utility.port, tls.client_context(files)) as line:
        line.send(b"POST /mup HTTP/1.1\r\nHost: utility\r\nContent-Length: 10\r\n\r\n")
        assert (await line.receive()).status == 408


async def test_a_server_told_to_cut_the_line_says_nothing(site: Site) -> None:
    await site.utility.admin("POST", "/mischief", {"does": "cut"})
    async with site.line() as line:
        line.send(request("GET", "/dcap"))
        assert await line.ended() == b""
    # The operator is heard all the same.
    await site.utility.admin("DELETE", "/mischief")
    async with site.line() as line:
        line.send(request("GET", "/dcap"))
        assert (await line.receive()).status == 200


async def test_state_survives_a_restart(authority: Authority, tmp_path: Path) -> None:
    path = tmp_path / "utility.db"
    files = authority.files("device")
    lfdi = authority.identity(files).lfdi
    async with server(authority, store=FileStore(path)) as utility:
        await utility.admin("PATCH", "/settings", {"derp_poll_s": 7})
        await utility.admin("POST", "/devices", {"lfdi": lfdi, "pin": 111115})
        await utility.admin("POST", "/programs", {"primacy": 1})
        control = await utility.admin(
            "POST", "/programs/1/controls", {"duration_s": 600, "modes": {"opModConnect": True}}
        )
        told = await tree_of(utility, files)
    async with server(authority, store=FileStore(path)) as utility:
        assert await tree_of(utility, files) == told
        assert await utility.admin("GET", "/controls") == [control]
        # Numbers go on where they were.
        assert (await utility.admin("POST", "/programs", {"primacy": 1}))["number"] == 2


async def test_a_server_that_is_started_anew_behaves(authority: Authority, tmp_path: Path) -> None:
    """Tricks end with the server; their numbers do not come again. Their counts go on while others' changes are kept."""
    path = tmp_path / "utility.db"
    files = authority.files("device")
    async with server(authority, store=FileStore(path)) as utility:
        await utility.admin("POST", "/devices", {"lfdi": authority.identity(files).lfdi})
        await utility.admin("POST", "/mischief", {"does": "status", "skip": 1, "times": 2})
        async with line_to(utility.port, tls.client_context(files)) as line:
            line.send(*(request("GET", "/dcap") for _ in range(2)), request("POST", "/mup"), request("GET", "/dcap"))
            assert [(await line.receive()).status for _ in range(4)] == [200, 500, 500, 200]
        assert [one["struck"] for one in await utility.admin("GET", "/mischief")] == [2]
    async with server(authority, store=FileStore(path)) as utility:
        assert await utility.admin("GET", "/mischief") == []
        assert (await utility.admin("POST", "/mischief", {"does": "cut"}))["number"] == 2


async def tree_of(utility: UtilityServer, files: tls.TlsFiles) -> list[bytes]:
    paths = ["/edev?l=9", "/edev/1/rg", "/edev/1/fsa?l=9", "/edev/1/fsa/1/derp?l=9", "/derp/1/derc?l=9"]
    async with line_to(utility.port, tls.client_context(files)) as line:
        line.send(*(request("GET", path) for path in paths))
        return [(await line.receive()).body for _ in paths]


class Broken(Forgetful):
    """A store whose disk fills up once the server runs."""

    full = False

    def save(self, changes: Any) -> None:
        if self.full:
            raise LedgerUnavailable("the disk is full")


async def test_what_cannot_be_kept_is_503_and_does_not_hold(authority: Authority) -> None:
    store = Broken()
    files = authority.files("device")
    async with server(authority, store=store) as utility:
        await utility.admin("POST", "/devices", {"lfdi": authority.identity(files).lfdi})
        store.full = True
        async with line_to(utility.port, tls.client_context(files)) as line:
            event = (
                b'<LogEvent xmlns="urn:ieee:std:2030.5:ns"><createdDateTime>1</createdDateTime><functionSet>11</functionSet>'
                b"<logEventCode>2</logEventCode><logEventID>1</logEventID><logEventPEN>40732</logEventPEN>"
                b"<profileID>2</profileID></LogEvent>"
            )
            line.send(request("POST", "/edev/1/lel", event), request("GET", "/edev/1/lel?l=9"))
            assert (await line.receive()).status == 503
            assert b'all="0"' in (await line.receive()).body


async def test_every_exchange_is_told_for_the_log(authority: Authority) -> None:
    told = Told()
    async with server(authority, told) as utility:
        files = authority.files("device")
        async with line_to(utility.port, tls.client_context(files)) as line:
            line.send(request("GET", "/dcap"))
            await line.receive()
    (one,) = told.exchanges
    assert (one.side, one.who, one.method, one.path, one.status) == (
        "device",
        authority.identity(files).lfdi,
        "GET",
        "/dcap",
        403,
    )
    assert "is not known here" in one.reason


@pytest.mark.parametrize("token", ["", "short", "fifteen-letters", "ümlauts-are-no-ascii"])
async def test_a_weak_token_is_a_configuration_fault(authority: Authority, token: str) -> None:
    with pytest.raises(ConfigurationFault, match="admin_token: 16 ASCII characters or more"):
        running(
            UtilityServerSettings(admin_token=token),
            tls=tls.server_context(authority.files("server")),
            identify=lfdi_of,
            sfdi_of=sfdi,
            doorways=Doorway,
            store=Forgetful(),
        )


def test_the_token_is_not_shown() -> None:
    assert TOKEN not in repr(UtilityServerSettings(admin_token=TOKEN))


async def test_a_context_that_takes_anyone_is_a_configuration_fault(authority: Authority) -> None:
    context = tls.server_context(authority.files("server"))
    context.verify_mode = ssl.CERT_OPTIONAL
    with pytest.raises(ConfigurationFault, match="certificates on both sides"):
        running(
            UtilityServerSettings(admin_token=TOKEN),
            tls=context,
            identify=lfdi_of,
            sfdi_of=sfdi,
            doorways=Doorway,
            store=Forgetful(),
        )


async def test_a_taken_port_is_said(authority: Authority) -> None:
    async with server(authority) as utility:
        settings = UtilityServerSettings(admin_token=TOKEN, port=utility.port)
        context = tls.server_context(authority.files("second"))
        with pytest.raises(Unreachable, match=f"127.0.0.1:{utility.port}"):
            async with running(
                settings, tls=context, identify=lfdi_of, sfdi_of=sfdi, doorways=Doorway, store=Forgetful()
            ):
                pytest.fail("two servers on one port")


async def test_serve_runs_until_cancelled(authority: Authority) -> None:
    started = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(
        serve(
            UtilityServerSettings(admin_token=TOKEN),
            tls=tls.server_context(authority.files("server")),
            identify=lfdi_of,
            sfdi_of=sfdi,
            doorways=Doorway,
            store=Forgetful(),
            started=started.set_result,
        )
    )
    async with asyncio.timeout(IN_TIME_S):
        utility = await started
    assert (await utility.admin("GET", "/status"))["kept"]["Device"] == 0
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", utility.port)


def behind(authority: Authority, **doorway: Any) -> AbstractAsyncContextManager[UtilityServer]:
    """A server behind a doorway of these terms."""
    return running(
        UtilityServerSettings(admin_token=TOKEN),
        tls=tls.server_context(authority.files("server")),
        identify=lfdi_of,
        sfdi_of=sfdi,
        doorways=lambda: Doorway(**doorway),
        store=Forgetful(),
    )


async def test_a_crowd_in_the_doorway_keeps_no_device_out(authority: Authority) -> None:
    """Of twenty that say nothing, at either port, four are there at once; a device and the operator come in past them."""
    files = authority.files("device")
    async with (
        asyncio.timeout(20.0),
        behind(authority, most=4) as utility,
    ):
        await utility.admin("POST", "/devices", {"lfdi": authority.identity(files).lfdi})
        crowds = [
            [await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.2", 0)) for _ in range(20)]
            for port in (utility.port, utility.admin_port)
        ]
        for reader, writer in (one for crowd in crowds for one in crowd[:16]):
            with suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.close()
        async with line_to(utility.port, tls.client_context(files)) as line:
            line.send(b"GET /dcap HTTP/1.1\r\nHost: utility\r\n\r\n")
            assert (await line.receive()).status == 200
        for _, writer in (one for crowd in crowds for one in crowd[16:]):
            writer.close()


async def test_a_device_that_never_ends_its_request_is_put_out_and_one_that_did_may_rest(authority: Authority) -> None:
    files = authority.files("device")
    async with (
        asyncio.timeout(20.0),
        behind(authority, patience_s=2.0) as utility,
        line_to(utility.port, tls.client_context(files)) as resting,
    ):
        await utility.admin("POST", "/devices", {"lfdi": authority.identity(files).lfdi})
        resting.send(b"GET /dcap HTTP/1.1\r\nHost: utility\r\n\r\n")
        assert (await resting.receive()).status == 200
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", utility.port, ssl=tls.client_context(files), server_hostname="utility"
        )
        writer.write(b"GET /dcap HTTP/1.1\r\nHost: uti")
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()
        resting.send(b"GET /dcap HTTP/1.1\r\nHost: utility\r\n\r\n")
        assert (await resting.receive()).status == 200
