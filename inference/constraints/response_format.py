"""OpenAI's ``response_format`` as a JSON schema."""

from typing import Any

from inference.errors import RequestInvalid

_ANY_OBJECT: dict[str, Any] = {"type": "object"}


def schema_of(response_format: dict[str, Any] | None) -> dict[str, Any] | None:
    """The schema that an answer must meet; None where it is free text.

    A schema is enforced whether or not ``strict`` is set.

    Raises:
        RequestInvalid: it has another type, or no schema.
    """
    kind = (response_format or {}).get("type", "text")
    if response_format is None or kind == "text":
        return None
    if kind == "json_object":
        return _ANY_OBJECT
    if kind != "json_schema":
        raise RequestInvalid(
            "response_format's type is text, json_object or json_schema.", param="response_format"
        )
    named = response_format.get("json_schema")
    schema = named.get("schema") if isinstance(named, dict) else None
    if not isinstance(schema, dict):
        raise RequestInvalid(
            "response_format of type json_schema holds the schema in json_schema.schema.",
            param="response_format",
        )
    return schema
