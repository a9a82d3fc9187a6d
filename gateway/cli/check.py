"""osed check: the configuration, whole."""

import json
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.output import Json, document, people
from grid_functions.model.errors import ConfigurationFault


def check(
    config: Annotated[Path, typer.Option("--config", "-c", help="The configuration to check.")] = Path("osed.yaml"),
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of the configuration instead.")
    ] = False,
    json_: Json = False,
) -> None:
    """Check a configuration: every mistake at once, with file and line.

    Example: osed check --config osed.yaml
    """
    from gateway.config.load import load
    from gateway.config.schema import Configuration
    from gateway.guests.options import mistakes
    from gateway.specification import specify
    from gateway.wiring import FAMILIES

    if schema:
        print(json.dumps(Configuration.model_json_schema(), indent=2))
        return
    loaded = load(config, FAMILIES)
    specify(loaded)
    if faults := tuple(mistakes(loaded.configuration)):
        raise ConfigurationFault(faults)
    facts = {
        "ok": True,
        "gateway": loaded.configuration.gateway.name,
        "upstreams": [u.name for u in loaded.configuration.upstreams],
        "sites": {s.name: [d.name for d in s.devices] for s in loaded.configuration.sites},
    }
    if json_:
        document(facts)
        return
    people.print(
        f"{config} is sound: {len(loaded.configuration.upstreams)} upstream(s), {len(loaded.configuration.sites)} site(s)"
    )
