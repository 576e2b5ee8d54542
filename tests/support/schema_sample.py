"""The smallest value that a JSON schema accepts, for an upstream that obeys schemas."""

from typing import Any


def sample(schema: dict[str, Any], root: dict[str, Any] | None = None) -> Any:
    """A value of ``schema``; handles what the SDKs' schema builders emit.

    Args:
        root: where ``$ref`` points into; the outermost schema if left out.
    """
    root = schema if root is None else root
    if "$ref" in schema:
        node: Any = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            node = node[step]
        return sample(node, root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return sample(schema[choice][0], root)
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    return _OF_TYPE[kind](schema, root)


def _object(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    properties = schema.get("properties", {})
    wanted = schema.get("required", list(properties))
    return {name: sample(properties[name], root) for name in wanted if name in properties}


def _array(schema: dict[str, Any], root: dict[str, Any]) -> list[Any]:
    return [sample(schema.get("items", {}), root)] * max(1, schema.get("minItems", 1))


_OF_TYPE: dict[str, Any] = {
    "object": _object,
    "array": _array,
    "string": lambda schema, root: "text",
    "integer": lambda schema, root: int(schema.get("minimum", 1)),
    "number": lambda schema, root: float(schema.get("minimum", 1.5)),
    "boolean": lambda schema, root: True,
    "null": lambda schema, root: None,
}
