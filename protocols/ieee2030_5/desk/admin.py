"""The operator's side of a utility server: JSON in, JSON out, with the reason whenever the answer is no.

    /status GET                          /settings GET PATCH
    /devices GET POST                    /devices/N GET PATCH DELETE         /devices/N/report GET    /devices/N/log GET
    /fsas GET POST                       /fsas/N GET PATCH DELETE
    /programs GET POST                   /programs/N GET PATCH DELETE        /programs/N/default GET PUT DELETE
    /programs/N/controls GET POST        /programs/N/curves GET POST         /curves/N GET DELETE
    /controls GET                        /controls/N GET PATCH DELETE        /controls/N/cancel POST
    /controls/N/responses GET            /responses GET DELETE
    /mirrors GET DELETE                  /mirrors/N DELETE                   /mirrors/N/values GET
    /mischief GET POST DELETE            /mischief/N GET DELETE

Field names are those of the records, and of the standard inside modes, default and curves; a power may be one number
of watts. PATCH changes the fields it names; null sets one back to what it is when nothing is said.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl

from protocols.ieee2030_5.desk import admin_controls, admin_devices, admin_mischief, admin_programs, admin_reports
from protocols.ieee2030_5.desk.exchange import MAX_BODY_BYTES, Answer, Refusal, Reply, Request
from protocols.ieee2030_5.desk.operation import Operation, Outcome, done
from protocols.ieee2030_5.desk.plain import to_plain
from protocols.ieee2030_5.desk.records import DIALECTS, KINDS
from protocols.ieee2030_5.desk.shelf import Put, View, settings_of
from protocols.ieee2030_5.wire.values import BadValue

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Admin:
    """The operator's desk. `sfdi_of`: the SFDI of an LFDI. Who may enter is the listener's to check."""

    sfdi_of: Callable[[str], int]

    def answer(self, request: Request, now_s: float, store: View) -> Answer:
        """Answer one request at `now_s`, UTC as epoch seconds; the changes must be kept before the reply is sent."""
        settings = settings_of(store)
        try:
            operation = Operation(
                now_s=int(now_s) + settings.clock_offset_s,
                utc_s=now_s,
                store=store,
                settings=settings,
                sfdi_of=self.sfdi_of,
                body=_body_of(request),
                query=dict(parse_qsl(request.query)),
            )
            outcome = _carry_out(request, operation)
        except Refusal as refusal:
            return Answer(refused(refusal.status, refusal.reason))
        except BadValue as bad:
            return Answer(refused(400, str(bad)))
        return Answer(_reply(outcome.status, outcome.body), outcome.changes)


def refused(status: int, reason: str) -> Reply:
    """No, and why."""
    return replace(_reply(status, {"error": reason}), reason=reason)


def show_status(operation: Operation) -> Outcome:
    """GET: the time and how much is kept."""
    counts = {
        name: len(operation.store.all(kind)) for name, kind in KINDS.items() if name not in ("Settings", "Serial")
    }
    return done({"utc_s": operation.utc_s, "server_time_s": operation.now_s, "kept": counts})


def show_settings(operation: Operation) -> Outcome:
    """GET the Settings."""
    return done(to_plain(operation.settings))


def change_settings(operation: Operation) -> Outcome:
    """PATCH the Settings."""
    settings = operation.patched(operation.settings, _SETTINGS_FIELDS)
    for name, allowed in _CHOICES.items():
        if getattr(settings, name) not in allowed:
            raise Refusal(400, f"{name}: {getattr(settings, name)!r} is none of {', '.join(map(str, allowed))}")
    return done(to_plain(settings), Put(settings))


_SETTINGS_FIELDS = (
    "dialect",
    "in_band",
    "in_band_pin",
    "lenient",
    "dcap_poll_s",
    "time_poll_s",
    "edev_poll_s",
    "fsa_poll_s",
    "derp_poll_s",
    "der_poll_s",
    "mup_poll_s",
    "post_rate_s",
    "time_quality",
    "clock_offset_s",
    "supersede",
    "pen",
)
_CHOICES = {
    "dialect": tuple(DIALECTS),
    "supersede": ("any-mode", "all-modes"),
    "time_quality": (3, 4, 5, 6, 7),
}


def _body_of(request: Request) -> dict[str, Any]:
    if len(request.body) > MAX_BODY_BYTES:
        raise Refusal(413, f"the body has {len(request.body)} bytes, more than {MAX_BODY_BYTES}")
    if not request.body:
        return {}
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError) as fault:
        raise Refusal(400, f"the body is not JSON: {fault}") from None
    if not isinstance(body, dict):
        raise Refusal(400, "the body must be one JSON object")
    return body


def _reply(status: int, body: Any) -> Reply:
    if body is None:
        return Reply(status=status)
    return Reply(status=status, body=json.dumps(body).encode(), content_type=JSON)


def _carry_out(request: Request, operation: Operation) -> Outcome:
    for pattern, methods in _ROUTES:
        found = pattern.fullmatch(request.path)
        if found is None:
            continue
        handler = methods.get(request.method)
        if handler is None:
            raise Refusal(405, f"{request.method} {request.path}: {', '.join(methods)} can be done here")
        return handler(operation, *(int(number) for number in found.groups()))
    raise Refusal(404, f"no {request.path[:80]} here")


Handler = Callable[..., Outcome]
"""(operation, each number of the path in its order) -> outcome."""


def _route(path: str, **methods: Handler) -> tuple[re.Pattern[str], MappingProxyType[str, Handler]]:
    return re.compile(path.replace("N", "([1-9][0-9]{0,9})")), MappingProxyType(methods)


_ROUTES = (
    _route("/status", GET=show_status),
    _route("/settings", GET=show_settings, PATCH=change_settings),
    _route("/devices", GET=admin_devices.list_devices, POST=admin_devices.add_device),
    _route(
        "/devices/N",
        GET=admin_devices.show_device,
        PATCH=admin_devices.change_device,
        DELETE=admin_devices.remove_device,
    ),
    _route("/devices/N/report", GET=admin_reports.show_report),
    _route("/devices/N/log", GET=admin_reports.show_log),
    _route("/fsas", GET=admin_devices.list_groups, POST=admin_devices.add_group),
    _route(
        "/fsas/N",
        GET=admin_devices.show_group,
        PATCH=admin_devices.change_group,
        DELETE=admin_devices.remove_group,
    ),
    _route("/programs", GET=admin_programs.list_programs, POST=admin_programs.add_program),
    _route(
        "/programs/N",
        GET=admin_programs.show_program,
        PATCH=admin_programs.change_program,
        DELETE=admin_programs.remove_program,
    ),
    _route(
        "/programs/N/default",
        GET=admin_programs.show_default,
        PUT=admin_programs.put_default,
        DELETE=admin_programs.remove_default,
    ),
    _route("/programs/N/controls", GET=admin_controls.list_controls, POST=admin_controls.add_control),
    _route("/programs/N/curves", GET=admin_programs.list_curves, POST=admin_programs.add_curve),
    _route("/curves/N", GET=admin_programs.show_curve, DELETE=admin_programs.remove_curve),
    _route("/controls", GET=admin_controls.list_controls),
    _route(
        "/controls/N",
        GET=admin_controls.show_control,
        PATCH=admin_controls.change_control,
        DELETE=admin_controls.remove_control,
    ),
    _route("/controls/N/cancel", POST=admin_controls.cancel_control),
    _route("/controls/N/responses", GET=admin_reports.show_answers),
    _route("/responses", GET=admin_reports.list_responses, DELETE=admin_reports.clear_responses),
    _route("/mirrors", GET=admin_reports.list_mirrors, DELETE=admin_reports.remove_mirrors),
    _route("/mirrors/N", DELETE=admin_reports.remove_mirror),
    _route("/mirrors/N/values", GET=admin_reports.list_values),
    _route(
        "/mischief",
        GET=admin_mischief.list_tricks,
        POST=admin_mischief.add_trick,
        DELETE=admin_mischief.remove_tricks,
    ),
    _route("/mischief/N", GET=admin_mischief.show_trick, DELETE=admin_mischief.remove_trick),
)
