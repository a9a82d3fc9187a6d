"""Grid Coordination's openadr3 and python-oa3-client against a VTN (3.1): ``write`` (events on stdin), ``read``, ``ven``.

Usage: grid_coordination_openadr3.py COMMAND URL EDITION
"""

import json
import sys
from typing import Any

from openadr3.api import create_bl_client, create_ven_client
from openadr3.auth import fetch_token


def write(url: str) -> Any:
    with create_bl_client(url, fetch_token(url, "bl", "l0gic")) as logic:
        program = logic.create_program({"programName": "capacity"}).raise_for_status().json()
        events = [one | {"programID": program["id"]} for one in json.load(sys.stdin)]
        return [logic.create_event(one).raise_for_status().json()["id"] for one in events]


def read(url: str) -> Any:
    with create_bl_client(url, fetch_token(url, "bl", "l0gic")) as logic:
        typed = [one.event_id for one in logic.reports()]
        found = logic.get_reports().raise_for_status().json()
        assert typed == [one["eventID"] for one in found]
        return found


def ven(url: str) -> Any:
    with create_ven_client(url, fetch_token(url, "ven-7", "s3cret")) as mine:
        made = mine.create_ven({"objectType": "VEN_VEN_REQUEST", "venName": "gridco"}).raise_for_status().json()
        return {
            "programs": [one.program_name for one in mine.programs()],
            "events": [one.id for one in mine.events()],
            "ven": made["venName"],
        }


if __name__ == "__main__":
    json.dump({"write": write, "read": read, "ven": ven}[sys.argv[1]](sys.argv[2]), sys.stdout)
