"""docs/openadr.md names every signal that the code knows, once, and refuses there what the code refuses."""

from pathlib import Path

import yaml

from gateway.config.schema import Configuration
from gateway.sessions.openadr2b import DEVICE_CLASSES
from protocols.openadr2b.translate.signals import ROWS
from protocols.openadr3.translate.payloads import SITE_RULES, TABLE

PAGE = (Path(__file__).parents[2] / "docs/openadr.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """The cells of a section's table."""
    body = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in body.splitlines() if line.startswith("| ") and not line.startswith("| signal ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if not line.startswith("| type ")]


def test_every_signal_of_2_0b_stands_there_once() -> None:
    told = {(name, kind): meaning for name, kind, meaning in rows("Signals of 2.0b")}
    assert len(told) == len(rows("Signals of 2.0b"))
    assert told.keys() == ROWS.keys()
    assert {key for key, meaning in told.items() if meaning.startswith("refused")} == {
        key for key, row in ROWS.items() if row.make is None
    }


def test_every_payload_type_of_3_stands_there_once() -> None:
    told = dict(rows("Payload types of OpenADR 3"))
    assert len(told) == len(rows("Payload types of OpenADR 3"))
    assert told.keys() == TABLE.keys() | SITE_RULES
    assert {name for name, meaning in told.items() if meaning.startswith("refused")} == SITE_RULES


def test_every_device_class_stands_there() -> None:
    assert all(f"{name} (" in PAGE or f"{name} and" in PAGE or f"and {name}" in PAGE for name in DEVICE_CLASSES)


def test_the_example_is_taken() -> None:
    example = PAGE.partition("```yaml\n")[2].partition("```")[0]
    configuration = Configuration.model_validate(yaml.safe_load(example))
    assert configuration.sites[0].functions.shed.levels[3][0].power_w == -5000.0
