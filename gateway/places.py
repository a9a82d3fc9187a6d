"""Where the servers are that devices are behind, and how they are trusted, from the configuration."""

import ssl
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from adapters.edgex import client as edgex
from adapters.edgex.bus import Broker
from adapters.homeassistant import client as homeassistant
from gateway.config.edgex import EdgexBroker, EdgexSettings, password_of
from gateway.config.edgex import token_of as jwt_of
from gateway.config.homeassistant import HomeAssistantSettings, token_of

_MQTT_PORTS = {"mqtt": 1883, "mqtts": 8883}


def home_at(settings: HomeAssistantSettings, folder: Path) -> homeassistant.Place:
    """A server of Home Assistant. Its token is read whenever it is needed. Raises OSError for what is no certificate."""
    context = _trusting(folder, settings.ca) if settings.url.startswith("https:") else None
    return homeassistant.Place(settings.name, settings.url, partial(token_of, folder / settings.token_file), context)


def edgex_at(settings: EdgexSettings, folder: Path) -> edgex.Place:
    """An EdgeX. Its token and password are read whenever they are needed. Raises OSError for what is no certificate."""
    url = settings.url or ""
    return edgex.Place(
        settings.name,
        url,
        settings.api,
        None if settings.token_file is None else partial(jwt_of, folder / settings.token_file),
        _trusting(folder, settings.ca) if url.startswith("https:") else None,
        None if settings.broker is None else _broker_at(settings.broker, settings.api, folder),
    )


def _broker_at(settings: EdgexBroker, version: str, folder: Path) -> Broker:
    parts = urlsplit(settings.url)
    context = None
    if parts.scheme == "mqtts":
        context = _trusting(folder, settings.ca)
        if settings.certificate is not None and settings.key is not None:
            # An empty password keeps OpenSSL from asking for one on a terminal.
            context.load_cert_chain(folder / settings.certificate, folder / settings.key, password="")
    return Broker(
        parts.hostname or "",
        parts.port or _MQTT_PORTS[parts.scheme],
        context,
        settings.username or "",
        None if settings.password_file is None else partial(password_of, folder / settings.password_file),
        settings.events,
        settings.request_topic if settings.commands else "",
        settings.response_topic if settings.commands else "",
        version,
    )


def _trusting(folder: Path, ca: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=None if ca is None else str(folder / ca))
