"""Take out of an answer the personal data that nobody gave to the model.

Each streamed field has a redactor of its own. It hands out the text as it came, but for marks
such as ``[EMAIL_ADDRESS]`` in place of what the engine finds and the request did not hold. Tokens
that were issued and the values put in their place do not come in here: the caller passes them
over (``pass_over``), so they are neither searched nor broken. It decides nothing else: whether a
finding blocks or is only counted is the caller's matter.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from guardrails.pii.redact.entities import DEFAULT_OUTPUT_ENTITIES, is_structured
from guardrails.pii.redact.json_source import JsonSource, Part
from guardrails.pii.redact.sieve import Edit, Sieve
from guardrails.pii.restore import Piece
from guardrails.types import Span

Known = Callable[[str], bool]
_NOBODY_KNOWS: Known = lambda _value: False  # noqa: E731
_SHADOW = "\ufffc"


class Detector(Protocol):
    """What is needed of ``PiiEngine``."""

    def detect(self, text: str, *, entities: frozenset[str] | None) -> list[Span]: ...


class OutputRedactor:
    """Redacts one field of an answer.

    Args:
        engine: finds spans in a text.
        known: whether a value stood in the request; such values stay.
        entities: the types that count.
        json_escaped: the field is JSON source, such as tool-call arguments. Its strings are read
            unescaped, written back as they were, and stay valid; a number becomes a string.
        options: further keywords for ``engine.detect``.

    Raises (all methods):
        GuardUnavailable: the engine failed; what was not let go must not go out.
    """

    def __init__(
        self,
        engine: Detector,
        known: Known | None = None,
        entities: frozenset[str] = DEFAULT_OUTPUT_ENTITIES,
        *,
        json_escaped: bool = False,
        options: Mapping[str, Any] | None = None,
        found: Callable[[str], None] | None = None,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._engine = engine
        self._known = known or _NOBODY_KNOWS
        self._entities = entities
        self._options = dict(options or {})
        self._tell = found
        self._json = JsonSource() if json_escaped else None
        self._sieve = Sieve(
            self._look,
            self._found,
            structured=is_structured(entities),
            keys="PRIVATE_KEY" in entities,
        )

    def feed(self, chunk: str) -> str:
        """What can go out now."""
        return "".join([text for _, text in self.feed_pieces(chunk)])

    def flush(self) -> str:
        """What was held back, at the end of the field."""
        return "".join([text for _, text in self.flush_pieces()])

    def whole(self, text: str) -> str:
        """A whole field at once: the same as ``feed`` and ``flush``."""
        return self.feed(text) + self.flush()

    def feed_pieces(self, chunk: str) -> list[Piece]:
        """``feed``, telling what was replaced: ``(source, text)``."""
        if self._json is None:
            return self._sieve.feed(chunk)
        return self._parts(self._json, chunk, final=False)

    def flush_pieces(self) -> list[Piece]:
        """``flush`` as pieces."""
        pieces = [] if self._json is None else self._parts(self._json, "", final=True)
        return pieces + self._sieve.close()

    def pass_over(self, source: str, text: str) -> list[Piece]:
        """An issued token, and what goes out for it: opaque, but in its turn."""
        return self._sieve.pass_over(source, text, _SHADOW)

    def switch(self, *, json_escaped: bool) -> list[Piece]:
        """What follows is JSON source, or no longer is."""
        pieces = self.flush_pieces()
        self._json = JsonSource() if json_escaped else None
        return pieces

    def _parts(self, source: JsonSource, chunk: str, *, final: bool) -> list[Piece]:
        pieces: list[Piece] = []
        for part in source.feed(chunk, final=final):
            if part.kind == "quote":
                pieces += self._sieve.pass_over('"', '"', '"')
            elif part.kind == "number":
                pieces += self._number(part)
            else:
                pieces += self._sieve.feed(part.text, part.raw)
        return pieces

    def _number(self, part: Part) -> list[Piece]:
        pieces = self._sieve.close()
        context = self._sieve.context
        edits = self._look(context + part.text, len(context))
        text = part.text
        if edits:
            self._found(edits[0].entity_type)
            text = f'"[{edits[0].entity_type}]"'
        return pieces + self._sieve.pass_over(part.text, text, part.text)

    def _look(self, window: str, offset: int) -> list[Edit]:
        spans: Sequence[Span] = self._engine.detect(
            window, entities=self._entities, **self._options
        )
        return [
            Edit(max(span.start, offset), span.end, span.entity_type)
            for span in spans
            if span.end > offset and not self._known(window[span.start : span.end])
        ]

    def _found(self, entity_type: str) -> None:
        self.counts[entity_type] += 1
        if self._tell is not None:
            self._tell(entity_type)
