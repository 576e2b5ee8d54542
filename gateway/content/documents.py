"""What of a request is looked at together.

A value on its own often says nothing: ``4111`` is a number, ``{"pin": 4111}`` is not. A document
is a run of texts with what stands between them (field names, line ends), so that detectors see
a value where it stands, and values split over the parts of a message. Findings go back to the
texts they lie in.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from gateway.content.walk import walk
from guardrails.types import Span


class Document(msgspec.Struct, frozen=True):
    """Pieces in order; ``True`` marks a text of the request, ``False`` what lies between.

    ``parts``: the pieces are the parts of one message, and only values that have a form of their
    own are sought across their borders.
    """

    pieces: tuple[tuple[str, bool], ...]
    parts: bool = False

    @property
    def text(self) -> str:
        """What the detectors read."""
        return "".join(piece for piece, _ in self.pieces)

    def split(self, spans: Sequence[Span]) -> list[tuple[str, list[Span]]]:
        """The spans of ``text``, cut at the borders of pieces: ``(text, its spans)``."""
        if len(self.pieces) == 1:
            return [(self.pieces[0][0], list(spans))]
        out: list[tuple[str, list[Span]]] = []
        start = 0
        for piece, is_text in self.pieces:
            end = start + len(piece)
            if is_text:
                out.append((piece, [_cut(span, start, end) for span in spans
                                    if span.start < end and start < span.end]))  # fmt: skip
            start = end
        return out


def _cut(span: Span, start: int, end: int) -> Span:
    return replace(span, start=max(span.start, start) - start, end=min(span.end, end) - start)


def map_texts(body: dict[str, Any], function: Callable[[str], str]) -> dict[str, Any]:
    """A copy of a chat-completions body with ``function(text)`` for each text."""
    return walk(body, _Mapper(function))


def texts_of(body: dict[str, Any]) -> list[str]:
    """Every text of the body, in order, repeated ones once: what may hold personal data."""
    texts: dict[str, None] = {}
    for document in documents_of(body):
        texts.update((piece, None) for piece, is_text in document.pieces if is_text)
    return list(texts)


def documents_of(body: dict[str, Any]) -> list[Document]:
    """The documents of a chat-completions body, in order, repeated ones once."""
    collector = _Collector()
    walk(body, collector)
    collector.document()
    for message in body.get("messages") or ():
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, list):
            collector.joined(content)
    return list(collector.documents)


def spans_by_text(
    documents: Sequence[Document], findings: Sequence[Sequence[Span]]
) -> Mapping[str, list[Span]]:
    """All that was found in each text, in whichever document it stood; spans may overlap."""
    found: dict[str, list[Span]] = {}
    for document, spans in zip(documents, findings, strict=True):
        for text, cut in document.split(spans):
            found.setdefault(text, []).extend(cut)
    return found


class _Mapper:
    """Replaces texts."""

    def __init__(self, function: Callable[[str], str]) -> None:
        self.text = function

    def glue(self, glue: str) -> None: ...

    def document(self) -> None: ...


class _Collector:
    """Gathers documents and replaces nothing."""

    def __init__(self) -> None:
        self.documents: dict[Document, None] = {}
        self._pieces: list[tuple[str, bool]] = []

    def text(self, text: str) -> str:
        if text:
            self._pieces.append((text, True))
        return text

    def glue(self, glue: str) -> None:
        self._pieces.append((glue, False))

    def document(self) -> None:
        if any(is_text for _, is_text in self._pieces):
            self.documents[Document(tuple(self._pieces))] = None
        self._pieces = []

    def joined(self, parts: list[Any]) -> None:
        """The texts of a message's parts without a gap: a value may be split over them."""
        texts = [part.get("text") for part in parts if isinstance(part, dict)]
        whole = [text for text in texts if isinstance(text, str) and text]
        if len(whole) > 1:
            self.documents[Document(tuple((text, True) for text in whole), parts=True)] = None
