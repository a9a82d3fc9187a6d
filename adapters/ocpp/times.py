"""Times of OCPP (RFC 3339) <-> seconds since 1970; pure."""

from datetime import UTC, datetime


def written(utc_s: float) -> str:
    """In UTC, to the millisecond."""
    return datetime.fromtimestamp(utc_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read(text: object) -> float | None:
    """None: it is none. Interpretation: a time without a zone, as some stations send it, is UTC."""
    if not isinstance(text, str) or len(text) > 40:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
