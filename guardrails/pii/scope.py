"""The values masked in one request and what stands for them.

Numbering goes by first appearance and, with a conversation's memory, on from where the earlier
turns stopped, so a client that sends its history again gets the same tokens. Two spellings of
one name get two tokens: only so does each come back as it was written. Restored is only what
stands in this request: a memory gives names to values, never the values themselves.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from guardrails.pii.masking import ScopeMemory, StandIns
from guardrails.pii.masking.reserved import ReservedTexts
from guardrails.pii.propagate import KnownValues
from guardrails.pii.restore import StreamRestorer
from guardrails.types import MaskMode, Span

_ENDING = re.compile(r"s(?!\w)")
_StandInFor = Callable[[str, str], str]  # entity type, value -> text


class MaskScope:
    """One request: value <-> stand-in.

    Args:
        reserved_texts: every text of the request. Token-shaped strings in them were planted or
            quoted by the client: those tokens are never issued, so never restored.
        memory: what the conversation's earlier turns issued; ``None`` for a conversation of its
            own. What this request issues is added to it.
        modes: how values are replaced, by entity type; others get placeholders.
    """

    def __init__(
        self,
        reserved_texts: Iterable[str] = (),
        *,
        memory: ScopeMemory | None = None,
        modes: Mapping[str, MaskMode] | None = None,
    ) -> None:
        self.memory = ScopeMemory() if memory is None else memory
        self._reserved = ReservedTexts(reserved_texts)
        self._modes = modes or {}
        self._standins = StandIns(self._reserved, self.memory, self._modes)
        self._known = KnownValues()

    @property
    def counts(self) -> Mapping[str, int]:
        """Distinct masked values per entity type, for the audit record."""
        return self._standins.counts

    @property
    def values(self) -> set[str]:
        """What was masked in this request, in clear."""
        return self._standins.values

    @property
    def blocked(self) -> frozenset[str]:
        """Types found whose mode is to refuse the request; the caller must do so."""
        return frozenset(self._standins.blocked)

    def is_known(self, value: str) -> bool:
        """Whether the value stood in the request, masked or not, in any case and spacing."""
        return self._reserved.quotes(value)

    def observe(self, text: str, spans: Sequence[Span]) -> None:
        """Remember what was found, so that it is masked in the request's other texts too."""
        self._known.learn(text, spans)

    def reserve(self, text: str) -> None:
        """Keep the token-shaped strings of ``text`` apart from tokens issued later."""
        self._reserved.add(text)

    def mask(self, text: str, spans: Sequence[Span]) -> str:
        """``text`` with a stand-in for each span, and for values that earlier texts held.

        Texts that come later are not known yet; ``mask_all`` sees them all first.
        """
        self.reserve(text)
        self.observe(text, spans)
        masked = [self._mask(text, self._known.extend(text, spans), self._standins.of)]
        self._make_exact([text], [self._known.extend(text, spans)], masked)
        return masked[0]

    def mask_all(self, texts: Sequence[str], findings: Sequence[Sequence[Span]]) -> list[str]:
        """Mask all texts of a request: what is found in one is masked in all of them."""
        for text, spans in zip(texts, findings, strict=True):
            self.reserve(text)
            self.observe(text, spans)
        found = [
            self._known.extend(text, spans) for text, spans in zip(texts, findings, strict=True)
        ]
        masked = self._mask_each(texts, found)
        if not self._make_exact(texts, found, masked):
            modes = self._modes
            self._standins = StandIns(self._reserved, self.memory, modes, surrogates=False)
            masked = self._mask_each(texts, found)
        return masked

    def restore(self, text: str, *, json_escaped: bool = False) -> str:
        """Values back in place of issued stand-ins, in one pass: a value is never read again."""
        restorer = self.restorer(json_escaped=json_escaped)
        return restorer.feed(text) + restorer.flush()

    def restorer(self, *, json_escaped: bool = False) -> StreamRestorer:
        """A restorer for one streamed field."""
        return StreamRestorer(self._standins.table, json_escaped=json_escaped)

    def _make_exact(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]], masked: list[str]
    ) -> bool:
        """Placeholders in the texts that would not come back from their surrogates.

        A surrogate has no brackets: beside a letter, or beside another one, it may not be
        found again, or something longer may be found. False if placeholders do not help.
        """
        if not self._standins.has_surrogates:
            return True
        exact = True
        for index, (text, found) in enumerate(zip(texts, spans, strict=True)):
            if masked[index] == text:
                continue  # no surrogate stands in a text of the request
            wanted = self._mask(text, found, self._standins.returned)
            if self.restore(masked[index]) != wanted:
                masked[index] = self._mask(text, found, self._standins.exact)
                exact &= self.restore(masked[index]) == wanted
        return exact

    def _mask_each(self, texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> list[str]:
        return [
            self._mask(text, found, self._standins.of)
            for text, found in zip(texts, spans, strict=True)
        ]

    def _mask(self, text: str, spans: Sequence[Span], stand_in: _StandInFor) -> str:
        parts: list[str] = []
        position = 0
        for span in spans:
            value = text[span.start : span.end]
            parts.append(text[position : span.start])
            parts.append(stand_in(span.entity_type, value))
            if _ENDING.match(text, span.end):  # "Gretas"
                self._standins.inflect(span.entity_type, value, "s")
            position = span.end
        parts.append(text[position:])
        return "".join(parts)
