"""ElaadNL's openadr3-client against a VTN: ``write`` (events on stdin) as business logic, ``read`` its reports, ``ven``.

Usage: elaad_openadr3.py COMMAND URL EDITION [EVENT]
"""

import json
import sys
from importlib import import_module
from typing import Any

from openadr3_client.bl.http_factory import BusinessLogicHttpClientFactory
from openadr3_client.ven.http_factory import VirtualEndNodeHttpClientFactory
from openadr3_client.version import OADRVersion


def client(of: Any, url: str, edition: str, name: str, secret: str) -> Any:
    version = OADRVersion.OADR_310 if edition == "3.1.0" else OADRVersion.OADR_301
    make = getattr(of, "create_http_bl_client" if name == "bl" else "create_http_ven_client")
    return make(
        vtn_base_url=url,
        client_id=name,
        client_secret=secret,
        token_url=None if edition == "3.1.0" else f"{url}/auth/token",
        allow_insecure_http=True,
        version=version,
    )


def models(edition: str, path: str) -> Any:
    return import_module(f"openadr3_client.oadr{edition.replace('.', '')}.models.{path}")


def write(url: str, edition: str) -> Any:
    logic = client(BusinessLogicHttpClientFactory, url, edition, "bl", "l0gic")
    program = logic.programs.create_program(
        models(edition, "program.program").NewProgram.model_validate({"programName": "capacity"})
    )
    new = models(edition, "event.event").NewEvent
    events = [new.model_validate(one | {"programID": program.id}) for one in json.load(sys.stdin)]
    return [logic.events.create_event(one).id for one in events]


def read(url: str, edition: str) -> Any:
    """As its models have it. It takes a report's payloadDescriptors for those of events, which the schema does not: read apart."""
    logic = client(BusinessLogicHttpClientFactory, url, edition, "bl", "l0gic")
    response = logic.reports.session.get(f"{url}/reports")
    response.raise_for_status()
    existing = models(edition, "report.report").ExistingReport
    explained = models(edition, "report.report_payload").ReportPayloadDescriptor
    found = []
    for one in response.json():
        for descriptor in one.pop("payloadDescriptors"):
            explained.model_validate(descriptor)
        found.append(existing.model_validate(one).model_dump(by_alias=True, mode="json"))
    return found


def ven(url: str, edition: str) -> Any:
    mine = client(VirtualEndNodeHttpClientFactory, url, edition, "ven-7", "s3cret")
    programs = mine.programs.get_programs(target=None, pagination=None)
    events = mine.events.get_events(target=None, pagination=None, program_id=programs[0].id)
    body: dict[str, Any] = {"venName": "elaad"}
    kind = models(edition, "ven.ven")
    new = kind.NewVenVenRequest if edition == "3.1.0" else kind.NewVen
    made = mine.vens.create_ven(new.model_validate(body))
    return {
        "programs": [one.program_name for one in programs],
        "events": [one.id for one in events],
        "ven": made.ven_name,
    }


if __name__ == "__main__":
    command, address, spoken = sys.argv[1:4]
    json.dump({"write": write, "read": read, "ven": ven}[command](address, spoken), sys.stdout)
