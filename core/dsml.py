"""DeepSeek's markup of tool calls (DSML) in a text: the worker's answers, and what an upstream let
through.

    <|DSML|tool_calls>
    <|DSML|invoke name="f">
    <|DSML|parameter name="city" string="true">Paris</|DSML|parameter>
    <|DSML|parameter name="n" string="false">5</|DSML|parameter>
    </|DSML|invoke>
    </|DSML|tool_calls>

The bars are full-width (U+FF5C) as a rule, and V4.1 has a space after the second. ``string="true"``
holds raw text, ``"false"`` JSON. Models slip: other words for the outer tag or none, no ``string``,
arguments as one JSON object, no closing tags.
"""

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

import msgspec
import regex

_MARK = r"[\uff5c|]DSML[\uff5c|] ?"
_BEGUN = re.compile(r"</?[\uff5c|]DSML[\uff5c|]")
_WORD = "[A-Za-z_]{1,32}"
_MOST_OPENER = 512  # characters that may be held back until it is clear whether a call begins

_OPENER = regex.compile(
    rf'(?:<{_MARK}{_WORD}\s*>\s*)?<{_MARK}invoke\s+name\s*=\s*"(?P<name>[^"<>]{{1,256}})"[^<>]*>'
)
_CLOSER = regex.compile(rf"</{_MARK}{_WORD}\s*>")
_TAG = regex.compile(rf"</?{_MARK}{_WORD}[^<>]*(?:>|(?=<))")  # or one that breaks off
_IN_INVOKE = re.compile(
    rf'<{_MARK}parameter\s+name\s*=\s*"(?P<name>[^"]*)"'
    rf'(?:\s+string\s*=\s*"?(?P<string>true|false)"?)?[^<>]*>'
    rf"|(?P<end></{_MARK}invoke\s*>)|(?P<missing>(?=<{_MARK}invoke\s|</{_MARK}{_WORD}\s*>))"
)
_END_OF_VALUE = regex.compile(
    rf"(?:</{_MARK}parameter\s*>)|(?=<{_MARK}(?:parameter|invoke)\s)|(?=</{_MARK}{_WORD}\s*>)"
)
_LITERALS = {"True": "true", "False": "false", "None": "null"}
_TEXT_TYPES = frozenset({"string"})


class Kind(Enum):
    TEXT = "text"
    CALL = "call"  # a call of this name begins
    ARGUMENTS = "arguments"  # more of the JSON of its arguments


Piece = tuple[Kind, str]
Tools = Mapping[str, Mapping[str, Any]]


def tools_of(body: Mapping[str, Any]) -> Tools:
    """Parameter schemas by name of the request's functions; empty where it has none."""
    found: dict[str, Mapping[str, Any]] = {}
    tools = body.get("tools")
    for tool in tools if isinstance(tools, list) else ():
        function = tool.get("function") if isinstance(tool, Mapping) else None
        if isinstance(function, Mapping) and isinstance(function.get("name"), str):
            schema = function.get("parameters")
            properties = schema.get("properties") if isinstance(schema, Mapping) else None
            found[function["name"]] = properties if isinstance(properties, Mapping) else {}
    return found


class DsmlParser:
    """One text field, fed in whatever pieces it comes.

    Args:
        tools: see ``tools_of``.
        strict: the text is a model's own output: calls of tools that the request does not have are
            calls too, and tags that call nothing are dropped. Otherwise both stay text.
    """

    __slots__ = (
        "_body", "_buffer", "_called", "_count", "_first", "_name", "_open", "_parameter",
        "_state", "_strict", "_string", "_tools", "_trim",
    )  # fmt: skip

    def __init__(self, tools: Tools, *, strict: bool = False) -> None:
        self._tools = tools
        self._strict = strict
        self._buffer = ""
        self._state = self._text
        self._called = False  # a call has come: closing tags may follow
        self._trim = False
        self._name = ""
        self._body = ""  # of a call, beside its parameters
        self._count = 0  # of its parameters so far
        self._first: str | None = None  # the JSON of a first parameter that may be a wrapper
        self._parameter = ""
        self._string: str | None = None
        self._open = False  # a text value is under way

    @property
    def is_idle(self) -> bool:
        """Nothing is held back, and no call is under way."""
        return not self._buffer and self._state == self._text

    def feed(self, text: str) -> list[Piece]:
        self._buffer += text
        out: list[Piece] = []
        while self._state(out):
            pass
        return out

    def flush(self, *, truncated: bool = False) -> list[Piece]:
        """What is held when nothing follows.

        Args:
            truncated: the answer ran into its limit: a call that is cut stays invalid JSON, so
                that nobody runs half of it.
        """
        out: list[Piece] = []
        buffer, self._buffer = self._buffer, ""
        if self._state == self._text:
            if buffer and not _BEGUN.match(buffer):
                self._say(out, buffer)
            return out
        if truncated:
            if self._open:
                out.append((Kind.ARGUMENTS, _inside(buffer)))
            self._state = self._text
            return out
        if self._state == self._value:
            self._end_value(out, buffer)
        else:
            self._body += buffer
        self._end_call(out)
        return out

    def _text(self, out: list[Piece]) -> bool:
        buffer, at = self._buffer, 0
        while (at := buffer.find("<", at)) >= 0:
            found = _OPENER.match(buffer, at, partial=True)
            if found is not None and found.partial:
                if len(buffer) - at > _MOST_OPENER:
                    found = None
                else:
                    break
            if found is not None and (self._strict or found["name"] in self._tools):
                self._say(out, buffer[:at])
                self._buffer = buffer[found.end() :]
                self._begin_call(out, found["name"])
                return True
            if self._called or self._strict:
                closer = (_TAG if self._strict else _CLOSER).match(buffer, at, partial=True)
                if closer is not None and closer.partial:
                    break
                if closer is not None:
                    self._say(out, buffer[:at])
                    self._trim = True
                    self._buffer = buffer[closer.end() :]
                    return True
            at += 1
        end = len(buffer) if at < 0 else at
        self._say(out, buffer[:end])
        self._buffer = buffer[end:]
        return False

    def _say(self, out: list[Piece], text: str) -> None:
        if self._trim:
            text = text.lstrip()
            self._trim = not text
        if text:
            out.append((Kind.TEXT, text))

    def _begin_call(self, out: list[Piece], name: str) -> None:
        self._name, self._body, self._count, self._first = name, "", 0, None
        self._called = True
        self._state = self._invoke
        out.append((Kind.CALL, name))

    def _invoke(self, out: list[Piece]) -> bool:
        found = _IN_INVOKE.search(self._buffer)
        if found is None:
            # All but what may be the beginning of a tag was looked through.
            cut = self._buffer.rfind("<")
            cut = len(self._buffer) if cut < 0 else cut
            if cut and "{" not in self._body and "{" not in self._buffer:
                self._buffer = self._buffer[cut:]
            return False
        self._body += self._buffer[: found.start()]
        self._buffer = self._buffer[found.end() :]
        if found["name"] is None:
            self._end_call(out)
            return True
        self._parameter, self._string = found["name"], found["string"]
        self._state, self._open = self._value, False
        return True

    def _value(self, out: list[Piece]) -> bool:
        buffer, at = self._buffer, 0
        while (at := buffer.find("<", at)) >= 0:
            found = _END_OF_VALUE.match(buffer, at, partial=True)
            if found is not None and not found.partial:
                self._buffer = buffer[found.end() :]
                self._end_value(out, buffer[:at])
                self._state = self._invoke
                return True
            if found is not None:
                break
            at += 1
        if self._string == "true" and not self._may_wrap():
            # A text goes out as it comes.
            end = len(buffer) if at < 0 else at
            if not self._open:
                self._give_first(out)
                self._open = True
                out.append((Kind.ARGUMENTS, self._key() + '"'))
            if end:
                out.append((Kind.ARGUMENTS, _inside(buffer[:end])))
            self._buffer = buffer[end:]
        return False

    @property
    def _properties(self) -> Mapping[str, Any]:
        """The schemas of the current tool's parameters."""
        return self._tools.get(self._name, {})

    def _may_wrap(self) -> bool:
        """Whether it may be a parameter that holds all arguments."""
        return (
            self._count == 0
            and self._parameter == "arguments"
            and "arguments" not in self._properties
        )

    def _key(self) -> str:
        lead = ", " if self._count else "{"
        self._count += 1
        return f"{lead}{_quoted(self._parameter)}: "

    def _end_value(self, out: list[Piece], value: str) -> None:
        if self._open:
            out.append((Kind.ARGUMENTS, _inside(value) + '"'))
            self._open = False
            return
        if self._may_wrap() and self._first is None and _object(value) is not None:
            self._first = value.strip()
            return
        self._give_first(out)
        out.append((Kind.ARGUMENTS, self._key() + self._json(value)))

    def _give_first(self, out: list[Piece]) -> None:
        """The first parameter was no wrapper, since another follows."""
        if self._first is not None:
            value, self._first = self._first, None
            out.append((Kind.ARGUMENTS, f'{{"arguments": {value}'))
            self._count += 1

    def _json(self, value: str) -> str:
        if self._string == "true":
            return _quoted(value)
        declared = self._properties.get(self._parameter)
        types = _types(declared)
        if self._string is None and types and types <= _TEXT_TYPES:
            return _quoted(value)
        text = value.strip()
        text = _LITERALS.get(text, text)
        if not _is_json(text):
            return _quoted(value)
        return text

    def _end_call(self, out: list[Piece]) -> None:
        if self._first is not None:
            out.append((Kind.ARGUMENTS, self._first))
        elif self._count:
            out.append((Kind.ARGUMENTS, "}"))
        else:
            out.append((Kind.ARGUMENTS, self._from_body()))
        self._state, self._trim = self._text, True

    def _from_body(self) -> str:
        """Arguments that stand as one object in a call without parameters."""
        body = self._body.strip()
        value = _object(body)
        if value is None:
            return "{}"
        inner = value.get("arguments")
        if len(value) == 1 and "arguments" not in self._properties:
            inner = _object(inner) if isinstance(inner, str) else inner
            if isinstance(inner, dict):
                return msgspec.json.encode(inner).decode()
        return body


def _types(declared: Any) -> frozenset[str]:
    given = declared.get("type") if isinstance(declared, Mapping) else None
    if isinstance(given, str):
        return frozenset({given})
    texts: Iterable[Any] = given if isinstance(given, list) else ()
    return frozenset(text for text in texts if isinstance(text, str))


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()


def _inside(text: str) -> str:
    return _quoted(text)[1:-1]


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return False
    return True


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
