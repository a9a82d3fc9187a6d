"""A VTN of OpenADR 2.0b as a process of its own: openleadr, and a few words by which the demonstration leads it.

Prints one JSON line with its ``url`` and the ``admin`` address: POST /events, DELETE /events/ID, GET /state.
"""

import asyncio
import json
import logging
import sys
import warnings
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from openleadr import OpenADRServer, objects

VEN_ID, REGISTRATION_ID = "ven-1", "reg-1"
PATH = "/OpenADR2/Simple/2.0b"
REPORT_S = 60
"""How often usage is asked for."""


@dataclass
class Vtn:
    """The server, and what it was told."""

    server: Any
    opts: list[dict[str, str]] = field(default_factory=list)
    values: list[dict[str, Any]] = field(default_factory=list)
    registered: list[str] = field(default_factory=list)

    async def register(self, payload: dict[str, Any]) -> tuple[str, str]:
        """Whoever comes is the one VEN there is."""
        self.registered.append(str(payload.get("ven_name")))
        return VEN_ID, REGISTRATION_ID

    async def offer(
        self,
        ven_id: str,
        resource_id: str | None,
        measurement: str,
        unit: str | None,
        scale: str | None,
        min_sampling_interval: timedelta,
        max_sampling_interval: timedelta,
    ) -> Any:
        """Take the real power that is offered, each minute; openleadr cannot read TELEMETRY_STATUS."""
        if measurement not in ("powerReal", "RealPower"):
            return None
        every = timedelta(seconds=REPORT_S)

        def taken(data: list[tuple[datetime, float]]) -> None:
            for at, value in data:
                told = {"resource": resource_id, "measurement": measurement, "unit": unit, "scale": scale}
                self.values.append(told | {"t_s": at.timestamp(), "value": float(value)})

        return taken, every, every

    async def add(self, request: web.Request) -> web.Response:
        """{id, signal, type, value, seconds, priority?, unit?}: an event that begins now."""
        asked = await request.json()
        begin, length = datetime.now(UTC), timedelta(seconds=asked["seconds"])
        interval = objects.Interval(dtstart=begin, duration=length, uid=0, signal_payload=asked["value"])
        signal = objects.EventSignal(
            intervals=[interval],
            signal_name=asked["signal"],
            signal_type=asked["type"],
            signal_id="s1",
            measurement=_KILOWATTS if asked.get("unit") == "kW" else None,
        )
        descriptor = objects.EventDescriptor(
            event_id=asked["id"],
            modification_number=0,
            market_context="http://market.example",
            event_status="far",
            created_date_time=begin,
            priority=asked.get("priority", 0),
        )
        event = objects.Event(
            event_descriptor=descriptor,
            active_period=objects.ActivePeriod(dtstart=begin, duration=length),
            event_signals=[signal],
            targets=[{"ven_id": VEN_ID}],
            response_required="always",
        )
        self.server.add_raw_event(VEN_ID, event, callback=self._opted)
        return web.json_response({"start_s": begin.timestamp(), "end_s": (begin + length).timestamp()})

    async def cancel(self, request: web.Request) -> web.Response:
        """The event is off."""
        self.server.cancel_event(VEN_ID, request.match_info["id"])
        return web.json_response({})

    async def state(self, _: web.Request) -> web.Response:
        """All that was told."""
        return web.json_response({"opts": self.opts, "values": self.values, "registered": self.registered})

    def _opted(self, ven_id: str, event_id: str, opt_type: str) -> None:
        self.opts.append({"event": event_id, "opt": str(opt_type)})
        # openleadr calls an event's callback once; later answers are wanted too
        self.server.services["event_service"].event_callbacks[event_id] = (None, self._opted)


_KILOWATTS = objects.Measurement(
    name="powerReal",
    description="RealPower",
    unit="W",
    scale="k",
    power_attributes=objects.PowerAttributes(hertz=50, voltage=230, ac=True),
)


async def main() -> None:
    """Serve until killed."""
    logging.getLogger("openleadr").setLevel(logging.WARNING)
    # openleadr keeps itself in its application under a string, and greets on stdout, which is ours
    with warnings.catch_warnings(), redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        server = OpenADRServer(
            "demo-vtn", http_port=0, requested_poll_freq=timedelta(seconds=1), show_fingerprint=False
        )
        vtn = Vtn(server)
        server.add_handler("on_create_party_registration", vtn.register)
        server.add_handler("on_register_report", vtn.offer)
        await server.run()
    app = web.Application()
    app.router.add_post("/events", vtn.add)
    app.router.add_delete("/events/{id}", vtn.cancel)
    app.router.add_get("/state", vtn.state)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port, admin = server.app_runner.addresses[0][1], runner.addresses[0][1]
    print(json.dumps({"url": f"http://127.0.0.1:{port}{PATH}", "admin": f"http://127.0.0.1:{admin}"}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
