"""An Anthropic Messages request as a chat request.

Every field that changes what the model does is translated, or refused with a sentence; those
that only tune Anthropic's own service are left out. ``tests/gateway/surfaces`` goes through the
parameters of the official SDK, so that a new one is noticed.
"""

import re
from typing import Any

from gateway.errors import InvalidRequest, UnsupportedFeature
from gateway.surfaces.checks import check_model, check_stream, integer
from gateway.surfaces.messages_blocks import blocks_of, content_of, messages_of, text_in

Body = dict[str, Any]

_FIELD_NAME = re.compile(r"[a-z_]{1,40}")
SAMPLING = ("temperature", "top_p", "top_k")
# They tune Anthropic's own service and do not change the answer's meaning.
IGNORED = frozenset(
    {"betas", "cache_control", "context_management", "diagnostics", "speed", "user_profile_id",
     "workspace_id"}
)  # fmt: skip
REFUSED = {
    "mcp_servers": "MCP servers are not called from here; run the tools in your application.",
    "container": "Containers are not served here; run the tools in your application.",
    "thread": "Threads are not kept here; send the whole conversation (in the SDK's tool runner:"
    " `thread=False`).",
    "fallbacks": "Fallbacks are set by your administrator; leave `fallbacks` out.",
    "inference_geo": "Your policy decides where requests go; leave `inference_geo` out.",
}
TRANSLATED = frozenset(
    {"model", "messages", "system", "max_tokens", "stream", "stop_sequences", "metadata",
     "service_tier", "tools", "tool_choice", "thinking", "output_config", *SAMPLING}
)  # fmt: skip


def to_chat(given: Body, *, counted_only: bool = False) -> Body:
    """The chat request that asks the same; unsigned thinking still stands in its messages.

    Args:
        counted_only: ``max_tokens`` may be missing, since nothing is generated.

    Raises:
        InvalidRequest: a field is missing, wrong or unknown; ``param`` names it.
        UnsupportedFeature: no upstream could do what it asks for.
    """
    _check_fields(given)
    check_model(given)
    check_stream(given)
    body: Body = {"model": given["model"], "messages": _messages(given)}
    limit = integer(given, "max_tokens", 1)
    if limit is not None:
        body["max_tokens"] = limit
    elif not counted_only:
        raise InvalidRequest("`max_tokens` is required: set the longest answer you want.",
                             param="max_tokens")  # fmt: skip
    if given.get("stream") is True:
        body["stream"] = True
    body |= {name: given[name] for name in SAMPLING if given.get(name) is not None}
    if given.get("stop_sequences"):
        body["stop"] = _texts(given["stop_sequences"], "stop_sequences")
    if given.get("service_tier") == "standard_only":
        body["service_tier"] = "default"
    user = _object(given, "metadata").get("user_id")
    if user is not None:
        body["user"] = user
    _add_tools(body, given)
    _add_thinking(body, given)
    return body


def _check_fields(given: Body) -> None:
    for name, value in given.items():
        if value is None:
            continue
        if name in REFUSED:
            raise UnsupportedFeature(REFUSED[name], param=name)
        if name not in TRANSLATED and name not in IGNORED:
            raise InvalidRequest(
                "The request has a field that is not known here; remove it.",
                param=name if _FIELD_NAME.fullmatch(name) else None,
            )


def _messages(given: Body) -> list[Body]:
    turns = given.get("messages")
    if not isinstance(turns, list) or not turns:
        raise InvalidRequest(
            "`messages` must be a list with at least one message.", param="messages"
        )
    messages: list[Body] = []
    if given.get("system"):
        content = content_of(blocks_of(given["system"], "system"), "system")
        messages.append({"role": "system", "content": content})
    for at, turn in enumerate(turns):
        messages += messages_of(turn, f"messages.{at}")
    return messages


def _add_tools(body: Body, given: Body) -> None:
    tools = given.get("tools")
    if not isinstance(tools, list | None):
        raise InvalidRequest("`tools` must be a list.", param="tools")
    if tools:
        body["tools"] = [_tool(tool, f"tools.{at}") for at, tool in enumerate(tools)]
    choice = _object(given, "tool_choice")
    if not choice:
        return
    kind = choice.get("type")
    if kind == "tool":
        name = text_in(choice, "name", "tool_choice.name")
        body["tool_choice"] = {"type": "function", "function": {"name": name}}
    elif kind in _CHOICES:
        body["tool_choice"] = _CHOICES[kind]
    else:
        raise InvalidRequest(
            "`tool_choice.type` must be 'auto', 'any', 'tool' or 'none'.", param="tool_choice"
        )
    if choice.get("disable_parallel_tool_use") is True:
        body["parallel_tool_calls"] = False


_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def _tool(tool: Any, where: str) -> Body:
    if not isinstance(tool, dict):
        raise InvalidRequest("Each tool must be an object.", param=where)
    if tool.get("type") not in (None, "custom"):
        raise UnsupportedFeature(
            "Tools of Anthropic's own are not served here; describe the tool with `input_schema`"
            " and run it in your application.",
            param=where,
        )
    schema = tool.get("input_schema")
    if not isinstance(schema, dict):
        raise InvalidRequest("`input_schema` must be a JSON schema.", param=f"{where}.input_schema")
    function: Body = {"name": text_in(tool, "name", f"{where}.name"), "parameters": schema}
    if tool.get("description") is not None:
        function["description"] = text_in(tool, "description", f"{where}.description")
    if isinstance(tool.get("strict"), bool):
        function["strict"] = tool["strict"]
    made: Body = {"type": "function", "function": function}
    if isinstance(tool.get("cache_control"), dict):
        made["cache_control"] = tool["cache_control"]
    return made


def _add_thinking(body: Body, given: Body) -> None:
    """Thinking that the client leaves to the model (``adaptive``) is left to the upstream."""
    thinking, config = _object(given, "thinking"), _object(given, "output_config")
    if thinking:
        kind = thinking.get("type")
        if kind not in _THINKING:
            raise InvalidRequest(
                "`thinking.type` must be 'enabled', 'adaptive' or 'disabled'.", param="thinking"
            )
        if kind == "enabled":
            integer(thinking, "budget_tokens", 1)
            body["thinking"] = {
                name: thinking[name] for name in ("type", "budget_tokens") if name in thinking
            }
        elif kind == "disabled":
            body["thinking"] = {"type": "disabled"}
    if config.get("effort") is not None:
        body["reasoning_effort"] = text_in(config, "effort", "output_config.effort")
    form = _object(config, "format", "output_config.format")
    if form:
        if form.get("type") != "json_schema" or not isinstance(form.get("schema"), dict):
            raise InvalidRequest(
                "`output_config.format` must be of type 'json_schema' and hold a `schema`.",
                param="output_config.format",
            )
        schema = {"name": "answer", "schema": form["schema"], "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}


_THINKING = frozenset({"enabled", "adaptive", "between_tools", "disabled"})


def _object(given: Body, name: str, where: str | None = None) -> Body:
    value = given.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidRequest(f"`{where or name}` must be an object.", param=where or name)
    return value


def _texts(value: Any, name: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidRequest(f"`{name}` must be a list of texts.", param=name)
    return value
