"""The values masked in one request and the tokens that stand for them.

Numbering goes by first appearance, so a client that sends its history again gets the same
tokens. Two spellings of one name get two tokens: only so does each come back as it was written.
Nothing here is stored; the scope dies with its request.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from guardrails.pii.propagate import KnownValues
from guardrails.pii.restore import StreamRestorer
from guardrails.pii.tokens import TokenTable, planted, token_name
from guardrails.types import Span


class MaskScope:
    """One request: value <-> token.

    Args:
        reserved_texts: every text of the request. Token-shaped strings in them were planted or
            quoted by the client: those tokens are never issued, so never restored.
    """

    def __init__(self, reserved_texts: Iterable[str] = ()) -> None:
        self._texts = [text for text in reserved_texts if text]
        self._reserved: dict[str, set[int]] = {}
        self._last: dict[str, int] = {}
        self._tokens: dict[tuple[str, str], str] = {}
        self._table = TokenTable()
        self._known = KnownValues()
        self._counts: Counter[str] = Counter()

    @property
    def counts(self) -> Mapping[str, int]:
        """Distinct masked values per entity type, for the audit record."""
        return self._counts

    def observe(self, text: str, spans: Sequence[Span]) -> None:
        """Remember what was found, so that it is masked in the request's other texts too."""
        self._known.learn(text, spans)

    def reserve(self, text: str) -> None:
        """Keep the token-shaped strings of ``text`` apart from tokens issued later."""
        for name, numbers in self._reserved.items():
            numbers |= planted(name, text)
        self._texts.append(text)

    def mask(self, text: str, spans: Sequence[Span]) -> str:
        """``text`` with a token for each span, and for values that earlier texts held.

        Texts that come later are not known yet; ``mask_all`` sees them all first.
        """
        self.reserve(text)
        self.observe(text, spans)
        return self._mask(text, spans)

    def mask_all(self, texts: Sequence[str], findings: Sequence[Sequence[Span]]) -> list[str]:
        """Mask all texts of a request: what is found in one is masked in all of them."""
        for text, spans in zip(texts, findings, strict=True):
            self.reserve(text)
            self.observe(text, spans)
        return [self._mask(text, spans) for text, spans in zip(texts, findings, strict=True)]

    def restore(self, text: str, *, json_escaped: bool = False) -> str:
        """Values back in place of issued tokens, in one pass: a value is never read again."""
        restorer = self.restorer(json_escaped=json_escaped)
        return restorer.feed(text) + restorer.flush()

    def restorer(self, *, json_escaped: bool = False) -> StreamRestorer:
        """A restorer for one streamed field."""
        return StreamRestorer(self._table, json_escaped=json_escaped)

    def _mask(self, text: str, spans: Sequence[Span]) -> str:
        parts: list[str] = []
        position = 0
        for span in self._known.extend(text, spans):
            parts.append(text[position : span.start])
            parts.append(self._token(span.entity_type, text[span.start : span.end]))
            position = span.end
        parts.append(text[position:])
        return "".join(parts)

    def _token(self, entity_type: str, value: str) -> str:
        token = self._tokens.get((entity_type, value))
        if token is None:
            name = token_name(entity_type)
            number = self._next_number(name)
            token = self._tokens[entity_type, value] = f"[{name}_{number}]"
            self._table.add(name, number, value)
            self._counts[entity_type] += 1
        return token

    def _next_number(self, name: str) -> int:
        if name not in self._reserved:
            found = (planted(name, text) for text in self._texts)
            self._reserved[name] = set().union(*found)
        number = self._last.get(name, 0) + 1
        while number in self._reserved[name]:
            number += 1
        self._last[name] = number
        return number
