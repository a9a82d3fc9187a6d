"""OpenADR 3: one VEN at one VTN."""

import ssl
from pathlib import Path

from certs.errors import CertificateError
from gateway.config.upstreams import OpenAdr3Upstream
from gateway.sessions.spec import UpstreamSpec
from gateway.sessions.ven import callers, policy_of, resources
from gateway.tools import Tools
from grid_functions.model.errors import OurFault
from grid_functions.model.event import Respondent
from protocols.openadr3.client import Client3
from protocols.openadr3.session.terms import AuthStyle, Terms, Webhook
from protocols.openadr3.webhook import PATIENCE_S
from protocols.openadr3.wire.edition import Edition


def try_credentials(spec: UpstreamSpec) -> None:
    """Load every file as the session will. Raises CertificateError or OSError."""
    _context(spec)
    terms_of(spec)


def respondents(spec: UpstreamSpec) -> tuple[Respondent, ...]:
    """The VEN, or its resources."""
    terms = terms_of(spec)
    return tuple(terms.respondent(served.resource) for served in spec.serves)


def build(spec: UpstreamSpec, tools: Tools) -> Client3:
    """The session; nothing runs yet."""
    upstream, terms = _settings(spec), terms_of(spec)
    return Client3(
        terms,
        policy=policy_of(upstream, terms.respondent("")),
        ssl_context=_context(spec),
        memory=tools.ledger.memory(f"upstream/{upstream.name}"),
        clock=tools.clock.showing(upstream.name),
        dice=tools.dice,
        doorway=callers(PATIENCE_S),
    )


def terms_of(spec: UpstreamSpec) -> Terms:
    """What the session is settled by. Raises CertificateError for a file of secrets that is empty."""
    upstream = _settings(spec)
    oauth, webhook = upstream.oauth, upstream.webhook
    return Terms(
        name=upstream.name,
        url=upstream.url,
        ven_name=upstream.ven_name,
        edition=Edition(upstream.edition),
        auth=AuthStyle.NONE if oauth is None else AuthStyle(oauth.style),
        client_id="" if oauth is None else oauth.client_id,
        client_secret="" if oauth is None else _secret(spec.folder / oauth.client_secret),
        scope="" if oauth is None else oauth.scope,
        token_url="" if oauth is None else oauth.token_url or "",
        programs=upstream.programs,
        targets=upstream.targets,
        serves=resources(spec),
        floor_s=upstream.poll.floor_s,
        ceiling_s=upstream.poll.ceiling_s,
        report_s=upstream.report_s,
        webhook=None
        if webhook is None
        else Webhook(
            callback_url=webhook.address,
            token="" if webhook.token is None else _secret(spec.folder / webhook.token),
            host=webhook.host,
            port=webhook.port,
        ),
        mqtt=upstream.mqtt,
    )


def _settings(spec: UpstreamSpec) -> OpenAdr3Upstream:
    if not isinstance(spec.settings, OpenAdr3Upstream):
        raise OurFault(f"{spec.settings.name} does not speak OpenADR 3")
    return spec.settings


def _secret(path: Path) -> str:
    found = path.read_text(encoding="utf-8").strip()
    if not found or "\n" in found:
        raise CertificateError(f"{path} should hold one line, the secret")
    return found


def _context(spec: UpstreamSpec) -> ssl.SSLContext | None:
    """TLS 1.2 or newer, the server verified (OpenADR 3, security)."""
    upstream = _settings(spec)
    if not upstream.url.startswith("https:"):
        return None
    context = ssl.create_default_context()
    if upstream.ca is not None:
        context = ssl.create_default_context(cafile=str(spec.folder / upstream.ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
