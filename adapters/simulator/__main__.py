"""The simulated site as a process: `python -m adapters.simulator --plan FILE|JSON`.

Prints one JSON line {"host", "ports": {link: port}, "devices": [{name, kind, host, port, unit, serial}],
"control": port, "t_s": start} and serves until told to stop: the command stop, SIGTERM, SIGINT, or the end of stdin
with --until-eof.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path

from adapters.simulator.fields import PlanError
from adapters.simulator.plan import Plan, parse_plan
from adapters.simulator.recording import Recorder
from adapters.simulator.server import Simulator


def main() -> int:
    """0: stopped as asked. 2: the plan cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m adapters.simulator", description="A simulated site on Modbus/TCP.")
    parser.add_argument("--plan", required=True, metavar="FILE|JSON", help="a file with the plan, or the plan itself")
    parser.add_argument("--until-eof", action="store_true", help="stop when stdin, a pipe, ends (the parent is gone)")
    options = parser.parse_args()
    try:
        plan = _plan(options.plan)
        recorder = Recorder(None if plan.record is None else Path(plan.record))
        asyncio.run(_serve(plan, recorder, options.until_eof))
    except (PlanError, OSError, ValueError) as error:
        print(f"cannot use this plan: {error}", file=sys.stderr)
        return 2
    return 0


async def _serve(plan: Plan, recorder: Recorder, until_eof: bool) -> None:
    # UTC, but never stepped: the offset is taken once.
    offset = time.time() - time.monotonic()
    async with Simulator(plan, lambda: offset + time.monotonic(), recorder) as simulator:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, simulator.stopping.set)
        if until_eof:
            loop.add_reader(sys.stdin, _drain_stdin, simulator.stopping)
        control = await asyncio.start_server(simulator.serve_control, "127.0.0.1", 0)
        port = control.sockets[0].getsockname()[1]
        print(json.dumps({**simulator.announcement, "control": port, "t_s": simulator.site.t_s}), flush=True)
        await simulator.observe()
        control.close()


def _drain_stdin(stopping: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin)
        stopping.set()


def _plan(text: str) -> Plan:
    return parse_plan(json.loads(text if text.lstrip().startswith("{") else Path(text).read_text()))


if __name__ == "__main__":
    sys.exit(main())
