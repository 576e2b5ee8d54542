"""Finds and reads the file."""

import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import SettingsError as UnreadableVariable

from core.yaml_text import InvalidYaml, read_yaml
from gateway.errors import SettingsError
from gateway.settings.root import Settings

DEFAULT_CONFIG_PATHS = (Path("sovgate.yaml"), Path(".sovgate/sovgate.yaml"))


def find_config(path: Path | None = None) -> Path:
    """The configuration file: ``path``, else ``SOVGATE_CONFIG``, else ``sovgate.yaml`` or
    ``.sovgate/sovgate.yaml`` in the working directory.

    Raises:
        SettingsError: if there is none.
    """
    if path is None and os.environ.get("SOVGATE_CONFIG"):
        path = Path(os.environ["SOVGATE_CONFIG"])
    if path is not None:
        if not path.is_file():
            raise SettingsError(f"There is no configuration file {path}.")
        return path
    for candidate in DEFAULT_CONFIG_PATHS:
        if candidate.is_file():
            return candidate
    raise SettingsError(
        "No configuration: pass --config FILE, set SOVGATE_CONFIG, or run `sovgate demo` first."
    )


def load_settings(path: Path | None = None) -> Settings:
    """Read and validate the configuration file (see ``find_config`` for where it is).

    Raises:
        SettingsError: one sentence for each wrong field.
    """
    path = find_config(path)
    try:
        content = read_yaml(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"{path} cannot be read as UTF-8 text.") from None
    except InvalidYaml as error:
        raise SettingsError(f"{path} is not valid YAML: {error}.") from None
    if not isinstance(content, dict):
        raise SettingsError(f"{path} must hold sections such as `server:` and `upstreams:`.")
    return parse_settings(content, source=str(path))


def parse_settings(content: dict[str, Any], *, source: str = "settings") -> Settings:
    """Validate a configuration that was read already."""
    if not all(isinstance(name, str) for name in content):
        raise SettingsError(f"{source} must hold sections such as `server:` and `upstreams:`.")
    try:
        return Settings(**content)
    except UnreadableVariable as error:
        raise SettingsError(f"{error}; lists and maps are given as JSON.") from None
    except ValidationError as error:
        lines = [f"  {_location(item['loc'])}: {item['msg']}" for item in error.errors()]
        raise SettingsError(f"{source} is not valid:\n" + "\n".join(lines)) from None


def _location(parts: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in parts) or "settings"
