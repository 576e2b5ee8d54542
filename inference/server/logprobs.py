"""Log probabilities in the shapes of OpenAI's answers."""

from collections.abc import Iterable
from typing import Any

from inference.engine.sequence import Logprob
from inference.tokenizer import Tokenizer


class LogprobShape:
    """Of one choice; text completions count offsets, so the same object takes all of it."""

    def __init__(self, tokenizer: Tokenizer, *, chat: bool) -> None:
        self._tokenizer = tokenizer
        self._chat = chat
        self._offset = 0

    def __call__(self, logprobs: Iterable[Logprob]) -> dict[str, Any]:
        if self._chat:
            return {"content": [self._entry(one) for one in logprobs], "refusal": None}
        texts: list[str] = []
        offsets: list[int] = []
        values: list[float] = []
        tops: list[dict[str, float]] = []
        for one in logprobs:
            texts.append(self._text(one.token_id, "bytes:"))
            offsets.append(self._offset)
            values.append(one.logprob)
            top = {self._text(token, "bytes:"): value for token, value in one.top}
            tops.append(top | {texts[-1]: one.logprob})
            spoken = self._tokenizer.token_bytes(one.token_id)
            self._offset += len(spoken.decode(errors="ignore"))
        return {
            "tokens": texts,
            "token_logprobs": values,
            "top_logprobs": tops,
            "text_offset": offsets,
        }

    def _entry(self, one: Logprob) -> dict[str, Any]:
        others = [self._token(token, value) for token, value in one.top]
        return self._token(one.token_id, one.logprob) | {"top_logprobs": others}

    def _token(self, token_id: int, logprob: float) -> dict[str, Any]:
        spelled = list(self._tokenizer.token_bytes(token_id))
        return {"token": self._text(token_id), "logprob": logprob, "bytes": spelled}

    def _text(self, token_id: int, mark: str = "") -> str:
        """A token's text; what is part of a character is written as its bytes."""
        spelled = self._tokenizer.token_bytes(token_id)
        try:
            return spelled.decode()
        except UnicodeDecodeError:
            return mark + "".join(f"\\x{byte:02x}" for byte in spelled)
