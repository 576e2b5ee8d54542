"""What a client of the Responses API asks for, and the chat body that it means.

The input items are ``responses_items``'s matter; here are the other fields.
"""

from typing import Any

import msgspec

from gateway.errors import InvalidRequest, UnsupportedFeature
from gateway.responses.errors import UnknownParameter
from gateway.surfaces.checks import check_model

ENCRYPTED_REASONING = "reasoning.encrypted_content"
LOGPROBS = "message.output_text.logprobs"
# Fields that mean the same in a chat body.
_SAME = (
    "model", "stream", "parallel_tool_calls", "temperature", "top_p", "presence_penalty",
    "frequency_penalty", "service_tier", "safety_identifier", "user", "prompt_cache_key", "seed",
    "stop", "top_k", "min_p", "repetition_penalty", "logit_bias", "chat_template_kwargs",
    "thinking",
)  # fmt: skip
_REFUSED = {
    "background": "Answers in the background are not offered; leave `background` out.",
    "conversation": "Use `previous_response_id` to go on with a conversation.",
    "prompt": "Prompt templates are not kept here; send `instructions` and `input`.",
    "context_management": "Earlier turns are not compacted here; leave it out.",
    "moderation": "The tenant's policy says what is moderated; leave it out.",
}


class Asked(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The fields of a request; ``None`` where the client left one out."""

    model: str
    input: str | list[dict[str, Any]] = ""
    instructions: str | None = None
    previous_response_id: str | None = None
    include: list[str] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    max_tool_calls: int | None = None
    max_output_tokens: int | None = None
    text: dict[str, Any] | None = None
    reasoning: dict[str, Any] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_logprobs: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    truncation: str | None = None
    metadata: dict[str, str] | None = None
    store: bool | None = None
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    user: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    prompt_cache_options: dict[str, Any] | None = None
    # Refused unless they say nothing.
    background: bool | None = None
    conversation: Any = None
    prompt: Any = None
    context_management: Any = None
    moderation: Any = None
    # Beyond OpenAI's API, as inference servers take them.
    seed: int | None = None
    stop: str | list[str] | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    chat_template_kwargs: dict[str, Any] | None = None
    thinking: dict[str, Any] | None = None

    def includes(self, name: str) -> bool:
        return name in (self.include or ())

    @property
    def summarises(self) -> bool:
        """Whether reasoning is to come as a summary; the model's own words are all there is."""
        reasoning = self.reasoning or {}
        return bool(reasoning.get("summary") or reasoning.get("generate_summary"))


def read_asked(body: dict[str, Any]) -> Asked:
    """Check a request.

    Raises:
        InvalidRequest: one of its kinds; ``param`` names the field.
    """
    check_model(body)
    for name in body:
        if name not in Asked.__struct_fields__:
            raise UnknownParameter(
                "The Responses API has no such parameter; leave it out.", param=name[:64]
            )
    try:
        asked = msgspec.convert(body, Asked)
    except msgspec.ValidationError as error:
        raise _invalid(error) from None
    for name, advice in _REFUSED.items():
        if getattr(asked, name):
            raise UnsupportedFeature(advice, param=name)
    _check_range(asked.max_output_tokens, "max_output_tokens", 1)
    _check_range(asked.top_logprobs, "top_logprobs", 0)
    if asked.truncation not in (None, "auto", "disabled"):
        raise InvalidRequest("`truncation` must be 'auto' or 'disabled'.", param="truncation")
    if not asked.input and not asked.previous_response_id:
        raise InvalidRequest("`input` must hold something to answer.", param="input")
    return asked


def chat_fields(asked: Asked) -> dict[str, Any]:
    """The chat body without its messages.

    Raises:
        InvalidRequest: a tool, a choice or a format that chat has no words for.
    """
    body = {name: value for name in _SAME if (value := getattr(asked, name)) is not None}
    if asked.max_output_tokens is not None:
        body["max_tokens"] = asked.max_output_tokens
    tools, choice = _tools(asked)
    if tools:
        body["tools"] = tools
    else:
        body.pop("parallel_tool_calls", None)
    if choice is not None:
        body["tool_choice"] = choice
    if asked.includes(LOGPROBS) or asked.top_logprobs:
        body["logprobs"] = True
        body["top_logprobs"] = asked.top_logprobs or 0
    effort = (asked.reasoning or {}).get("effort")
    if effort is not None:
        body["reasoning_effort"] = _text(effort, "reasoning.effort")
    return body | _text_fields(asked.text or {})


def _text_fields(text: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if text.get("verbosity") is not None:
        body["verbosity"] = _text(text["verbosity"], "text.verbosity")
    form = text.get("format")
    if form is None:
        return body
    kind = form.get("type") if isinstance(form, dict) else None
    if kind == "json_schema":
        known = {name: form[name] for name in ("name", "description", "schema", "strict")
                 if form.get(name) is not None}  # fmt: skip
        if not isinstance(known.get("name"), str) or not isinstance(known.get("schema"), dict):
            raise InvalidRequest("A JSON schema needs `name` and `schema`.", param="text.format")
        body["response_format"] = {"type": kind, "json_schema": known}
    elif kind == "json_object":
        body["response_format"] = {"type": kind}
    elif kind != "text":
        raise InvalidRequest(
            "`text.format.type` must be 'text', 'json_object' or 'json_schema'.",
            param="text.format.type",
        )
    return body


def _tools(asked: Asked) -> tuple[list[dict[str, Any]], Any]:
    tools = [_tool(tool, index) for index, tool in enumerate(asked.tools or ())]
    choice = asked.tool_choice
    if not isinstance(choice, dict):
        return tools, choice if tools else None
    if choice.get("type") == "function" and isinstance(choice.get("name"), str):
        return tools, {"type": "function", "function": {"name": choice["name"]}}
    if choice.get("type") == "allowed_tools" and isinstance(choice.get("tools"), list):
        allowed = [item.get("name") for item in choice["tools"] if isinstance(item, dict)]
        tools = [tool for tool in tools if tool["function"]["name"] in allowed]
        return tools, _text(choice.get("mode", "auto"), "tool_choice.mode") if tools else None
    raise UnsupportedFeature(
        "`tool_choice` can name functions only; hosted tools are not offered.", param="tool_choice"
    )


def _tool(tool: dict[str, Any], index: int) -> dict[str, Any]:
    if tool.get("type") != "function":
        raise UnsupportedFeature(
            "Only tools of the type `function` are offered: hosted tools would run at a provider,"
            " past the guards. Run the tool yourself and send its result.",
            param=f"tools[{index}].type",
        )
    if not isinstance(tool.get("name"), str) or not tool["name"]:
        raise InvalidRequest("A function needs a `name`.", param=f"tools[{index}].name")
    names = ("name", "description", "parameters", "strict")
    function = {name: tool[name] for name in names if tool.get(name) is not None}
    return {"type": "function", "function": function}


def _text(value: Any, param: str) -> str:
    if not isinstance(value, str):
        raise InvalidRequest(f"`{param}` must be a text.", param=param)
    return value


def _check_range(value: int | None, name: str, least: int) -> None:
    if value is not None and value < least:
        raise InvalidRequest(f"`{name}` must be a whole number from {least} up.", param=name)


def _invalid(error: msgspec.ValidationError) -> InvalidRequest:
    """msgspec names types and places; where it would quote a value, it is left out."""
    what, _, place = str(error).partition(" - at `")
    param = place.removesuffix("`").removeprefix("$.").partition("[...")[0] or None
    if not what.startswith("Expected `"):
        what = "It has a value that the API does not allow"
    return InvalidRequest(f"`{param or 'body'}` is wrong: {what}.", param=param)
