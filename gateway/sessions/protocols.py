"""The protocols that are spoken upwards, by the name the file has for them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from gateway.sessions import ieee2030_5, openadr2b, openadr3
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


_ROOMS: Mapping[str, Room] = MappingProxyType({"ieee2030_5": ieee2030_5, "openadr2b": openadr2b, "openadr3": openadr3})


def try_credentials(spec: UpstreamSpec) -> None:
    """Load every file as the session will. Raises CertificateError or OSError."""
    _ROOMS[spec.settings.protocol].try_credentials(spec)


def served_by(spec: UpstreamSpec) -> dict[Respondent, Served]:
    """What each respondent stands for."""
    return dict(zip(_ROOMS[spec.settings.protocol].respondents(spec), spec.serves, strict=True))


def build(spec: UpstreamSpec, tools: Tools) -> Session:
    """The session of an upstream; nothing runs yet."""
    return _ROOMS[spec.settings.protocol].build(spec, tools)
