"""Calls in DeepSeek-V4's markup (`core.dsml`) that keep to the functions' schemas, as a grammar.

The markup tells parameters one by one: texts as they are, other values as JSON. What a schema
says of the object as a whole (``anyOf``, ``minProperties``) it cannot tell.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from inference.encoding.call_forms import CallForm, Schema, any_of, json_value, literal, mapping
from inference.encoding.tokens import DSML

_SAYS_NOTHING = {"type", "title", "description", "default", "examples"}
_OF_OBJECTS = {"properties", "required", "additionalProperties", "$defs", "definitions", "$schema"}
_ELSEWHERE = re.compile(r'"\$ref": "(?!#/(\$defs|definitions)/)')
# No bar of a mark within: a value would swallow the markup behind it. Ends as closing tags begin.
_TEXT = "/[^\uff5c]*<\\//"
_NAME = '/[^"<>\\n\uff5c]+/'
_ODD_NAME = re.compile('["<>\n\uff5c]')


@dataclass(frozen=True, slots=True)
class DsmlForm:
    """How a generation writes calls; see `inference.encoding.generations.Generation`.

    Args:
        mark: the token of the mark; None: the vocabulary spells it.
    """

    mark: int | None
    block: str
    bare: str
    gap: str

    def calls(
        self, functions: Sequence[Schema], *, named: bool, strict: bool, opened: bool = True
    ) -> CallForm:
        """One call.

        Args:
            opened: the prompt ends with the block's opening, and where ``named`` the call's.
        """
        names = [str(function["name"]) for function in functions]
        schemas = tuple(mapping(function["parameters"]) for function in functions)
        told = [self._arguments(schema) for schema in schemas]
        known = [arguments for arguments in told if arguments is not None]
        begun = opened, opened and named
        loose = self._grammar(names, [self._anything] * len(names), *begun)
        grammar = self._grammar(names, known, *begun) if len(known) == len(told) else None
        return CallForm(schemas, grammar, loose, strict)

    def _grammar(
        self, names: Sequence[str], arguments: Sequence[str], block: bool, call: bool
    ) -> str:
        """Args: block, call: which of them the prompt has opened."""
        opened = ['""' if call else self._open(f'invoke name="{name}">\n') for name in names]
        calls = [f"{begun} ({own})" for begun, own in zip(opened, arguments, strict=True)]
        before = '""' if block else literal("\n\n") + " " + self._open(f"{self.block}>\n")
        end = f"{self._close('invoke')} {self._close(self.block, '')}"
        return f"start: {before} ({any_of(calls)}) {end}"

    def _arguments(self, schema: Schema) -> str | None:
        """One function's parameters in the order of its schema; None: it asks for more."""
        properties, needed = mapping(schema.get("properties")), schema.get("required") or []
        if schema.keys() - _SAYS_NOTHING - _OF_OBJECTS or set(needed) - properties.keys():
            return None
        if not properties and schema.get("additionalProperties") is not False:
            return self._anything if schema.get("additionalProperties", True) is True else None
        shared = {key: schema[key] for key in ("$defs", "definitions") if key in schema}
        found = [(n, self._parameter(n, inner, shared)) for n, inner in properties.items()]
        if any(told is None for _, told in found):
            return None
        told = " ".join(f"({told})" if name in needed else f"({told})?" for name, told in found)
        return told or literal(self.bare)

    def _parameter(self, name: str, inner: Any, shared: Schema) -> str | None:
        schema = {**shared, **({} if inner is True else mapping(inner))}
        lost = inner is not True and not isinstance(inner, dict)
        if lost or _ODD_NAME.search(name) or _ELSEWHERE.search(json.dumps(schema)):
            return None
        texts = _texts(mapping(inner))
        begun = self._open(f'parameter name="{name}" string="{str(texts is not None).lower()}">')
        if texts is None:
            return f"{begun} {json_value(schema)} {self._close('parameter')}"
        value = f'({any_of([literal(text) for text in texts])}) "</"' if texts else _TEXT
        return f"{begun} {value} {self._closed('parameter')}"

    @property
    def _anything(self) -> str:
        """Parameters of any name and value."""
        text, other = (literal(f'" string="{kind}">') for kind in ("true", "false"))
        value = any_of([f"{text} {_TEXT}", f'{other} {json_value({})} "</"'])
        begun = self._open('parameter name="')
        return f"({begun} {_NAME} ({value}) {self._closed('parameter')})*"

    def _open(self, text: str) -> str:
        return f'"<" {self._mark} {literal(self.gap + text)}'

    def _close(self, word: str, end: str = "\n") -> str:
        return f'"</" {self._closed(word, end)}'

    def _closed(self, word: str, end: str = "\n") -> str:
        """A closing tag whose first two characters stand already."""
        return f"{self._mark} {literal(f'{self.gap}{word}>{end}')}"

    @property
    def _mark(self) -> str:
        return literal(DSML) if self.mark is None else f"<[{self.mark}]>"


def _texts(schema: Schema) -> list[str] | None:
    """The texts that a value may be, none for any; None: it is to be told as JSON."""
    says = schema.keys() - _SAYS_NOTHING
    if schema.get("type", "string") != "string" or not says <= {"enum", "const"}:
        return None
    if not says:
        return [] if "type" in schema else None
    given = [schema["const"]] if "const" in schema else schema["enum"]
    plain = [value for value in given if isinstance(value, str) and "\uff5c" not in value]
    return plain if plain and len(plain) == len(given) else None
