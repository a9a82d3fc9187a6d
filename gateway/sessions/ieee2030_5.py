"""IEEE 2030.5: one EndDevice at one server."""

from certs.credential import client_credential
from certs.identity import identify
from certs.tls import TlsFiles, client_context
from gateway.config.upstreams import Ieee2030_5Upstream
from gateway.config.upstreams import Profile as Spoken
from gateway.sessions.fail_safe import controls_of
from gateway.sessions.spec import UpstreamSpec
from gateway.tools import Tools
from grid_functions.model.claim import Source, SourceKind
from grid_functions.model.errors import OurFault
from grid_functions.model.event import Respondent
from grid_functions.model.policy import Policy, Vanished
from protocols.ieee2030_5.client import Client2030_5
from protocols.ieee2030_5.session.terms import Profile, Terms
from protocols.ieee2030_5.translate.category import category_of
from protocols.ieee2030_5.wire.namespaces import CSIP, CSIP_AUS, CSIPAUS_1_1, Dialect

_DIALECTS = {
    Spoken.CSIP: CSIP,
    Spoken.CSIP_AUS: CSIP_AUS,
    Spoken.CSIP_AUS_1_1: Dialect(csipaus=CSIPAUS_1_1),
}


def try_credentials(spec: UpstreamSpec) -> None:
    """Load every file as the session will. Raises CertificateError or OSError."""
    client_context(_files(spec), _settings(spec).tls.ciphers)


def respondents(spec: UpstreamSpec) -> tuple[Respondent, ...]:
    """The one EndDevice, by its LFDI."""
    return (terms_of(spec).respondent,)


def build(spec: UpstreamSpec, tools: Tools) -> Client2030_5:
    """The session; nothing runs yet."""
    upstream, terms = _settings(spec), terms_of(spec)
    policy = Policy(
        clock=upstream.name,
        source=Source(SourceKind.IEEE2030_5, upstream.name, terms.respondent),
        final=True,
        vanished=Vanished.KEEP if upstream.edition == 2018 else Vanished.CANCEL,
        opt_out=upstream.opt_out,
        fail_safe=controls_of(upstream.fail_safe),
        fail_safe_after_s=upstream.fail_safe.after_s,
        gradient_pct_per_s=upstream.default_gradient_pct_per_s,
        hold_over_s=upstream.hold_over_s,
    )
    return Client2030_5(
        terms,
        policy=policy,
        ssl_context=client_credential(_files(spec), upstream.tls.ciphers),
        memory=tools.ledger.memory(f"upstream/{upstream.name}"),
        clock=tools.clock.showing(),  # its server's time it knows itself
        dice=tools.dice,
        devices=spec.serves[0].devices,
        dialect=_DIALECTS[upstream.profile],
    )


def terms_of(spec: UpstreamSpec) -> Terms:
    """What the session is settled by."""
    upstream = _settings(spec)
    service, identity = upstream.serves[0], identify(_files(spec).certificate.read_bytes())
    return Terms(
        name=upstream.name,
        url=upstream.url,
        lfdi=identity.lfdi,
        sfdi=identity.sfdi,
        profile=Profile.CSIP if upstream.profile is Spoken.CSIP else Profile.CSIP_AUS,
        pin=service.pin,
        nmi=service.nmi or "",
        pen=service.pen,
        register=service.register_in_band,
        device_category=category_of(spec.serves[0].roles.values()),
        floor_s=upstream.poll.floor_s,
        ceiling_s=upstream.poll.ceiling_s,
    )


def _settings(spec: UpstreamSpec) -> Ieee2030_5Upstream:
    if not isinstance(spec.settings, Ieee2030_5Upstream):
        raise OurFault(f"{spec.settings.name} does not speak IEEE 2030.5")
    return spec.settings


def _files(spec: UpstreamSpec) -> TlsFiles:
    tls = _settings(spec).tls
    return TlsFiles(spec.folder / tls.certificate, spec.folder / tls.key, spec.folder / tls.ca)
