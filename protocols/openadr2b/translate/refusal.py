"""Why an event is refused, in the profile's own numbers (OpenADR 2.0b profile, table of application error codes)."""

from dataclasses import dataclass
from enum import IntEnum


class Code(IntEnum):
    """responseCode."""

    OK = 200
    OUT_OF_SEQUENCE = 450
    NOT_ALLOWED = 451
    INVALID_ID = 452
    NOT_RECOGNIZED = 453
    INVALID_DATA = 454
    COMPLIANCE = 459
    SIGNAL_NOT_SUPPORTED = 460
    REPORT_NOT_SUPPORTED = 461
    TARGET_MISMATCH = 462
    NOT_REGISTERED = 463
    DEPLOYMENT = 469


@dataclass(frozen=True, slots=True)
class Refusal:
    """A code, and words for people."""

    code: Code
    text: str
