"""Options of a plug-in: plain values of osed.yaml into its own frozen dataclass, which checks itself."""

from typing import Any

from pydantic import TypeAdapter, ValidationError

from grid_functions.model.errors import ConfigurationFault


def structured(kind: type[Any], settings: str) -> Any:
    """The options that ``settings`` (JSON) tell. Raises ConfigurationFault with every mistake."""
    try:
        return TypeAdapter(kind, config=None).validate_json(settings, extra="forbid")
    except ValidationError as fault:
        mistakes = tuple(
            f"{'.'.join(map(str, one['loc'])) or 'options'}: {one['msg'].removeprefix('Value error, ')}"
            for one in fault.errors()
        )
        raise ConfigurationFault(mistakes) from fault
