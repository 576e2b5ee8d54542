"""Fields that hold one text, several, or token ids: ``prompt`` and ``input``."""

from typing import Any

from gateway.errors import InvalidRequest, TokenIdsBlocked
from gateway.exchange import Exchange
from guardrails.types import Action


def check_texts(body: dict[str, Any], name: str, most: int) -> None:
    """Raises: InvalidRequest: the field is neither a text, a list of texts nor token ids."""
    value = body.get(name)
    if isinstance(value, str) or is_ids(value):
        return
    if not isinstance(value, list) or not value:
        raise InvalidRequest(f"`{name}` must be a text, a list of texts, or token ids.", param=name)
    if len(value) > most:
        raise InvalidRequest(f"`{name}` holds more than {most} texts; send fewer.", param=name)
    if not (all(isinstance(item, str) for item in value) or all(map(is_ids, value))):
        raise InvalidRequest(
            f"`{name}` must hold texts only, or lists of token ids only.", param=name
        )


def count_texts(value: Any) -> int:
    """How many texts a checked field holds."""
    return 1 if isinstance(value, str) or is_ids(value) else len(value)


def is_ids(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(type(item) is int for item in value)


def refuse_unreadable(exchange: Exchange, name: str) -> None:
    """Token ids say nothing to a guard, so they pass only where no guard is to look.

    Raises:
        TokenIdsBlocked
    """
    value = exchange.body[name]
    if isinstance(value, str) or (isinstance(value, list) and isinstance(value[0], str)):
        return
    _, policy = exchange.authenticated
    wanted = (policy.pii.action, policy.moderation.input, policy.injection.input)
    if any(action is not Action.ALLOW for action in wanted):
        raise TokenIdsBlocked(
            f"`{name}` holds token ids, which no guard can read, and your policy wants texts"
            " looked at; send the text itself.",
            param=name,
        )
