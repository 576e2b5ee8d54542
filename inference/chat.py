"""Messages to prompt tokens, by the checkpoint's own chat template.

The template is code that came with the weights, so it runs in jinja2's
immutable sandbox and sees only what a chat template may see. What users write
stays text: a message that spells a special token does not become one.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
import jinja2.meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from inference.errors import CheckpointInvalid, RequestInvalid
from inference.model_config import read_json
from inference.tokenizer import Tokenizer

MAX_TEMPLATE = 200_000  # characters


class ChatTemplate:
    """A compiled chat template and the tokenizer that its output is for.

    Attributes:
        source: its text.
        variables: what it looks at, such as ``tools`` and ``enable_thinking``.
    """

    def __init__(
        self, source: str, tokenizer: Tokenizer, names: Mapping[str, str] | None = None
    ) -> None:
        if len(source) > MAX_TEMPLATE:
            raise CheckpointInvalid("The chat template is too long to be one.")
        self.source = source
        self._tokenizer = tokenizer
        self._names = dict(names or {})  # bos_token, eos_token, ...
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        environment.filters["tojson"] = _tojson
        environment.globals["raise_exception"] = _raise_exception
        environment.globals["strftime_now"] = lambda form: datetime.now(UTC).strftime(form)
        try:
            parsed = environment.parse(source)
            self.variables = jinja2.meta.find_undeclared_variables(parsed)
            self._template = environment.from_string(parsed)
        except jinja2.TemplateError as error:
            raise CheckpointInvalid(f"The chat template does not compile: {error}") from error

    @classmethod
    def load(cls, directory: Path, tokenizer: Tokenizer) -> "ChatTemplate | None":
        """From ``chat_template.jinja`` or ``tokenizer_config.json``; None without one."""
        path = directory / "tokenizer_config.json"
        config = read_json(path) if path.exists() else {}
        file = directory / "chat_template.jinja"
        source = file.read_text(encoding="utf-8") if file.exists() else config.get("chat_template")
        if not isinstance(source, str):
            return None
        names = {key: _token_text(config.get(key)) for key in ("bos_token", "eos_token")}
        return cls(source, tokenizer, names)

    def render(
        self, messages: Sequence[Mapping[str, Any]], extra: Mapping[str, Any] | None = None
    ) -> str:
        """The prompt's text.

        Raises:
            RequestInvalid: the template refuses these messages.
        """
        values = {**self._names, "add_generation_prompt": True, **(extra or {})}
        try:
            return self._template.render(messages=list(messages), **values)
        except (jinja2.TemplateError, TypeError, ValueError, OverflowError) as error:
            raise RequestInvalid(
                f"The model's chat template refuses these messages: {error}", param="messages"
            ) from None

    def guarded(
        self, messages: Sequence[Mapping[str, Any]], extra: Mapping[str, Any] | None = None
    ) -> "GuardedPrompt":
        """The prompt, in which what clients wrote stays text; raises as `render`."""
        marks: dict[str, str] = {}
        special = self._tokenizer.special_tokens
        told = [_guard(message, special, marks) for message in messages]
        return GuardedPrompt(self.render(told, _guard(extra or {}, special, marks)), marks)

    def encode(
        self, messages: Sequence[Mapping[str, Any]], extra: Mapping[str, Any] | None = None
    ) -> list[int]:
        """The prompt's token ids; raises as `render`."""
        return self.guarded(messages, extra).encode(self._tokenizer)


@dataclass(frozen=True, slots=True)
class GuardedPrompt:
    """A prompt's text, with a mark wherever a client spelled a special token.

    Args:
        marks: the spellings.
    """

    text: str
    marks: Mapping[str, str]

    def encode(self, tokenizer: Tokenizer, tail: str = "") -> list[int]:
        """Token ids. Args: tail: what follows, in the template's own words."""
        text = self.text + tail
        if not self.marks:
            return tokenizer.encode(text)
        return tokenizer.encode_pieces(_pieces(text, self.marks))


def _guard(value: Any, special: frozenset[str], marks: dict[str, str]) -> Any:
    """``value`` with every special token's spelling swapped for a one-time mark."""
    if isinstance(value, str):
        for token in sorted(special, key=len, reverse=True):
            if token in value:
                mark = next((m for m, t in marks.items() if t == token), None)
                mark = mark or f"\ue000{secrets.token_hex(8)}\ue001"
                marks[mark] = token
                value = value.replace(token, mark)
        return value
    if isinstance(value, Mapping):
        return {key: _guard(item, special, marks) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_guard(item, special, marks) for item in value]
    return value


def _pieces(text: str, marks: Mapping[str, str]) -> list[tuple[str, bool]]:
    pieces = [(text, False)]
    for mark, token in marks.items():
        cut: list[tuple[str, bool]] = []
        for piece, literal in pieces:
            parts = [piece] if literal else piece.split(mark)
            for index, part in enumerate(parts):
                cut += [(token, True)] if index else []
                cut += [(part, literal)] if part else []
        pieces = cut
    return pieces


def _token_text(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else ""


def _tojson(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _raise_exception(message: str) -> None:
    raise jinja2.TemplateError(message)
