"""What clients in the field need of a server, byte for byte: a strict C client and a certified TypeScript client.

The first keeps one connection, writes several requests at once, puts spaces behind Content-Length, spells hexadecimal
digits in lower case, and writes like a draft before the 2018 edition. The second opens a connection for each request,
resumes the TLS session, indents its documents, and posts mirrors of 18 kB.
"""

import asyncio
import re
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from certs import dev_ca, tls
from certs.identity import sfdi
from protocols.ieee2030_5.server import UtilityServer
from tests.protocols.ieee2030_5.desk.talk import check
from tests.protocols.ieee2030_5.lab import NOW, Authority, server
from tests.protocols.ieee2030_5.lines import Got, Line, line_to, request

SEP = 'xmlns="urn:ieee:std:2030.5:ns"'
DRAFT = 'xmlns="http://ieee.org/2030.5"'
NODE = {"accept": "application/sep+xml", "accept_encoding": "gzip, compress, deflate, br", "connection": "close"}


@dataclass
class Field:
    """A server, and one device that has a certificate."""

    utility: UtilityServer
    files: tls.TlsFiles
    lfdi: str

    def line(self) -> AbstractAsyncContextManager[Line]:
        return line_to(self.utility.port, tls.client_context(self.files))

    async def ask(self, method: str, path: str, body: str = "") -> Got:
        """One exchange as the TypeScript client has it: on a connection of its own, which the server closes after it."""
        media = {"content_type": "application/sep+xml"}
        async with self.line() as line:
            line.send(request(method, path, body.encode(), **NODE, **media))
            got = await line.receive()
            assert got.headers["connection"] == "close"
            assert await line.ended() == b""
            return got


@pytest.fixture
async def field(tmp_path: Path) -> AsyncIterator[Field]:
    authority = Authority(tmp_path)
    files = authority.files("device")
    async with server(authority) as utility:
        yield Field(utility, files, authority.identity(files).lfdi)


def c_request(method: str, path: str, body: str = "", padding: str = "   ") -> bytes:
    """As the strict client writes it: a Date, no content type on GET, a length with spaces behind it."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "Date: Mon, 23 Nov 2026 03:23:19 GMT",
        "Host: 127.0.0.1:9446",
        "Accept: application/sep+xml; level=-S1",
    ]
    if body:
        lines += ["Content-Type: application/sep+xml", f"Content-Length: {len(body)}{padding}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body.encode()


def response(lfdi: str, subject: str, status: int, namespace: str = SEP) -> str:
    return (
        f"<DERControlResponse {namespace}>\n  <createdDateTime>1795404199</createdDateTime>\n"
        f"  <endDeviceLFDI>{lfdi}</endDeviceLFDI>\n  <status>{status}</status>\n  <subject>{subject}</subject>\n"
        "</DERControlResponse>\n"
    )


DER_AVAILABILITY = """<DERAvailability xmlns="urn:ieee:std:2030.5:ns">
  <availabilityDuration>10</availabilityDuration>
  <readingTime>1514906127</readingTime>
  <reservePercent>40</reservePercent>
  <statWAvail>
    <multiplier>0</multiplier>
    <value>200</value>
  </statWAvail>
</DERAvailability>
"""
DER_CAPABILITY = """<DERCapability xmlns="http://ieee.org/2030.5">
  <modesSupported>01fffd</modesSupported>
  <rtgMaxW>
    <multiplier>0</multiplier>
    <value>2000</value>
  </rtgMaxW>
  <rtgMinPFOverExcited>
    <displacement>9</displacement>
    <multiplier>-1</multiplier>
  </rtgMinPFOverExcited>
  <type>4</type>
</DERCapability>
"""
DER_STATUS = """<DERStatus xmlns="http://ieee.org/2030.5">
  <genConnectStatus>
    <dateTime>1514906127</dateTime>
    <value>0a</value>
  </genConnectStatus>
  <readingTime>1514906127</readingTime>
</DERStatus>
"""


async def test_a_strict_client_walks_puts_and_answers_in_a_few_segments(field: Field) -> None:
    """Through one DERControl on one connection: received, started, completed; the status is of the second it is read."""
    admin = field.utility.admin
    await admin("POST", "/devices", {"lfdi": field.lfdi, "pin": 111115, "dialect": "strict"})
    await admin("POST", "/programs", {"primacy": 1, "default": {"modes": {"opModMaxLimW": 8000}, "setGradW": 100}})
    body = {"modes": {"opModConnect": False, "opModExpLimW": 2000}, "start_in_s": 60, "duration_s": 600, "category": 32}
    control = await admin("POST", "/programs/1/controls", body)
    event = control["href"]
    paths = ["/dcap", "/tm", "/edev?l=1", "/edev/1/rg", "/edev/1/der?l=1", "/edev/1/fsa?l=1", "/edev/1/fsa/1/derp?l=1"]
    paths += ["/derp/1/dderc", "/derp/1/derc?l=1"]
    der = "/edev/1/der/1"
    async with field.line() as line:
        line.send(*(c_request("GET", path) for path in paths))
        walked = [await line.receive() for _ in paths]
        assert [one.status for one in walked] == [200] * 9
        for one in walked:
            judge(one)
            # What it does not know it stops at.
            assert b"csipaus" not in one.body
            assert b"deviceCategory" not in one.body
        assert b"<currentStatus>0</currentStatus>" in walked[-1].body
        line.send(
            c_request("PUT", f"{der}/dera", DER_AVAILABILITY),
            c_request("PUT", f"{der}/dercap", DER_CAPABILITY, "  "),
            c_request("PUT", f"{der}/ders", DER_STATUS, "    "),
            c_request("POST", "/rsps/1/rsp", response(field.lfdi.lower(), control["mRID"].lower(), 1, DRAFT)),
        )
        assert [(await line.receive()).status for _ in range(4)] == [204, 204, 204, 201]
        await moved_to(admin, control["start_s"])
        line.send(c_request("GET", event), *(answer(field, control, status) for status in (2, 3)))
        assert b"<currentStatus>1</currentStatus>" in (await line.receive()).body
        answers = [await line.receive() for _ in range(2)]
    assert [(one.status, one.body, one.headers["location"]) for one in answers] == [
        (201, b"", "/rsps/1/rsp/2"),
        (201, b"", "/rsps/1/rsp/3"),
    ]
    (device,) = (await admin("GET", "/controls/1/responses"))["devices"]
    assert (device["lfdi"], device["statuses"]) == (field.lfdi, [1, 2, 3])
    report = await admin("GET", "/devices/1/report")
    assert (report["capability"]["modesSupported"], report["status"]["genConnectStatus"]["value"]) == (0x1FFFD, 10)


def answer(field: Field, control: dict[str, Any], status: int) -> bytes:
    return c_request("POST", "/rsps/1/rsp", response(field.lfdi.lower(), control["mRID"].lower(), status))


async def moved_to(admin: Any, start_s: int) -> None:
    """The server's clock stands at the start of the event."""
    await admin("PATCH", "/settings", {"clock_offset_s": start_s - int(time.time()) + 1})


async def test_a_strict_client_registers_with_what_it_has(field: Field) -> None:
    """Only sFDI and changedTime, in the draft namespace; then it finds its EndDevice, enabled, with its PIN."""
    await field.utility.admin("PATCH", "/settings", {"in_band": True, "in_band_pin": 111115, "dialect": "strict"})
    body = (
        f"<EndDevice {DRAFT}>\n  <sFDI>{sfdi(field.lfdi)}</sFDI>\n  <changedTime>1795404199</changedTime>\n</EndDevice>"
    )
    async with field.line() as line:
        line.send(c_request("GET", "/edev?l=1"), c_request("POST", "/edev", body))
        empty, made = await line.receive(), await line.receive()
        assert (b'all="0" results="0"' in empty.body, made.status, made.headers["location"]) == (True, 201, "/edev/1")
        line.send(*(c_request("GET", path) for path in (made.headers["location"], "/edev/1/rg")))
        device, registration = await line.receive(), await line.receive()
    assert b"<enabled>true</enabled>" in device.body
    assert b"<pIN>111115</pIN>" in registration.body


CONNECTION_POINT = """<?xml version="1.0"?>
<csipaus:ConnectionPoint xmlns:csipaus="https://csipaus.org/ns">
    <csipaus:connectionPointId>4102000000</csipaus:connectionPointId>
</csipaus:ConnectionPoint>"""
SETTINGS = """<?xml version="1.0"?>
<DERSettings xmlns="urn:ieee:std:2030.5:ns" xmlns:csipaus="https://csipaus.org/ns">
    <modesEnabled>0000000C</modesEnabled>
    <setGradW>28</setGradW>
    <setMaxW>
        <multiplier>3</multiplier>
        <value>5</value>
    </setMaxW>
    <updatedTime>1795405041</updatedTime>
    <csipaus:doeModesEnabled>05</csipaus:doeModesEnabled>
</DERSettings>"""


def mirror(lfdi: str, quantities: int) -> str:
    """The site's mirror: each quantity with its type, in four-space steps, about 430 bytes a quantity."""
    readings = "".join(
        f"""    <MirrorMeterReading>
        <mRID>{number:024X}00028547</mRID>
        <description>Site Avg Real Pwr (W) - {number}</description>
        <ReadingType>
            <commodity>1</commodity>
            <dataQualifier>2</dataQualifier>
            <flowDirection>1</flowDirection>
            <kind>37</kind>
            <phase>128</phase>
            <powerOfTenMultiplier>0</powerOfTenMultiplier>
            <uom>38</uom>
        </ReadingType>
    </MirrorMeterReading>
"""
        for number in range(quantities)
    )
    return f"""<?xml version="1.0"?>
<MirrorUsagePoint xmlns="urn:ieee:std:2030.5:ns">
    <mRID>{lfdi[:22]}0300028547</mRID>
    <description>Site measurement</description>
    <roleFlags>03</roleFlags>
    <serviceCategoryKind>0</serviceCategoryKind>
    <status>1</status>
    <deviceLFDI>{lfdi}</deviceLFDI>
{readings}</MirrorUsagePoint>"""


async def test_a_certified_csip_aus_client_begins_posts_and_answers(field: Field) -> None:
    """Its first second, in its order, each request on a connection of its own; then Responses to several controls."""
    admin = field.utility.admin
    await admin("POST", "/devices", {"lfdi": field.lfdi, "pin": 111115, "category": 0x200000})
    await admin("POST", "/programs", {"primacy": 1, "default": {"modes": {}}})
    controls = [
        await admin(
            "POST", "/programs/1/controls", {"modes": {"opModExpLimW": 0}, "start_in_s": ahead, "duration_s": 8}
        )
        for ahead in (-2, 7, 16, 25, 34)
    ]
    for path in ("/dcap", "/tm", "/edev?s=0&l=10", "/mup?s=0&l=10", "/edev/1/der?s=0&l=10", "/edev/1/fsa?s=0&l=10"):
        judge(await field.ask("GET", path))
    point = await field.ask("PUT", "/edev/1/cp", CONNECTION_POINT)
    assert (point.status, point.headers["location"]) == (201, "/edev/1/cp")
    body = mirror(field.lfdi, 48)
    assert len(body) > 20_000
    made = await field.ask("POST", "/mup", body)
    assert (made.status, made.body, made.headers["location"]) == (201, b"", "/mup/1")
    assert (await field.ask("PUT", "/edev/1/der/1/derg", SETTINGS)).status == 204
    read = await field.ask("GET", made.headers["location"])
    assert read.body.count(b"<MirrorMeterReading>") == 48
    assert len(read.body) > 15_000
    judge(read)
    assert b"<DERControlBase/>" in (await field.ask("GET", "/derp/1/dderc")).body
    listed = await field.ask("GET", "/derp/1/derc?s=0&l=10")
    assert re.findall(rb"<currentStatus>(\d)", listed.body) == [b"1", b"0", b"0", b"0", b"0"]
    bodies = [response(field.lfdi, one["mRID"].lower(), 1) for one in controls]
    answers = await asyncio.gather(
        *(field.ask("POST", "/rsps/1/rsp", f'<?xml version="1.0"?>\n{one}') for one in bodies)
    )
    assert {one.status for one in answers} == {201}
    assert sorted(one.headers["location"] for one in answers) == [f"/rsps/1/rsp/{number}" for number in range(1, 6)]
    # After the server has forgotten it, it goes on with what it had cached for the EndDevice it was.
    await admin("DELETE", "/devices/1")
    stale = await field.ask("POST", "/rsps/1/rsp", response(field.lfdi, controls[0]["mRID"], 3))
    assert (stale.status, stale.body) == (403, b"")


async def test_a_cached_response_of_another_end_device_is_403_and_the_line_goes_on(field: Field) -> None:
    admin = field.utility.admin
    for lfdi in (field.lfdi, "AB" * 20):
        await admin("POST", "/devices", {"lfdi": lfdi})
    await admin("POST", "/programs", {"primacy": 1})
    control = await admin("POST", "/programs/1/controls", {"modes": {"opModConnect": True}, "duration_s": 60})
    async with field.line() as line:
        line.send(
            c_request("POST", "/rsps/1/rsp", response("ab" * 20, control["mRID"], 3)),
            c_request("POST", "/rsps/1/rsp", response(field.lfdi, "00FF", 3)),
            c_request("POST", "/rsps/1/rsp", response(field.lfdi, control["mRID"], 1)),
        )
        answers = [await line.receive() for _ in range(3)]
    assert [(one.status, one.body) for one in answers] == [(403, b""), (400, b""), (201, b"")]


async def test_a_client_that_connects_for_each_request_resumes_its_session(field: Field) -> None:
    """By session ticket, with either suite: the second handshake is the short one."""
    await field.utility.admin("POST", "/devices", {"lfdi": field.lfdi})
    for suite in ("CCM8", "GCM"):
        context = tls.client_context(field.files, [suite])
        session, reused, status = await asyncio.to_thread(once, field.utility.port, context, None)
        assert (session.has_ticket, reused, status) == (True, False, b"HTTP/1.1 200 OK")
        again, reused, status = await asyncio.to_thread(once, field.utility.port, context, session)
        # Who resumes is known by the certificate of the first handshake.
        assert (reused, status) == (True, b"HTTP/1.1 200 OK")
        assert again.id == session.id


def once(port: int, context: ssl.SSLContext, session: Any) -> tuple[Any, bool | None, bytes]:
    """One request on one connection: the session it leaves, whether it was resumed, the status line."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, session=session) as secure,
    ):
        secure.sendall(request("GET", "/dcap", connection="close"))
        status = secure.recv(65536).split(b"\r\n")[0]
        return secure.session, secure.session_reused, status


CRITICAL_KINDS = {"keyUsage", "basicConstraints", "certificatePolicies", "subjectAltName"}


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_the_servers_chain_is_critical_in_just_what_a_strict_client_wants_so(tmp_path: Path, depth: int) -> None:
    """Of the leaf and of every issuer: these four are critical where they stand, and nothing else is."""
    issued = dev_ca.issue(dev_ca.authority("lab", NOW, depth), "server", NOW, hosts=["127.0.0.1"])
    chain = [issued.certificate, *issued.issuers, issued.root]
    assert len(chain) == depth
    for certificate in chain:
        for extension in certificate.extensions:
            assert extension.critical == (extension.oid._name in CRITICAL_KINDS), extension
    names = {one.oid._name for one in issued.certificate.extensions if one.critical}
    assert names == {"keyUsage", "certificatePolicies", "subjectAltName"}
    sent = x509.load_pem_x509_certificates(issued.chain_pem())
    assert sent == chain[:-1]


async def test_who_asks_for_leave_to_send_gets_it(field: Field) -> None:
    """Expect: 100-continue; without the interim answer libraries wait a second before each large body."""
    await field.utility.admin("POST", "/devices", {"lfdi": field.lfdi})
    body = mirror(field.lfdi, 2).encode()
    head, _, _ = request("POST", "/mup", body, expect="100-continue").partition(b"\r\n\r\n")
    async with field.line() as line:
        line.send(head, b"\r\n\r\n")
        interim = await line.receive()
        line.send(body)
        final = await line.receive()
    assert (interim.status, interim.headers, final.status) == (100, {}, 201)


@pytest.mark.parametrize(
    "noise",
    [
        b"BREW /dcap HTTP/1.1\r\nHost: utility\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /dcap HTTP/1.1\r\n\r\n",
        b"GET /dcap\xff HTTP/1.1\r\nHost: utility\r\n\r\n",
        b"POST /mup HTTP/1.1\r\nHost: utility\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n0\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: utility\r\n\r\n",
        b"CONNECT elsewhere:1 HTTP/1.1\r\nHost: utility\r\n\r\n",
        b"GET /%zz%00 HTTP/1.1\r\nHost: utility\r\n\r\n",
        b"GET //elsewhere/dcap HTTP/1.1\r\nHost: utility\r\n\r\n",
        b"PATCH /dcap HTTP/1.1\r\nHost: utility\r\n\r\n",
        b"PUT /edev/1/der/1/ders HTTP/1.1\r\nHost: utility\r\nContent-Length: 0\r\n\r\n",
        b"POST /mup HTTP/1.1\r\nHost: utility\r\nContent-Type: application/sep-exi\r\nContent-Length: 1\r\n\r\n\x80",
        b"GET /edev?s=x HTTP/1.1\r\nHost: utility\r\n\r\n",
    ],
    ids=lambda noise: noise.split(b"\r\n")[0].decode("ascii", "replace"),
)
async def test_no_refusal_has_a_body_but_an_error_of_the_schema(field: Field, noise: bytes) -> None:
    await field.utility.admin("POST", "/devices", {"lfdi": field.lfdi})
    async with field.line() as line:
        line.send(noise)
        got = await line.receive()
    assert 400 <= got.status < 500
    judge(got)


async def test_a_fault_of_our_own_is_an_empty_500(field: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler that raises what nobody foresaw."""
    await field.utility.admin("POST", "/devices", {"lfdi": field.lfdi})
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

    def broken(*_: object) -> None:
        raise ZeroDivisionError("unforeseen")

    monkeypatch.setattr("protocols.ieee2030_5.desk.mischief.Mischief.answer", broken)
    async with field.line() as line:
        line.send(request("GET", "/dcap"))
        got = await line.receive()
    assert (got.status, got.body) == (500, b"")
    assert [type(one["exception"]) for one in told] == [ZeroDivisionError]


async def test_a_long_list_is_sent_whole_with_its_length(field: Field) -> None:
    admin = field.utility.admin
    await admin("POST", "/devices", {"lfdi": field.lfdi})
    await admin("POST", "/programs", {"primacy": 1})
    for number in range(60):
        body = {"modes": {"opModExpLimW": number}, "start_in_s": 100 * number, "duration_s": 100}
        await admin("POST", "/programs/1/controls", body)
    async with field.line() as line:
        line.send(request("GET", "/derp/1/derc?l=255"), request("GET", "/derp/1/derc?s=60&l=255"))
        whole, beyond = await line.receive(), await line.receive()
    assert len(whole.body) > 20_000
    assert whole.body.count(b"<DERControl ") == 60
    assert b'all="60" results="0"' in beyond.body
    for one in (whole, beyond):
        judge(one)


async def test_an_answer_cut_in_its_middle_is_half_of_what_it_said(field: Field) -> None:
    admin = field.utility.admin
    await admin("POST", "/devices", {"lfdi": field.lfdi})
    await admin("POST", "/mischief", {"does": "half", "path": "/dcap", "times": 1})
    async with field.line() as line:
        line.send(request("GET", "/tm"), request("GET", "/dcap"), request("GET", "/tm"))
        assert (await line.receive()).status == 200
        rest = await line.ended()
    head, _, body = rest.partition(b"\r\n\r\n")
    (length,) = re.findall(rb"Content-Length: (\d+)", head)
    assert 0 < len(body) == int(length) // 2
    async with field.line() as line:
        line.send(request("GET", "/dcap"))
        judge(await line.receive())


def judge(got: Got) -> None:
    """Short headers, a length, no chunks, nothing but sep+xml that is valid, short hrefs."""
    assert len("".join(f"{name}: {value}\r\n" for name, value in got.headers.items())) < 2048
    assert int(got.headers["content-length"]) == len(got.body)
    assert "transfer-encoding" not in got.headers
    if got.body:
        assert got.headers["content-type"] == "application/sep+xml"
        check(got.body)
    for href in re.findall(rb'(?:href|replyTo)="([^"]*)"', got.body):
        assert len(href) < 48
