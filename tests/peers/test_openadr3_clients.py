"""Two third parties' OpenADR 3 clients at our VTN, and our VEN between them: what they write it reads, what it reports they read.

Each runs in an environment of its own (`make peers-openadr3`), since neither can live in ours: one needs Python 3.12, and both install a
package of the same name.
"""

import asyncio
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grid_functions.model.control import ImportLimit
from protocols.openadr3.wire.edition import Edition
from tests.protocols.openadr3.lab import IN_TIME_S, Log, held, vtn
from tests.protocols.openadr3.report.site import battery, picture
from tests.protocols.openadr3.rig import TERMS, interval

ROOT = Path(__file__).resolve().parents[2]
PEERS = Path(os.environ.get("OPENADR3_PEERS", ROOT / "build" / "peers"))
ELAAD = ("openadr3-client", "elaad_openadr3.py")
GRID_COORDINATION = ("python-oa3-client", "grid_coordination_openadr3.py")
PAIRS = [(ELAAD, Edition.V3_1), (ELAAD, Edition.V3_0_1), (GRID_COORDINATION, Edition.V3_1)]


LIMIT: dict[str, Any] = {
    "priority": 2,
    "intervalPeriod": {"start": "2026-11-29T22:00:00Z", "duration": "PT1H", "randomizeStart": "PT5M"},
    "payloadDescriptors": [
        {"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": "IMPORT_CAPACITY_LIMIT", "units": "KW"}
    ],
    "intervals": [interval(0, IMPORT_CAPACITY_LIMIT=[5.0]), interval(1, IMPORT_CAPACITY_LIMIT=[7.5])],
}
ASKED = LIMIT | {
    "intervalPeriod": {"start": "2020-01-01T00:00:00Z", "duration": "P3650D"},
    "reportDescriptors": [
        {"payloadType": "STORAGE_CHARGE_LEVEL", "startInterval": 0, "numIntervals": 1, "historical": False}
    ],
    "intervals": LIMIT["intervals"][:1],
}
EVENTS = [LIMIT, ASKED]


async def peer(which: tuple[str, str], command: str, url: str, edition: Edition) -> Any:
    """What the peer prints; skipped where it was not installed."""
    python = PEERS / which[0] / "bin" / "python"
    if not python.exists():
        pytest.skip(f"{which[0]} is not installed: make peers-openadr3")
    script = Path(__file__).parent / "scripts" / which[1]
    spoken = "3.1.0" if edition is Edition.V3_1 else "3.0.1"
    process = await asyncio.create_subprocess_exec(
        str(python),
        str(script),
        command,
        url,
        spoken,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "OAUTHLIB_INSECURE_TRANSPORT": "1"},  # loopback without TLS
    )
    async with asyncio.timeout(3 * IN_TIME_S):
        out, err = await process.communicate(json.dumps(EVENTS).encode())
    assert process.returncode == 0, err.decode()[-3000:]
    return json.loads(out)


@pytest.mark.parametrize(("which", "edition"), PAIRS)
async def test_what_a_peer_writes_we_obey_and_what_we_report_it_reads(which: tuple[str, str], edition: Edition) -> None:
    told = Log()
    async with vtn(told, edition=edition) as found:
        async with held(found, replace(TERMS, edition=edition, floor_s=1.0), told) as one:
            one.client.show(one.client.respondents[0], picture([battery()]), ())
            limit, asked = await peer(which, "write", found.url, edition)
            await one.until(lambda: any(len(read.events) == 2 for read in one.reads))
            events = {event.key.id: event for event in one.reads[-1].events}
            assert set(events) == {limit, asked}
            event = events[limit]
            # 22:00 with five minutes either way; two hours, 5 kW and then 7.5 kW.
            assert (event.start_s, event.random_start_s) == (1_795_989_600.0 - 300.0, 600.0)
            assert [(part.offset_s, part.duration_s, part.controls) for part in event.intervals] == [
                (0.0, 3600.0, (ImportLimit(5000.0),)),
                (3600.0, 3600.0, (ImportLimit(7500.0),)),
            ]
            assert event.rank.level == 2.0
            one.client.show(one.client.respondents[0], picture([battery()]), ())
            await one.until(lambda: found.store.all("REPORT"))
        (report,) = await peer(which, "read", found.url, edition)
    assert (report["eventID"], report["clientName"]) == (asked, "depot-7")
    (interval,) = report["resources"][0]["intervals"]
    (payload,) = [one for one in interval["payloads"] if one["type"] == "STORAGE_CHARGE_LEVEL"]
    assert payload["values"] == [0.6]


@pytest.mark.parametrize(("which", "edition"), PAIRS)
async def test_a_peers_ven_is_served(which: tuple[str, str], edition: Edition) -> None:
    async with vtn(edition=edition) as found:
        events = await peer(which, "write", found.url, edition)
        seen = await peer(which, "ven", found.url, edition)
    assert seen["programs"] == ["capacity"]
    assert seen["events"] == events
    assert seen["ven"] in ("elaad", "gridco")
