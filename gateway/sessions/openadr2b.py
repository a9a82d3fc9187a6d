"""OpenADR 2.0b: one VEN at one VTN, polling or being pushed to."""

import ssl
from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import urlsplit

from certs.signature import Signer, Trust, Verifier
from certs.tls import OPENADR_CIPHERS, TlsFiles, openadr_client_context, openadr_server_context
from gateway.config.upstreams import OpenAdr2bUpstream, Push
from gateway.sessions.spec import UpstreamSpec
from gateway.sessions.ven import callers, policy_of, resources
from gateway.tools import Tools
from grid_functions.model.device import Role
from grid_functions.model.errors import OurFault
from grid_functions.model.event import Read, Respondent
from protocols.openadr2b.client import Client2b
from protocols.openadr2b.server import PATIENCE_S, PushServer
from protocols.openadr2b.session.terms import OptBy, Terms

DEVICE_CLASSES: Mapping[str, frozenset[Role]] = {
    "Smart_Inverter": frozenset({Role.PV, Role.BATTERY, Role.HYBRID}),
    "Generation_Systems": frozenset({Role.PV, Role.HYBRID}),
    "RESU": frozenset({Role.BATTERY, Role.HYBRID}),
    "Storage": frozenset({Role.BATTERY, Role.HYBRID}),
    "EVSE": frozenset({Role.EVSE}),
    "Electric_Vehicle": frozenset({Role.EVSE}),
    "Energy_Management_System": frozenset({Role.PV, Role.BATTERY, Role.HYBRID, Role.EVSE}),
}
"""Device classes of a signal's target (endDeviceAsset) that follow from what a device does at its site."""


class PushedClient(Client2b):
    """A VEN that listens for its VTN for as long as its session is held."""

    _server: Callable[[], PushServer]

    def listen(self, push: Push, tls: ssl.SSLContext | None) -> None:
        """Where, from the next run on."""
        prefix = urlsplit(push.address).path
        self._server = partial(
            PushServer, self, callers(PATIENCE_S), host=push.host, port=push.port, prefix=prefix, ssl_context=tls
        )

    async def run(self, intake: Callable[[Read], None]) -> None:
        """Hold the session until cancelled, the server beside it."""
        async with self._server():
            await super().run(intake)


def try_credentials(spec: UpstreamSpec) -> None:
    """Load every file as the session will. Raises CertificateError or OSError."""
    _client_context(spec)
    _signatures(spec, lambda: 0.0)


def respondents(spec: UpstreamSpec) -> tuple[Respondent, ...]:
    """The VEN, or its resources."""
    terms = terms_of(spec)
    return tuple(terms.respondent(served.resource) for served in spec.serves)


def build(spec: UpstreamSpec, tools: Tools) -> Client2b:
    """The session; nothing runs yet."""
    upstream = _settings(spec)
    sign, verify = _signatures(spec, lambda: tools.clock.now().utc_s) or (None, None)
    client = (Client2b if upstream.push is None else PushedClient)(
        terms_of(spec),
        policies={one: policy_of(upstream, one) for one in respondents(spec)},
        ssl_context=_client_context(spec),
        memory=tools.ledger.memory(f"upstream/{upstream.name}"),
        clock=tools.clock.showing(upstream.name),
        dice=tools.dice,
        sign=sign,
        verify=verify,
    )
    if isinstance(client, PushedClient) and upstream.push is not None:
        files = _files(spec)
        client.listen(upstream.push, None if files is None else openadr_server_context(files, _ciphers(upstream)))
    return client


def terms_of(spec: UpstreamSpec) -> Terms:
    """What the session is settled by."""
    upstream = _settings(spec)
    return Terms(
        name=upstream.name,
        url=upstream.url,
        ven_name=upstream.ven_name,
        ven_id=upstream.ven_id or "",
        registration_id=upstream.registration_id or "",
        vtn_id=upstream.vtn_id or "",
        respondents=resources(spec),
        market_contexts=frozenset(upstream.market_contexts),
        groups=frozenset(upstream.groups),
        classes=_classes(spec),
        assumed_power_w=upstream.assumed_power_w,
        floor_s=upstream.poll.floor_s,
        ceiling_s=upstream.poll.ceiling_s,
        poll_s=upstream.poll.every_s,
        query=upstream.query,
        report_only=upstream.report_only,
        opt_by=OptBy(upstream.opt_by),
        push_address="" if upstream.push is None else upstream.push.address,
    )


def _classes(spec: UpstreamSpec) -> dict[str, frozenset[str]]:
    """Devices by class: those that follow from their roles, and those that configuration adds."""
    named = {name: frozenset(devices) for name, devices in _settings(spec).classes.items()}
    roles = [pair for served in spec.serves for pair in served.roles.items()]
    found = {of: frozenset(name for name, role in roles if role in wanted) for of, wanted in DEVICE_CLASSES.items()}
    return {of: found.get(of, frozenset()) | named.get(of, frozenset()) for of in found.keys() | named.keys()}


def _settings(spec: UpstreamSpec) -> OpenAdr2bUpstream:
    if not isinstance(spec.settings, OpenAdr2bUpstream):
        raise OurFault(f"{spec.settings.name} does not speak OpenADR 2.0b")
    return spec.settings


def _files(spec: UpstreamSpec) -> TlsFiles | None:
    tls = _settings(spec).tls
    return None if tls is None else TlsFiles(*(spec.folder / one for one in (tls.certificate, tls.key, tls.ca)))


def _ciphers(upstream: OpenAdr2bUpstream) -> tuple[str, ...]:
    return (upstream.tls.ciphers if upstream.tls is not None else None) or OPENADR_CIPHERS


def _client_context(spec: UpstreamSpec) -> ssl.SSLContext | None:
    upstream, files = _settings(spec), _files(spec)
    if upstream.tls is None or files is None:
        return None
    return openadr_client_context(
        files, _ciphers(upstream), check_host=upstream.tls.check_host, tls13=upstream.tls.tls_1_3
    )


def _signatures(spec: UpstreamSpec, now: Callable[[], float]) -> tuple[Signer, Verifier] | None:
    told = _settings(spec).signature
    if told is None:
        return None
    trust = Trust.of(told.fingerprints, None if told.ca is None else spec.folder / told.ca)
    signer = Signer(spec.folder / told.certificate, spec.folder / told.key, now)
    return signer, Verifier(trust, now, window_s=told.window_s)
