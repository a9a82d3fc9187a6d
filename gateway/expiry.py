"""Warns before a certificate of our own ends, whatever it is shown to. Sixty, thirty and seven days before, and when it is over."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from certs.errors import CertificateError
from certs.validity import end_of
from gateway.config.load import Loaded, files_of

DAYS = (7, 30, 60)
"""Before the end, from when on it is said; each is another alarm."""

UPSTREAM = "upstream "


@dataclass(frozen=True, slots=True)
class Shown:
    """A certificate that we show. ``whose``: the part that shows it; ``ends_s``: UTC, the first of its chain, None = never; ``fault``: why
    that cannot be told.
    """

    whose: str
    file: Path
    ends_s: float | None
    fault: str = ""


def shown_by(loaded: Loaded) -> tuple[Shown, ...]:
    """Every certificate of ours that a configuration names, as its file is now."""
    return tuple(_shown(whose, loaded.folder / file) for whose, file in _named(loaded))


def warning(of: Shown, now_s: float) -> str | None:
    """What is to be said of it at this UTC second; the same words until the next stage. None while nothing is."""
    if of.fault:
        return f"how long our certificate {of.file} is good cannot be told: {of.fault}"
    if of.ends_s is None or now_s < of.ends_s - 86400.0 * max(DAYS):
        return None
    end = datetime.fromtimestamp(of.ends_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
    cure = "put a new one in its place, then 'osed reload'"
    if now_s >= of.ends_s:
        return f"our certificate {of.file} ended {end}: {cure}"
    days = min(days for days in DAYS if now_s >= of.ends_s - 86400.0 * days)
    return f"our certificate {of.file} ends {end}, in less than {days} days: {cure}"


def warnings(of: Iterable[Shown], now_s: float) -> Iterator[tuple[Shown, str]]:
    """All that is to be said."""
    for one in of:
        if (text := warning(one, now_s)) is not None:
            yield one, text


def _named(loaded: Loaded) -> Iterator[tuple[str, Path]]:
    configuration = loaded.configuration
    for upstream in configuration.upstreams:
        for place, file in files_of(upstream):
            if place[-1] == "certificate":
                yield f"{UPSTREAM}{upstream.name}", file
    ocpp = configuration.gateway.ocpp
    if ocpp is not None and ocpp.tls is not None:
        yield "gateway.ocpp", ocpp.tls.certificate
    for server in configuration.gateway.edgex:
        if server.broker is not None and server.broker.certificate is not None:
            yield f"gateway.edgex {server.name}", server.broker.certificate
    for site in configuration.sites:
        for device in site.devices:
            if device.tls is not None:
                yield f"device {site.name}/{device.name}", device.tls.certificate


def _shown(whose: str, file: Path) -> Shown:
    try:
        end = end_of(file.read_bytes())
    except (CertificateError, OSError) as fault:
        # Who uses it judges whether it can be used; here it is only watched.
        return Shown(whose, file, None, str(fault))
    return Shown(whose, file, None if end is None else end.timestamp())
