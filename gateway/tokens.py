"""Token counts where the upstream gave none: by its tokenizer, or by a rule of thumb.

Such counts are always flagged as estimated.
"""

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.content.walk import walk
from gateway.errors import SettingsError

if TYPE_CHECKING:
    from tokenizers import Tokenizer


_BYTES_PER_TOKEN = 4
# DeepSeek's published rule (api-docs.deepseek.com/quick_start/token_usage), in tenths of a
# token: an English character is 0.3, a Chinese one 0.6.
_TENTHS_LATIN = 3
_TENTHS_OTHER = 6
_FIRST_OTHER = "\u2e80"  # where the CJK blocks begin
# Roles and separators of a chat template, per message.
_TOKENS_PER_MESSAGE = 4


def estimate_tokens(size: int) -> int:
    """About how many tokens a body of ``size`` bytes has, before anyone has read it."""
    return max(1, size // _BYTES_PER_TOKEN)


class TokenCounter:
    """Counts with one tokenizer; without a file by DeepSeek's rule of thumb.

    Args:
        file: a Hugging Face ``tokenizer.json``; read when first needed.
    """

    def __init__(self, file: Path | None = None) -> None:
        if file is not None and not file.is_file():
            raise SettingsError(f"There is no tokenizer {file}; correct `upstreams[].tokenizer`.")
        self._file = file

    def prompt(self, body: dict[str, Any]) -> int:
        """Tokens of a chat body: its texts, and what a template puts around messages."""
        collector = _Collector()
        walk(body, collector)
        return self.text(collector.texts) + _TOKENS_PER_MESSAGE * len(body.get("messages") or ())

    def text(self, texts: Iterable[str]) -> int:
        """Tokens of texts that stand one after the other."""
        text = "".join(texts)
        if not text:
            return 0
        if self._file is None:
            return rule_of_thumb(text)
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    @cached_property
    def _tokenizer(self) -> "Tokenizer":
        from tokenizers import Tokenizer  # some megabytes that most gateways never need

        assert self._file is not None
        return Tokenizer.from_file(str(self._file))


def rule_of_thumb(text: str) -> int:
    """Tokens of a text, at least one."""
    other = sum(character >= _FIRST_OTHER for character in text)
    tenths = _TENTHS_LATIN * (len(text) - other) + _TENTHS_OTHER * other
    return max(1, -(-tenths // 10))


class _Collector:
    """Every text of a body as often as it stands there."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def text(self, text: str, /) -> str:
        self.texts.append(text)
        return text

    def glue(self, glue: str, /) -> None:
        self.texts.append(glue)

    def document(self) -> None:
        """Where a text ends does not matter here."""
