"""Chat bodies that hold canaries in every place where a text can stand."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from support.canaries import Canary, fields_of, text_of

Group = Sequence[Canary]
Body = dict[str, Any]
Place = Callable[[Body, Group], None]


def body_with(groups: Sequence[Group], first: int) -> Body:
    """A body with another group in each place, ``first`` in the first of them."""
    body: Body = {
        "model": "flash",
        "messages": [{"role": "system", "content": "You are helpful."}],
        "tools": [],
        "metadata": {},
    }
    for number, place in enumerate(PLACES):
        place(body, groups[(first + number) % len(groups)])
    body["messages"].append({"role": "user", "content": "Thank you."})
    return body


def bodies(groups: Sequence[Group]) -> Iterator[Body]:
    """So many that each group has stood in each place."""
    for first in range(max(len(groups), len(PLACES))):
        yield body_with(groups, first)


def _message(body: Body, **fields: Any) -> None:
    body["messages"].append(fields)


def _system(body: Body, group: Group) -> None:
    body["messages"][0]["content"] += " " + text_of(group)


def _developer(body: Body, group: Group) -> None:
    _message(body, role="developer", content=text_of(group))


def _user(body: Body, group: Group) -> None:
    _message(body, role="user", content=text_of(group))


def _parts(body: Body, group: Group) -> None:
    _message(body, role="user", content=[{"type": "text", "text": c.sentence} for c in group])


def _speaker(body: Body, group: Group) -> None:
    _message(body, role="user", name=text_of(group), content="Hello.")


def _assistant(body: Body, group: Group) -> None:
    _message(body, role="assistant", content=text_of(group), refusal=text_of(group))


def _reasoning(body: Body, group: Group) -> None:
    _message(body, role="assistant", content="Yes.", reasoning_content=text_of(group))


def _call(body: Body, arguments: str, name: str = "look_up") -> None:
    function = {"name": name, "arguments": arguments}
    call = {"id": f"call_{len(body['messages'])}", "type": "function", "function": function}
    _message(body, role="assistant", content=None, tool_calls=[call])


def _result(body: Body, content: Any) -> None:
    _message(body, role="tool", tool_call_id=f"call_{len(body['messages']) - 1}", content=content)


def _arguments(body: Body, group: Group) -> None:
    _call(body, json.dumps(fields_of(group)))
    _result(body, "{}")


def _escaped_arguments(body: Body, group: Group) -> None:
    escaped = "".join(f"\\u{ord(character):04x}" for character in text_of(group))
    _call(body, f'{{"text": "{escaped}"}}')
    _result(body, "{}")


def _broken_arguments(body: Body, group: Group) -> None:
    _call(body, json.dumps({"text": text_of(group)})[:-1])
    _result(body, "{}")


def _json_result(body: Body, group: Group) -> None:
    _call(body, "{}")
    _result(body, json.dumps([fields_of(group)]))


def _text_result(body: Body, group: Group) -> None:
    _call(body, "{}")
    _result(body, [{"type": "text", "text": text_of(group)}])


def _tool_description(body: Body, group: Group) -> None:
    function = {"name": "send", "description": text_of(group), "parameters": {"type": "object"}}
    body["tools"].append({"type": "function", "function": function})


def _tool_schema(body: Body, group: Group) -> None:
    field = {
        "type": "string",
        "description": text_of(group),
        "enum": [canary.value for canary in group],
        "default": group[0].value,
        "examples": [canary.sentence for canary in group],
    }
    schema = {"type": "object", "properties": {"text": field}, "$comment": text_of(group)}
    function = {"name": "store", "parameters": schema}
    body["tools"].append({"type": "function", "function": function})


def _response_format(body: Body, group: Group) -> None:
    schema = {"type": "object", "title": text_of(group), "description": text_of(group)}
    wrapped = {"name": "answer", "description": text_of(group), "schema": schema}
    body["response_format"] = {"type": "json_schema", "json_schema": wrapped}


def _metadata(body: Body, group: Group) -> None:
    body["metadata"] |= {f"note_{n}": canary.sentence for n, canary in enumerate(group)}


def _metadata_keys(body: Body, group: Group) -> None:
    body["metadata"] |= {canary.sentence: "1" for canary in group}


def _stop(body: Body, group: Group) -> None:
    body["stop"] = [canary.sentence for canary in group]


def _prediction(body: Body, group: Group) -> None:
    body["prediction"] = {"type": "content", "content": text_of(group)}


def _unknown_field(body: Body, group: Group) -> None:
    body["x_unknown"] = {"deep": [{"deeper": [text_of(group), fields_of(group)]}]}


def _end_user(body: Body, group: Group) -> None:
    body["user"] = text_of(group)
    body["safety_identifier"] = group[0].value


def _cache_key(body: Body, group: Group) -> None:
    body["prompt_cache_key"] = text_of(group)


def _file_name(body: Body, group: Group) -> None:
    file = {
        "filename": f"{text_of(group)}.pdf",
        "file_data": "data:application/pdf;base64,JVBERg==",
    }
    _message(body, role="user", content=[{"type": "file", "file": file}])


def _location(body: Body, group: Group) -> None:
    body["web_search_options"] = {"user_location": {"approximate": {"city": text_of(group)}}}


def _old_functions(body: Body, group: Group) -> None:
    body["functions"] = [{"name": "old", "description": text_of(group)}]
    call = {"name": "old", "arguments": json.dumps(fields_of(group))}
    _message(body, role="assistant", content=None, function_call=call)
    _message(body, role="function", name="old", content=text_of(group))


def _steering(body: Body, group: Group) -> None:
    """Fields that steer the call, with a text where an identifier should stand."""
    about = text_of(group)
    call = {"id": about, "type": "function", "function": {"name": about, "arguments": "{}"}}
    _message(body, role="assistant", content=None, tool_calls=[call])
    _message(body, role="tool", tool_call_id=about, content="{}")
    _message(body, role="user", content=[{"type": "text", "text": "Hi.", "detail": about}])
    body |= {"service_tier": about, "modalities": [about], "reasoning_effort": about}
    body |= {"chat_template_kwargs": {"note": about}, "tool_choice": {"type": about}}


def _property_names(body: Body, group: Group) -> None:
    names = [canary.sentence for canary in group]
    properties = {name: {"type": "string"} for name in names}
    schema = {"type": "object", "properties": properties, "required": names}
    function = {"name": "keep", "parameters": schema}
    body["tools"].append({"type": "function", "function": function})


PLACES: tuple[Place, ...] = (
    _system,
    _developer,
    _user,
    _parts,
    _speaker,
    _assistant,
    _reasoning,
    _arguments,
    _escaped_arguments,
    _broken_arguments,
    _json_result,
    _text_result,
    _tool_description,
    _tool_schema,
    _response_format,
    _metadata,
    _metadata_keys,
    _stop,
    _prediction,
    _unknown_field,
    _end_user,
    _cache_key,
    _file_name,
    _location,
    _old_functions,
    _steering,
    _property_names,
)
