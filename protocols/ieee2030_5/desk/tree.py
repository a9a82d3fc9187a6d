"""The server's mind: every route, its methods, who may enter."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType

from protocols.ieee2030_5.desk import controls, ders, devices, mirrors, responses
from protocols.ieee2030_5.desk.exchange import Answer, Refusal, Request, Visit
from protocols.ieee2030_5.desk.shelf import View, settings_of

Handler = Callable[..., Answer]
"""(visit, each number of the path in its order) -> answer."""


@dataclass(frozen=True, slots=True)
class Desk:
    """A utility server's 2030.5 side. `sfdi_of`: the SFDI of an LFDI."""

    sfdi_of: Callable[[str], int]

    def answer(self, request: Request, who: str | None, now_s: float, store: View) -> Answer:
        """Answer one request from the peer with LFDI `who` (None = no certificate) at `now_s`, UTC as epoch seconds.

        The changes must be kept before the reply is sent; there are none with a reply of 4xx or 5xx.
        """
        settings = settings_of(store)
        try:
            if not who:
                raise Refusal(403, "no certificate")
            visit = Visit(
                request=request,
                who=who.upper(),
                now_s=int(now_s) + settings.clock_offset_s,
                arrived_ms=int(now_s * 1000),
                store=store,
                settings=settings,
                sfdi=self.sfdi_of(who),
            )
            return _enter(visit)
        except Refusal as refusal:
            return Answer(refusal.reply())


def _enter(visit: Visit) -> Answer:
    if visit.own() is None and not visit.devices() and not visit.settings.in_band:
        raise Refusal(403, f"certificate {visit.who} is not known here")
    for pattern, methods in _ROUTES:
        found = pattern.fullmatch(visit.request.path)
        if found is None:
            continue
        method = "GET" if visit.request.method == "HEAD" else visit.request.method
        handler = methods.get(method)
        if handler is None:
            allow = ", ".join(sorted({*methods, "HEAD"} if "GET" in methods else methods))
            reason = f"{visit.request.method} on {visit.request.path}"
            return Answer(replace(Refusal(405, reason).reply(), allow=allow))
        return handler(visit, *(int(number) for number in found.groups()))
    raise Refusal(404, f"no resource {visit.request.path[:80]}")


def _route(path: str, **methods: Handler) -> tuple[re.Pattern[str], MappingProxyType[str, Handler]]:
    return re.compile(path.replace("N", "([1-9][0-9]{0,9})")), MappingProxyType(methods)


def _told(one: ders.Told, *, post: bool) -> tuple[re.Pattern[str], MappingProxyType[str, Handler]]:
    """Interpretation: field clients also POST what they tell of their DER, which is taken like a PUT."""
    return _route(f"/edev/N/{one.path}", GET=one.show, PUT=one.put, **({"POST": one.put} if post else {}))


_ROUTES = (
    _route("/dcap", GET=devices.show_capability),
    _route("/tm", GET=devices.show_time),
    _route("/edev", GET=devices.show_devices, POST=devices.register),
    _route("/edev/N", GET=devices.show_device),
    _route("/edev/N/rg", GET=devices.show_registration),
    _route("/edev/N/cp", GET=devices.show_connection_point, PUT=devices.put_connection_point),
    _told(ders.INFORMATION, post=False),
    _route("/edev/N/lel", GET=ders.show_log, POST=ders.post_log_entry),
    _route("/edev/N/lel/N", GET=ders.show_log_entry),
    _route("/edev/N/fsa", GET=devices.show_groups),
    _route("/edev/N/fsa/N", GET=devices.show_group),
    _route("/edev/N/fsa/N/derp", GET=controls.show_programs),
    _route("/edev/N/der", GET=ders.show_ders),
    _route("/edev/N/der/1", GET=ders.show_der),
    _route("/edev/N/der/1/derp", GET=controls.show_associated),
    *(_told(one, post=True) for one in (ders.CAPABILITY, ders.SETTINGS, ders.STATUS, ders.AVAILABILITY)),
    _route("/derp/N", GET=controls.show_program),
    _route("/derp/N/derc", GET=controls.show_controls),
    _route("/derp/N/derc/N", GET=controls.show_control),
    _route("/derp/N/actderc", GET=controls.show_active),
    _route("/derp/N/dderc", GET=controls.show_default),
    _route("/derp/N/dc", GET=controls.show_curves),
    _route("/derp/N/dc/N", GET=controls.show_curve),
    _route("/rsps", GET=responses.show_sets),
    _route("/rsps/1", GET=responses.show_set),
    _route("/rsps/1/rsp", GET=responses.show_responses, POST=responses.post_response),
    _route("/rsps/1/rsp/N", GET=responses.show_response),
    _route("/mup", GET=mirrors.show_mirrors, POST=mirrors.post_mirror),
    _route(
        "/mup/N",
        GET=mirrors.show_mirror,
        PUT=mirrors.put_mirror,
        POST=mirrors.post_readings,
        DELETE=mirrors.delete_mirror,
    ),
)
