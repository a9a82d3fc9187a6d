"""What servers and networks do to one connection, byte by byte: scripts in, replies and failures out."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509

from certs.tls import client_context, server_context
from protocols.exchange import Failed
from protocols.ieee2030_5.connection import ANSWER_S, KEEP_S, Connection, NoAnswer, connect
from protocols.ieee2030_5.exchanger import Exchanger
from protocols.ieee2030_5.session.exchange import Method, Reply, Request
from protocols.ieee2030_5.wire.namespaces import CSIP_AUS
from protocols.ieee2030_5.wire.resources import DERControlResponse
from tests.certs.test_audit import BAD, labs
from tests.certs.test_tls import listening

Bad = tuple[x509.ExtensionType, bool]

GONE = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
TIME = (
    b'<Time xmlns="urn:ieee:std:2030.5:ns"><currentTime>9</currentTime><dstEndTime>0</dstEndTime><dstOffset>0</dstOffset>'
    b"<dstStartTime>0</dstStartTime><quality>4</quality><tzOffset>0</tzOffset></Time>"
)
CLOSE = b""
"""In a script: hang up."""
ENDLESS = b"HTTP/1.1 200 OK\r\n"
"""Never comes to an end."""


class Peer:
    """Answers the n-th request of each connection with the n-th script; notes what was asked, by connection."""

    def __init__(self, *scripts: Iterable[bytes]) -> None:
        self.scripts = [list(one) for one in scripts]
        self.asked: list[list[str]] = []
        self.stuck = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        mine: list[str] = []
        self.asked.append(mine)
        script = self.scripts.pop(0) if self.scripts else []
        try:
            for answer in script:
                if answer == CLOSE:
                    break
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next((int(line[15:]) for line in head.splitlines() if line.startswith("Content-Length:")), 0)
                await reader.readexactly(length)
                mine.append(head.split(" HTTP/1.1")[0])
                writer.write(answer)
                if answer == ENDLESS:
                    self.stuck.set()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def exchanging(peer: Peer) -> AsyncIterator[tuple[Exchanger, str]]:
    """An exchanger with this peer as its server."""
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, Exchanger(f"{url}/dcap", None, CSIP_AUS, time.monotonic) as exchanger:
        yield exchanger, url


def whole(body: bytes) -> bytes:
    """A plain answer."""
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


async def get(exchanger: Exchanger, url: str, path: str = "/tm") -> Reply | Failed:
    """One GET."""
    return await exchanger.exchange(Request(1, Method.GET, url + path, None, "test"))


async def test_requests_go_over_one_connection_in_order() -> None:
    peer = Peer([whole(TIME), GONE, whole(TIME)])
    async with exchanging(peer) as (exchanger, url):
        replies = await asyncio.gather(*(get(exchanger, url, path) for path in ("/a", "/b", "/c")))
    assert [one.status for one in replies if isinstance(one, Reply)] == [200, 404, 200]
    assert peer.asked == [["GET /a", "GET /b", "GET /c"]]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(TIME), TIME),
        b"HTTP/1.1 100 Continue\r\n\r\n" + whole(TIME),
        b"HTTP/1.1 200 OK\r\nX: y\r\ncontent-length: %d\r\n\r\n%s" % (len(TIME), TIME),
    ],
    ids=["chunked", "informational first", "small letters"],
)
async def test_a_body_however_it_is_framed(answer: bytes) -> None:
    async with exchanging(Peer([answer, whole(TIME)])) as (exchanger, url):
        for _ in range(2):
            reply = await get(exchanger, url)
            assert isinstance(reply, Reply)
            assert reply.body is not None


async def test_a_body_that_ends_with_its_connection_is_whole() -> None:
    async with exchanging(Peer([b"HTTP/1.0 200 OK\r\n\r\n" + TIME])) as (exchanger, url):
        reply = await get(exchanger, url)
    assert isinstance(reply, Reply)
    assert reply.body is not None


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + TIME,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<Time",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n<Time>",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000,
    ],
    ids=["cut short", "cut in a chunk", "no HTTP", "two lengths", "another protocol", "a head without end"],
)
async def test_what_is_no_whole_answer_is_a_failure_and_the_next_request_goes_on(answer: bytes) -> None:
    async with exchanging(Peer([answer], [whole(TIME)])) as (exchanger, url):
        assert isinstance(await get(exchanger, url), Failed)
        reply = await get(exchanger, url)
    assert isinstance(reply, Reply)
    assert reply.body is not None


async def test_a_connection_that_was_closed_for_idle_costs_a_get_nothing() -> None:
    peer = Peer([whole(TIME), CLOSE], [whole(TIME)])
    async with exchanging(peer) as (exchanger, url):
        assert isinstance(await get(exchanger, url, "/a"), Reply)
        assert isinstance(await get(exchanger, url, "/b"), Reply)
    assert peer.asked == [["GET /a"], ["GET /b"]]


async def test_a_response_that_a_server_may_have_taken_is_not_sent_again_by_itself() -> None:
    told = DERControlResponse(createdDateTime=1, endDeviceLFDI="0" * 40, status=1, subject="0E")
    peer = Peer([whole(TIME), b"HTTP/1.1 2"], [whole(TIME)])  # hangs up in the middle of the second answer
    async with exchanging(peer) as (exchanger, url):
        assert isinstance(await get(exchanger, url, "/a"), Reply)
        assert isinstance(await exchanger.exchange(Request(2, Method.POST, f"{url}/rsp", told, "test")), Failed)
    assert peer.asked == [["GET /a", "POST /rsp"]]


async def test_an_answer_that_nobody_asked_for_is_nobodys() -> None:
    peer = Peer([whole(TIME) + GONE], [whole(TIME)])
    async with exchanging(peer) as (exchanger, url):
        assert isinstance(await get(exchanger, url, "/a"), Reply)
        reply = await get(exchanger, url, "/b")
    assert isinstance(reply, Reply)
    assert reply.status == 200


async def test_an_address_cannot_smuggle_a_request() -> None:
    peer = Peer([whole(TIME)])
    async with exchanging(peer) as (exchanger, url):
        assert isinstance(await get(exchanger, url, "/a b\u00fc HTTP/1.1\r\nX: y"), Reply)
    assert peer.asked == [["GET /a%20b%C3%BC%20HTTP/1.1X:%20y"]]


async def test_a_request_that_is_given_up_takes_its_connection_with_it() -> None:
    peer = Peer([whole(TIME), ENDLESS, whole(TIME)], [whole(TIME)])
    async with exchanging(peer) as (exchanger, url):
        await get(exchanger, url, "/a")
        stuck = asyncio.create_task(get(exchanger, url, "/b"))
        await peer.stuck.wait()
        stuck.cancel()
        await asyncio.gather(stuck, return_exceptions=True)
        reply = await get(exchanger, url, "/c")
    assert isinstance(reply, Reply)
    assert reply.body is not None
    assert peer.asked == [["GET /a", "GET /b"], ["GET /c"]]


async def hurried(exchanger: Exchanger, url: str, path: str = "/tm") -> Reply | Failed | bool | None:
    """One GET as a session sends it; False = the exchanger did not take it."""
    ended: asyncio.Future[Reply | Failed | None] = asyncio.get_running_loop().create_future()
    if not exchanger.hurry(Request(1, Method.GET, url + path, None, "test"), ended.set_result):
        return False
    return await ended


MOVED = b"HTTP/1.1 302 Found\r\nLocation: /c\r\nContent-Length: 0\r\n\r\n"


async def test_a_get_takes_no_task_once_a_connection_is_there_and_free() -> None:
    peer = Peer([GONE, whole(TIME), whole(TIME)])
    async with exchanging(peer) as (exchanger, url):
        assert await hurried(exchanger, url, "/a") is False
        await get(exchanger, url, "/a")
        reply = await hurried(exchanger, url, "/b")
        assert isinstance(reply, Reply)
        assert reply.body is not None
        waits = asyncio.create_task(get(exchanger, url, "/c"))
        await asyncio.sleep(0)
        assert await hurried(exchanger, url, "/d") is False
        assert isinstance(await waits, Reply)
    assert peer.asked == [["GET /a", "GET /b", "GET /c"]]


@pytest.mark.parametrize("end", [[MOVED], [CLOSE]], ids=["moved", "closed for idle"])
async def test_a_get_that_one_answer_does_not_end_is_left_to_a_task(end: list[bytes]) -> None:
    async with exchanging(Peer([GONE, *end])) as (exchanger, url):
        await get(exchanger, url)
        assert await hurried(exchanger, url) in (None, False)  # False where the end was seen before


@pytest.mark.parametrize("broken", [b"SSH-2.0-OpenSSH_9.2\r\n", whole(TIME)[:-9]], ids=["no HTTP", "cut short"])
async def test_a_get_without_a_whole_answer_is_a_failure_and_frees_the_way(broken: bytes) -> None:
    async with exchanging(Peer([GONE, broken, CLOSE], [whole(TIME)])) as (exchanger, url):
        await get(exchanger, url)
        assert isinstance(await hurried(exchanger, url), Failed)
        assert isinstance(await get(exchanger, url), Reply)


async def test_what_follows_an_answer_unasked_is_not_taken_for_the_next_ones() -> None:
    peer = Peer([GONE, whole(TIME) + GONE], [whole(TIME)])
    async with exchanging(peer) as (exchanger, url):
        await get(exchanger, url)
        second: asyncio.Future[object] = asyncio.get_running_loop().create_future()

        def again(first: object) -> None:
            assert isinstance(first, Reply)
            second.set_result(exchanger.hurry(Request(2, Method.GET, f"{url}/b", None, "test"), lambda _: None))

        assert exchanger.hurry(Request(1, Method.GET, f"{url}/a", None, "test"), again)
        assert await second is False, "the connection is closed by then"


async def test_a_request_longer_than_the_network_takes_at_once_arrives_whole() -> None:
    theirs, connection = wired()
    theirs.setblocking(False)
    sent = bytes(range(256)) * 8192
    asking = asyncio.create_task(connection.ask(sent))
    got = b""
    while len(got) < len(sent):
        got += await asyncio.get_running_loop().sock_recv(theirs, 65536)
    assert got == sent
    theirs.send(GONE)
    assert (await asking).status == 404
    connection.close()
    theirs.close()


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
async def test_a_server_of_a_bad_chain_is_refused_before_anything_is_asked(bad: Bad, tmp_path: Path) -> None:
    server, client = labs(tmp_path, server=[bad])
    async with listening(server_context(server)) as seen:
        with pytest.raises(ssl.SSLCertVerificationError, match="above the leaf"):
            await connect(socket.AF_INET, ("127.0.0.1", seen.port), client_context(client), "127.0.0.1")


class Hasty(asyncio.SelectorEventLoop):
    """A loop whose time is moved."""

    ahead_s = 0.0

    def time(self) -> float:
        return super().time() + self.ahead_s

    async def passes(self, seconds: float) -> None:
        """So much later, with all that became due done."""
        self.ahead_s += seconds
        for _ in range(3):
            await asyncio.sleep(0)


def wired() -> tuple[socket.socket, Connection]:
    """A server's end, and a connection on the other."""
    theirs, ours = socket.socketpair()
    ours.setblocking(False)
    return theirs, Connection(ours)


def test_each_answer_has_its_own_patience_and_what_nobody_uses_is_closed() -> None:
    loop = Hasty()

    async def play() -> None:
        wire, connection = wired()
        first = asyncio.create_task(connection.ask(b"GET"))
        await loop.passes(0.0)
        await loop.passes(ANSWER_S - 1.0)
        wire.send(GONE)
        assert (await first).status == 404
        await loop.passes(KEEP_S - 1.0)
        assert connection.usable
        second = asyncio.create_task(connection.ask(b"GET"))
        await loop.passes(0.0)
        await loop.passes(ANSWER_S - 1.0)
        assert not second.done()
        await loop.passes(2.0)
        with pytest.raises(TimeoutError):
            await second
        with pytest.raises(NoAnswer):
            await connection.ask(b"GET")
        wire.close()

        wire, idle = wired()
        third = asyncio.create_task(idle.ask(b"GET"))
        await loop.passes(0.0)
        wire.send(GONE)
        await third
        await loop.passes(KEEP_S - 1.0)
        assert idle.usable
        await loop.passes(2.0)
        with pytest.raises(NoAnswer):
            await idle.ask(b"GET")
        wire.close()

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(play())
