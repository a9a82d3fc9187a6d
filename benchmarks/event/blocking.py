"""The floor: one blocking script that makes the same requests with the same durable commits, and checks nothing else."""

import json
import socket
import sqlite3
import ssl
import time
from pathlib import Path
from struct import pack, unpack

from lxml import etree

from benchmarks.event import play
from benchmarks.event.stand import IDLE_S, READ, UNIT, Played, Recipe, Stand, values
from certs.tls import TlsFiles, client_context

_NS = "{urn:ieee:std:2030.5:ns}"
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)


def perform(stand: Stand, of: Recipe, ledger: Path) -> Played:
    """One play."""
    with (
        _https(stand) as upstream,
        socket.create_connection(("127.0.0.1", stand.modbus)) as device,
        _database(ledger) as database,
    ):
        device.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stand.begin()
        _modbus(device, pack(">HHHBBHHBH", 1, 0, 9, UNIT, 16, of.limit_at - 1, 1, 2, 1))
        before, began_s = "", 0.0
        for number in range(play.EVENTS):
            if number == play.WARM:
                began_s = time.process_time()
            time.sleep(IDLE_S)
            before = _event(number, stand, of, upstream, device, database, before)
        cpu_s = (time.process_time() - began_s) / play.TIMED
    return Played(stand.end(), cpu_s)


def _event(
    number: int,
    stand: Stand,
    of: Recipe,
    upstream: ssl.SSLSocket,
    device: socket.socket,
    database: sqlite3.Connection,
    before: str,
) -> str:
    body = _http(upstream, b"GET %s?s=0&l=50 HTTP/1.1\r\nHost: x\r\n\r\n" % play.CONTROLS.encode())
    mrid, limit = _newest(body)
    kept = json.dumps({"mRID": mrid, "limit": limit, "since": time.time(), "before": before})
    _commit(database, f"event/{mrid}", kept)
    for request in of.of(number):
        if request[0] != READ:
            sent = values(request, limit)
            head = pack(">HHHBBHHB", 1, 0, 7 + 2 * len(sent), UNIT, *request, 2 * len(sent))
            _modbus(device, head + pack(f">{len(sent)}H", *sent))
            continue
        held = _modbus(device, pack(">HHHBBHH", 1, 0, 6, UNIT, *request))
    place = of.limit_at - request[1]
    assert unpack(">H", held[9 + 2 * place : 11 + 2 * place])[0] == limit
    for subject, status in ((mrid, 1), (mrid, 2), (before, 7)):
        if subject:
            _http(upstream, _response(stand.identity.lfdi, subject, status))
    _commit(database, f"told/{mrid}", kept)
    assert stand.control.recv(1) == b"."
    return mrid


def _newest(body: bytes) -> tuple[str, int]:
    found = ("", 0, -1)
    for control in etree.fromstring(body, _PARSER).iter(f"{_NS}DERControl"):
        created = int(control.findtext(f"{_NS}creationTime") or 0)
        status = int(control.findtext(f"{_NS}EventStatus/{_NS}currentStatus") or 0)
        limit = int(control.findtext(f"{_NS}DERControlBase/{_NS}opModMaxLimW") or 0)
        if status == 1 and created > found[2]:
            found = (control.findtext(f"{_NS}mRID") or "", limit, created)
    return found[0], found[1]


def _response(lfdi: str, subject: str, status: int) -> bytes:
    body = (
        f'<DERControlResponse xmlns="urn:ieee:std:2030.5:ns"><createdDateTime>{int(time.time())}</createdDateTime>'
        f"<endDeviceLFDI>{lfdi}</endDeviceLFDI><status>{status}</status><subject>{subject}</subject>"
        "</DERControlResponse>"
    ).encode()
    head = f"POST {play.RESPONSES} HTTP/1.1\r\nHost: x\r\nContent-Type: application/sep+xml\r\n"
    return head.encode() + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def _https(stand: Stand) -> ssl.SSLSocket:
    files = TlsFiles(*(stand.folder / f"client.{end}" for end in ("chain.pem", "key", "root.pem")))
    raw = socket.create_connection(("127.0.0.1", stand.tls))
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client_context(files).wrap_socket(raw)


def _http(upstream: ssl.SSLSocket, request: bytes) -> bytes:
    upstream.sendall(request)
    data = b""
    while (end := data.find(b"\r\n\r\n")) < 0:
        data += upstream.recv(65_536)
    size = int(data[:end].lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(data) < end + 4 + size:
        data += upstream.recv(65_536)
    return data[end + 4 :]


def _modbus(device: socket.socket, request: bytes) -> bytes:
    device.sendall(request)
    data = device.recv(512)
    while len(data) < 6 or len(data) < 6 + int.from_bytes(data[4:6], "big"):
        data += device.recv(512)
    return data


def _database(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE entry (key TEXT PRIMARY KEY, body TEXT)")
    return database


def _commit(database: sqlite3.Connection, key: str, body: str) -> None:
    database.execute("BEGIN IMMEDIATE")
    database.execute("INSERT OR REPLACE INTO entry VALUES (?, ?)", (key, body))
    database.execute("COMMIT")
