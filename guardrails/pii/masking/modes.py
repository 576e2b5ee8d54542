"""Modes by entity type as a policy names them."""

from collections.abc import Mapping
from difflib import get_close_matches

from guardrails.pii.entities import ALL_ENTITIES
from guardrails.pii.tokens import token_name
from guardrails.types import MaskMode


def parse_modes(modes: Mapping[str, MaskMode]) -> dict[str, MaskMode]:
    """``modes`` with types as the engine writes them: ``credit card`` is ``CREDIT_CARD``.

    A type that the engine does not know is taken as it is, since a customer's recognizer may
    bring it.

    Raises:
        ValueError: a name that is nearly one of the engine's, such as ``PERSN``, or no name.
    """
    parsed: dict[str, MaskMode] = {}
    for name, mode in modes.items():
        entity_type = _entity_type(name)
        if parsed.setdefault(entity_type, mode) is not mode:
            raise ValueError(f"{entity_type} is given two modes")
    return parsed


def _entity_type(name: str) -> str:
    if name in ALL_ENTITIES:
        return name
    entity_type = "_".join(name.upper().replace("-", " ").replace("_", " ").split())
    if entity_type in ALL_ENTITIES:
        return entity_type
    if not any(map(str.isalpha, name)) or token_name(name) == "VALUE":
        raise ValueError(f"{name!r} is no entity type; docs/privacy.md lists them")
    nearest = get_close_matches(entity_type, ALL_ENTITIES, n=1, cutoff=0.8)
    if nearest:
        raise ValueError(f"{name!r} is no entity type; did you mean {nearest[0]}?")
    return name
