"""The peer: py20305's own HTTP client, parser and models, pymodbus' asynchronous client, and plain sqlite3 in a chain.

It does the same duties and no more: the newest active control decides, its row is committed (FULL) before anything is
written, the limit is written and read back, Responses 1, 2 and 7 are posted, that they are through is committed.
"""

import asyncio
import json
import sqlite3
import time
from pathlib import Path
from typing import Any

from py20305.client.http import Sep2Client
from py20305.client.tls import TlsConfig
from py20305.models.sep import DercontrolList, DercontrolResponse, MRidtype, TimeType
from pymodbus.client import AsyncModbusTcpClient

from benchmarks.event import play
from benchmarks.event.stand import IDLE_S, READ, UNIT, Played, Recipe, Stand, values


async def perform(stand: Stand, of: Recipe, ledger: Path) -> Played:
    """One play."""
    device = AsyncModbusTcpClient("127.0.0.1", port=stand.modbus)
    tls = TlsConfig(
        stand.folder / "client.chain.pem",
        stand.folder / "client.key",
        stand.folder / "client.root.pem",
        check_hostname=False,
    )
    database = sqlite3.connect(ledger, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE entry (key TEXT PRIMARY KEY, body TEXT)")
    try:
        async with Sep2Client(f"https://127.0.0.1:{stand.tls}", tls, server_2018_compat=True) as upstream:
            await device.connect()
            stand.begin()
            await device.write_registers(of.limit_at - 1, [1], device_id=UNIT)
            stand.control.setblocking(False)
            chain = _Chain(stand, of, upstream, device, database)
            began_s = 0.0
            for number in range(play.EVENTS):
                if number == play.WARM:
                    began_s = time.process_time()
                await asyncio.sleep(IDLE_S)
                await chain.event(number)
                await stand.over()
            cpu_s = (time.process_time() - began_s) / play.TIMED
    finally:
        device.close()
        database.close()
    return Played(stand.end(), cpu_s)


class _Chain:
    def __init__(
        self,
        stand: Stand,
        of: Recipe,
        upstream: Sep2Client,
        device: AsyncModbusTcpClient,
        database: sqlite3.Connection,
    ) -> None:
        self._of, self._upstream, self._device, self._database = of, upstream, device, database
        self._lfdi = bytes.fromhex(stand.identity.lfdi)
        self._before: bytes | None = None

    async def event(self, number: int) -> None:
        listed: Any = await self._upstream.get(f"{play.CONTROLS}?s=0&l=50", DercontrolList)
        active = (one for one in listed.dercontrol if one.event_status.current_status == 1)
        newest = max(active, key=lambda one: one.creation_time.value)
        mrid, limit = newest.m_rid.value, newest.dercontrol_base.op_mod_max_lim_w.value
        kept = json.dumps({"mRID": mrid.hex(), "limit": limit, "since": time.time()})
        self._commit(f"event/{mrid.hex()}", kept)
        held: Any = None
        for request in self._of.of(number):
            function, address, count = request
            if function == READ:
                held = await self._device.read_holding_registers(address, count=count, device_id=UNIT)
                assert not held.isError()
            else:
                sent = await self._device.write_registers(address, values(request, limit), device_id=UNIT)
                assert not sent.isError()
        assert held.registers[self._of.limit_at - address] == limit
        await self._answer(newest, mrid, 1)
        await self._answer(newest, mrid, 2)
        if self._before is not None:
            await self._answer(newest, self._before, 7)
        self._commit(f"told/{mrid.hex()}", kept)
        self._before = mrid

    async def _answer(self, control: Any, subject: bytes, status: int) -> None:
        response = DercontrolResponse(
            end_device_lfdi=self._lfdi,
            status=status,
            subject=MRidtype(value=subject),
            created_date_time=TimeType(value=int(time.time())),
        )
        await self._upstream.post(control.reply_to, response)

    def _commit(self, key: str, body: str) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        self._database.execute("INSERT OR REPLACE INTO entry VALUES (?, ?)", (key, body))
        self._database.execute("COMMIT")
