"""XML namespaces of 2030.5 and CSIP-AUS, and what one peer is written in."""

from dataclasses import dataclass
from types import MappingProxyType

SEP = "urn:ieee:std:2030.5:ns"
DRAFT = "http://ieee.org/2030.5"
"""Some clients built before the 2018 edition still write their bodies in it."""

CSIPAUS_1_1 = "http://csipaus.org/ns"
CSIPAUS = "https://csipaus.org/ns"
"""Editions 1.1a and 1.2."""
CSIPAUS_1_3 = "https://csipaus.org/ns/v1.3"

CSIPAUS_EDITIONS: MappingProxyType[str, str] = MappingProxyType(
    {CSIPAUS_1_1: "1.1", CSIPAUS: "1.2", CSIPAUS_1_3: "1.3"}
)
"""Namespace -> edition. Interpretation: each is read wherever it appears, for servers mix them; one is written."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one peer understands: base namespace, CSIP-AUS namespace (None = no such element), 2018 additions."""

    namespace: str = SEP
    csipaus: str | None = None
    added_2018: bool = True


CSIP = Dialect()
CSIP_AUS = Dialect(csipaus=CSIPAUS)
CSIP_AUS_1_3 = Dialect(csipaus=CSIPAUS_1_3)
STRICT = Dialect(added_2018=False)
"""A strict client from before the 2018 edition: it stops at elements that it does not know."""
