"""Writes docs/configuration.md from the settings: ``python -m gateway.settings.docs``."""

import types
from collections.abc import Iterator
from enum import EnumType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gateway.settings import Settings

_INTRODUCTION = """# Configuration

One YAML file, read at start: `--config FILE`, else `SOVGATE_CONFIG`, else `./sovgate.yaml`, else
`.sovgate/sovgate.yaml`. A wrong or unknown field stops the start with its name. The environment
wins over the file: `SOVGATE_SERVER__PORT=9000` sets `server.port`, lists and maps are given as
JSON. Secrets are never in the file: it names environment variables (`api_key_env`,
`password_env`, `env`) and files. Relative paths start at the working directory.

This page is made by `python -m gateway.settings.docs`; a test compares them.
"""


def render() -> str:
    """The page's Markdown."""
    lines = [_INTRODUCTION]
    for title, model in _sections("", Settings):
        lines += [f"\n## {title}\n", "| field | type | default | meaning |", "|---|---|---|---|"]
        lines += [_row(name, field) for name, field in model.model_fields.items()]
    return "\n".join(lines) + "\n"


def _sections(prefix: str, model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """Each model once, in the order in which a reader meets it."""
    if model is not Settings:
        yield f"`{prefix}`", model
    else:
        yield "Top level", model
    for name, field in model.model_fields.items():
        for inner, suffix in _models_in(field.annotation):
            yield from _sections(f"{prefix}.{name}{suffix}".lstrip("."), inner)


def _models_in(annotation: Any) -> list[tuple[type[BaseModel], str]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [(annotation, "")]
    suffix = {list: "[]", dict: ".NAME"}.get(get_origin(annotation) or object, "")
    found = []
    for argument in get_args(annotation):
        found += [(model, suffix + rest) for model, rest in _models_in(argument)]
    return found


def _row(name: str, field: FieldInfo) -> str:
    if field.is_required():
        default = "required"
    elif isinstance(field.default, BaseModel):
        default = ""
    else:
        value = field.default
        default = "null" if value is None else f"`{value}`"
        if isinstance(value, dict | list) and not value:
            default = "empty"
        elif isinstance(value, dict):
            default = ""
    return f"| `{name}` | {_type(field.annotation)} | {default} | {field.description} |"


def _type(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Literal:
        return " / ".join(f"`{value}`" for value in get_args(annotation))
    if origin in (Union, types.UnionType):
        return " or ".join(
            "null" if item is type(None) else _type(item) for item in get_args(annotation)
        )
    if origin is Annotated:
        return _type(get_args(annotation)[0])
    if origin is list:
        return f"list of {_type(get_args(annotation)[0])}"
    if origin is dict:
        return f"map to {_type(get_args(annotation)[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "section"
    if isinstance(annotation, EnumType):
        return " / ".join(f"`{item}`" for item in annotation)
    names = {"str": "text", "int": "integer", "float": "number", "bool": "true / false"}
    name = getattr(annotation, "__name__", str(annotation))
    return names.get(name, name.lower())


if __name__ == "__main__":
    from pathlib import Path

    (Path(__file__).parents[2] / "docs" / "configuration.md").write_text(render())
