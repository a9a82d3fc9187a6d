"""The protocols that are spoken upwards, by the name the file has for them.

Each is loaded once an upstream speaks it: it takes megabytes.
"""

from typing import Protocol

from gateway.config.upstreams import Ieee2030_5Upstream, OpenAdr2bUpstream, OpenAdr3Upstream, Upstream
from gateway.sessions.session import Session
from gateway.sessions.spec import Served, UpstreamSpec
from gateway.tools import Tools
from grid_functions.model.event import Respondent


class Room(Protocol):
    """What each file beside this one offers."""

    def try_credentials(self, spec: UpstreamSpec) -> None:
        """Load every file as the session will. Raises CertificateError or OSError."""

    def respondents(self, spec: UpstreamSpec) -> tuple[Respondent, ...]:
        """Who answers for each one served, in the same order."""

    def build(self, spec: UpstreamSpec, tools: Tools) -> Session:
        """The session; nothing runs yet."""


def try_credentials(spec: UpstreamSpec) -> None:
    """Load every file as the session will. Raises CertificateError or OSError."""
    _room(spec.settings).try_credentials(spec)


def served_by(spec: UpstreamSpec) -> dict[Respondent, Served]:
    """What each respondent stands for."""
    return dict(zip(_room(spec.settings).respondents(spec), spec.serves, strict=True))


def build(spec: UpstreamSpec, tools: Tools) -> Session:
    """The session of an upstream; nothing runs yet."""
    return _room(spec.settings).build(spec, tools)


def _room(settings: Upstream) -> Room:
    match settings:
        case Ieee2030_5Upstream():
            from gateway.sessions import ieee2030_5

            return ieee2030_5
        case OpenAdr2bUpstream():
            from gateway.sessions import openadr2b

            return openadr2b
        case OpenAdr3Upstream():
            from gateway.sessions import openadr3

            return openadr3
