"""A prompt as it is put together: text, and the control tokens in it."""

import re
from collections.abc import Sequence

from inference.tokenizer import Tokenizer


class PromptText:
    """Keeps what the format writes apart from what clients write, who can end no turn.

    Args:
        tokens: the spellings that are control tokens where the format writes them.
    """

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = frozenset(tokens)
        self._cut = re.compile(f"({'|'.join(map(re.escape, tokens))})")
        self._pieces: list[tuple[str, bool]] = []

    def markup(self, text: str) -> "PromptText":
        """The format's own text."""
        for part in self._cut.split(text):
            self._add(part, part in self._tokens)
        return self

    def text(self, text: str) -> "PromptText":
        """A client's text."""
        self._add(text, False)
        return self

    def _add(self, text: str, token: bool) -> None:
        if not text:
            return
        if self._pieces and not token and not self._pieces[-1][1]:
            self._pieces[-1] = self._pieces[-1][0] + text, False
        else:
            self._pieces.append((text, token))

    def __str__(self) -> str:
        return "".join(text for text, _ in self._pieces)

    def encode(self, tokenizer: Tokenizer) -> list[int]:
        ids: list[int] = []
        for text, token in self._pieces:
            known = tokenizer.id_of(text) if token else None
            ids += tokenizer.encode_plain(text) if known is None else [known]
        return ids
