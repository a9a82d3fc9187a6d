"""Where a gateway keeps its data: all that a command needs to know to find the one that runs."""

from pathlib import Path

import yaml

from grid_functions.model.errors import ConfigurationFault

_MOST_BYTES = 32 * 1_048_576


def text_of(path: Path) -> str:
    """The text of a configuration. Raises OSError, and ValueError for what cannot be one."""
    with path.open("rb") as file:
        found = file.read(_MOST_BYTES + 1)
    if len(found) > _MOST_BYTES:
        raise ValueError(f"more than {_MOST_BYTES} bytes")
    return found.decode()


def data_folder(path: Path) -> Path:
    """``gateway.data`` of the configuration at ``path``, or its default; nothing else of it is read or judged.

    A gateway that runs can be asked, and stopped, while its file is being edited. Raises ConfigurationFault when there is no telling.
    """
    try:
        plain = yaml.safe_load(text_of(path))
    except OSError as fault:
        why = f"{path}: cannot be read ({fault.strerror}); name the file with --config"
        raise ConfigurationFault((why,)) from fault
    except (ValueError, RecursionError, yaml.YAMLError) as fault:
        raise ConfigurationFault((f"{path}: no YAML; 'osed check --config {path}' says where",)) from fault
    settings = plain.get("gateway") if isinstance(plain, dict) else None
    data = settings.get("data", "data") if isinstance(settings, dict) else "data"
    if not isinstance(data, str) or not data or "\0" in data:
        raise ConfigurationFault((f"{path}: gateway.data: a folder is wanted, not {data!r}",))
    return path.parent / data
