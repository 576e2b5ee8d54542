"""What is refused before the library reads a schema.

The library bounds its own work, with two gaps that would cost the process: it recurses along
references, and a ``multipleOf`` costs it time and memory in proportion to its value.
"""

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from inference.errors import ConstraintUnsupported

MAX_BYTES = 65_536
MAX_DEPTH = 600  # of the schema and of all that its references name, added up
MAX_MULTIPLE = 100_000


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raises ConstraintUnsupported."""
    try:
        size = len(json.dumps(schema))
    except RecursionError:
        raise _refused("it is nested too deep") from None
    if size > MAX_BYTES:
        raise _refused(f"it has more than {MAX_BYTES} characters")
    if "draft-04" in str(schema.get("$schema")):  # `id` moves what references mean there
        raise _refused("it is of draft 4; write it for draft 2020-12")
    multiples, total = [], 0
    seen, todo = {"#"}, [schema]
    while todo:
        depth, references, found = _survey(todo.pop(), schema)
        multiples += found
        total += depth
        if total > MAX_DEPTH:
            raise _refused("it and what its references name are nested too deep")
        todo += [_find(reference, schema) for reference in references - seen]
        seen |= references
    _check_multiples(multiples)


def _survey(node: Any, root: Any) -> tuple[int, set[str], list[Any]]:
    """How deep ``node`` goes, references not followed; those; its values of ``multipleOf``."""
    deepest, references, multiples = 0, set(), []
    todo = [(node, 1)]
    while todo:
        node, depth = todo.pop()
        deepest = max(deepest, depth)
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                references.add(node["$ref"])
            if isinstance(node.get("$id"), str) and node is not root:
                raise _refused("only its outermost object may have an $id")
            if "multipleOf" in node:
                multiples.append(node["multipleOf"])
            todo += [(item, depth + 1) for item in node.values()]
        elif isinstance(node, list):
            todo += [(item, depth + 1) for item in node]
    return deepest, references, multiples


def _find(target: str, root: Any) -> Any:
    """What a reference names."""
    if not target.startswith("#"):
        raise _refused("its references must lie within it (#/...)")
    node = root
    for part in target[1:].split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(node, list) and key.isdecimal() and int(key) < len(node):
            node = node[int(key)]
        elif isinstance(node, dict) and key in node:
            node = node[key]
        else:
            raise _refused("one of its references leads nowhere")
    return node


def _check_multiples(values: list[Any]) -> None:
    numbers = {Decimal(str(v)) for v in values if isinstance(v, int | float) and v > 0}
    places = max((-int(number.as_tuple().exponent) for number in numbers), default=0)
    whole = [int(number.scaleb(max(0, places))) for number in numbers]
    if math.lcm(*whole) > MAX_MULTIPLE:
        raise _refused("its multipleOf values are too large, or too different")


def _refused(reason: str) -> ConstraintUnsupported:
    return ConstraintUnsupported(f"The schema is not taken: {reason}.", param="response_format")
