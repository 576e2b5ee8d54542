"""A chat answer as an Anthropic message: its blocks, why it ended, what it used."""

from typing import Any, Final

import msgspec

from billing import Usage
from billing.errors import InvalidUsage
from core.ids import new_id
from gateway.exchange import Exchange
from gateway.records import usage_of
from gateway.surfaces.messages_thinking import ThinkingSeal
from gateway.tokens import TokenCounter

Block = dict[str, Any]

END_TURN: Final = "end_turn"
_REASONS: Final = {
    "stop": END_TURN,
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}
_COUNTER: Final = TokenCounter()
# Required in a message, and of Anthropic's own service.
NO_MORE_USAGE: Final = {"cache_creation": None, "inference_geo": None, "service_tier": "standard"}


def message_of(exchange: Exchange, answer: bytes, seal: ThinkingSeal) -> bytes:
    """The message object for an inspected chat answer."""
    chat = msgspec.json.decode(answer)
    choice = chat["choices"][0] if chat["choices"] else {}
    said = choice.get("message") or {}
    blocks = [*_thoughts(exchange, said, seal), *_texts(said), *_calls(said)]
    called = any(block["type"] == "tool_use" for block in blocks)
    head = head_of(exchange, chat.get("model"))
    end = end_of(exchange, choice, called=called, refused=bool(said.get("refusal")))
    usage = {**usage_words(exchange), **NO_MORE_USAGE}
    return msgspec.json.encode({**head, "content": blocks, **end, "usage": usage})


def head_of(exchange: Exchange, model: Any) -> dict[str, Any]:
    """The fields that are known before anything was said."""
    return {
        "id": message_id(exchange.request_id),
        "type": "message",
        "role": "assistant",
        "model": model if isinstance(model, str) else exchange.body.get("model", ""),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
        "container": None,
    }


def message_id(request_id: str) -> str:
    """So that a message's id leads to its record.

    >>> message_id("req_01k9")
    'msg_01k9'
    """
    return "msg_" + request_id.removeprefix("req_")


def end_of(
    exchange: Exchange, choice: dict[str, Any], *, called: bool, refused: bool
) -> dict[str, Any]:
    """Why it ended.

    Args:
        choice: holds the finish reason, and the sequence met where the upstream tells it.
        called: some servers say ``stop`` where a forced tool was called.
        refused: the model said so in a field of its own.
    """
    reason = _REASONS.get(choice.get("finish_reason") or "stop", END_TURN)
    sequence = None
    if refused:
        reason = "refusal"
    elif reason == END_TURN and called:
        reason = "tool_use"
    elif reason == END_TURN:
        sequence = _sequence_met(exchange, choice)
        reason = reason if sequence is None else "stop_sequence"
    details = None
    if reason == "refusal":
        details = {"type": "refusal", "category": None, "explanation": None}
    return {
        "stop_reason": reason,
        "stop_sequence": sequence,
        "stop_details": details,
        "container": None,
    }


def _sequence_met(exchange: Exchange, choice: dict[str, Any]) -> str | None:
    """As vLLM (``stop_reason``) and SGLang (``matched_stop``) say it, in the client's words."""
    met = choice.get("stop_reason") or choice.get("matched_stop")
    asked = exchange.body.get("stop")
    if not isinstance(met, str) or not isinstance(asked, list) or met not in asked:
        return None
    return met if exchange.scope is None else exchange.scope.restore(met)


def usage_words(exchange: Exchange) -> dict[str, Any]:
    """What was used: the upstream's counts, else those of the settlement, else an estimate."""
    if exchange.raw_usage is not None:
        try:
            return words_of(Usage.from_openai(exchange.raw_usage))
        except InvalidUsage:
            pass  # counts that contradict each other are no counts
    return words_of(exchange.usage or usage_of(exchange, _COUNTER) or Usage())


def words_of(usage: Usage) -> dict[str, Any]:
    """A usage in Anthropic's classes."""
    return {
        "input_tokens": usage.input_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cached_input_tokens,
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"thinking_tokens": usage.reasoning_tokens},
        "server_tool_use": None,
    }


def _thoughts(exchange: Exchange, said: dict[str, Any], seal: ThinkingSeal) -> list[Block]:
    tenant = exchange.authenticated[0].tenant
    signed = said.get("thinking_blocks")
    if isinstance(signed, list) and signed:
        return [seal_block(block, tenant, seal) for block in signed if isinstance(block, dict)]
    text = thought_in(said)
    if not text:
        return []
    return [{"type": "thinking", "thinking": text, "signature": seal.sign(tenant, text)}]


def seal_block(block: dict[str, Any], tenant: str, seal: ThinkingSeal) -> Block:
    """An upstream's own thinking block under our signature, which holds its own."""
    if block.get("type") == "redacted_thinking":
        data = seal.sign(tenant, "", str(block.get("data") or ""))
        return {"type": "redacted_thinking", "data": data}
    text = str(block.get("thinking") or "")
    signature = seal.sign(tenant, text, str(block.get("signature") or ""))
    return {"type": "thinking", "thinking": text, "signature": signature}


def thought_in(said: dict[str, Any]) -> str:
    """The reasoning of a message or delta."""
    for name in ("reasoning_content", "reasoning"):
        if isinstance(said.get(name), str) and said[name]:
            return said[name]
    return ""


def text_in(said: dict[str, Any]) -> str:
    """What a message or delta says to its reader, a refusal included."""
    content = said.get("content")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "".join(part for part in parts if isinstance(part, str))
    refusal = said.get("refusal")
    return (content if isinstance(content, str) else "") + (
        refusal if isinstance(refusal, str) else ""
    )


def _texts(said: dict[str, Any]) -> list[Block]:
    text = text_in(said)
    return [{"type": "text", "text": text, "citations": None}] if text else []


def _calls(said: dict[str, Any]) -> list[Block]:
    calls = said.get("tool_calls")
    return [
        {
            **call_head(call),
            "input": _input((call.get("function") or {}).get("arguments")),
        }
        for call in (calls if isinstance(calls, list) else ())
        if isinstance(call, dict)
    ]


def call_head(call: dict[str, Any]) -> Block:
    """A call's block without its input."""
    return {
        "type": "tool_use",
        "id": call.get("id") or new_id("toolu"),
        "name": (call.get("function") or {}).get("name") or "",
        "caller": {"type": "direct"},
    }


def _input(arguments: Any) -> dict[str, Any]:
    """Arguments that are no JSON object, such as cut ones, stand under Anthropic's name for it."""
    if not arguments:
        return {}
    try:
        value = msgspec.json.decode(arguments)
    except (ValueError, RecursionError, TypeError):
        value = None
    return value if isinstance(value, dict) else {"INVALID_JSON": str(arguments)}
