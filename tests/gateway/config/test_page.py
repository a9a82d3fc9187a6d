"""docs/configuration.md names every key with its default and range, as the configuration's models have them."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from gateway.config import api, areas, edgex, functions, homeassistant, ocpp, schema, upstreams
from gateway.config.schema import Configuration

PAGE = (Path(__file__).parents[3] / "docs/configuration.md").read_text()

SECTIONS: dict[str, type[BaseModel]] = {
    "gateway": schema.GatewaySettings,
    "gateway.homeassistant[]": homeassistant.HomeAssistantSettings,
    "gateway.edgex[]": edgex.EdgexSettings,
    "gateway.edgex[].broker": edgex.EdgexBroker,
    "gateway.ocpp": ocpp.OcppSettings,
    "gateway.ocpp.tls": ocpp.OcppTls,
    "gateway.api": api.ApiSettings,
    "gateway.api.tokens[]": api.ApiToken,
    "upstreams[]: ieee2030_5": upstreams.Ieee2030_5Upstream,
    "upstreams[]: ieee2030_5, tls": upstreams.TlsSettings,
    "upstreams[]: ieee2030_5, serves[]": upstreams.Service,
    "upstreams[]: ieee2030_5, poll": upstreams.Poll,
    "upstreams[]: openadr2b": upstreams.OpenAdr2bUpstream,
    "upstreams[]: openadr2b, tls": upstreams.VtnTls,
    "upstreams[]: openadr2b, signature": upstreams.Signature,
    "upstreams[]: openadr2b, push": upstreams.Push,
    "upstreams[]: openadr2b, poll": upstreams.VenPoll,
    "upstreams[]: openadr3": upstreams.OpenAdr3Upstream,
    "upstreams[]: openadr3, oauth": upstreams.Oauth,
    "upstreams[]: openadr3, webhook": upstreams.Webhook,
    "upstreams[]: openadr3, poll": upstreams.Poll3,
    "upstreams[]: openadr, serves[]": upstreams.Resource,
    "upstreams[].fail_safe": upstreams.FailSafe,
    "sites[]": schema.SiteSettings,
    "sites[].connection": schema.ConnectionSettings,
    "sites[].devices[]": schema.DeviceSettings,
    "sites[].devices[].tls": schema.DeviceTls,
    "sites[].fuse_groups[]": schema.FuseGroupSettings,
    "sites[].dwell": schema.DwellSettings,
    "sites[].baseline": schema.BaselineSettings,
    "sites[].functions": functions.FunctionSettings,
    "areas[]": areas.AreaSettings,
    "areas[].functions": areas.AreaFunctions,
}
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
UNITS = {"w": "W", "s": "s", "a": "A", "days": "days"}


def told(section: str) -> dict[str, tuple[str, str, str]]:
    """Key -> (unit, default, range) as the page says under a heading."""
    body = PAGE.partition(f"\n## `{section}`\n")[2].partition("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in body.splitlines() if line.startswith("| `")
    ]
    assert all(len(row) == 5 and row[4] for row in rows)
    return {row[0].strip("` "): (row[1], row[2], row[3]) for row in rows}


def true(model: type[BaseModel]) -> dict[str, tuple[str, str, str]]:
    """Key -> (unit, default, range) as the model has them."""
    plain = model.model_json_schema(by_alias=True)
    required = set(plain.get("required", ()))
    return {
        key: (
            unit(key),
            "required" if key in required else default(one),
            allowed(one, plain.get("$defs", {})),
        )
        for key, one in plain["properties"].items()
    }


def unit(key: str) -> str:
    """The unit that a key names at its end."""
    if key.endswith("_pct_per_s"):
        return "% of setMaxW per s"
    return UNITS.get(key.rpartition("_")[2], "") if "_" in key else ""


def default(one: dict[str, Any]) -> str:
    """A default as the page writes it."""
    value = one.get("default")
    if value is None or isinstance(value, dict):
        return "none"
    return f"`{json.dumps(value).strip(chr(34))}`"


def allowed(one: dict[str, Any], defs: dict[str, Any]) -> str:
    """A range as the page writes it."""
    if "$ref" in one:
        one = defs[one["$ref"].rpartition("/")[2]]
    if "anyOf" in one:
        return allowed(next(each for each in one["anyOf"] if each.get("type") != "null"), defs)
    if "enum" in one or "const" in one:
        return ", ".join(f"`{each}`" for each in one.get("enum", [one.get("const")]))
    if one.get("type") == "array":
        inner = allowed(one["items"], defs)
        return f"list of {inner}" + (
            f", {one['minItems']} or more" if "minItems" in one and "maxItems" not in one else ""
        )
    if one.get("type") == "object":
        return "below"
    if one.get("type") in ("number", "integer"):
        low = f"{number(one['minimum'])}" if "minimum" in one else f"more than {number(one['exclusiveMinimum'])}"
        return f"{low} to {number(one['maximum'])}"
    if one.get("type") == "boolean":
        return "`true`, `false`"
    if one.get("pattern") == NAME:
        return "a name"
    return {"path": "path"}.get(one.get("format", ""), f"`{one['pattern']}`" if "pattern" in one else "text")


def number(value: float) -> str:
    """With commas, without a fraction of nothing."""
    return f"{int(value):,}" if value == int(value) else f"{value:,}"


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_stands_there_with_its_unit_default_and_range(section: str) -> None:
    assert told(section) == {
        key: (unit, usual, given.replace("|", r"\|")) for key, (unit, usual, given) in true(SECTIONS[section]).items()
    }


def test_no_section_is_left_out() -> None:
    headings = {line.strip("# `") for line in PAGE.splitlines() if line.startswith("## `")}
    assert headings == set(SECTIONS)
    assert set(Configuration.model_fields) == {"gateway", "upstreams", "sites", "areas"}


def test_the_example_of_the_page_is_taken() -> None:
    example = PAGE.partition("```yaml\n")[2].partition("```")[0]
    configuration = Configuration.model_validate(yaml.safe_load(example))
    assert configuration.sites[0].devices[1].serial == "12345"
