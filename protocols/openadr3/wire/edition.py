"""The two editions of OpenADR 3 that are spoken; 3.1 is not compatible with 3.0.1."""

from enum import StrEnum


class Edition(StrEnum):
    """Named per VTN in the configuration: the wire does not tell."""

    V3_0_1 = "3.0.1"
    V3_1 = "3.1"
