"""Names, places, organisations, addresses: our own tagger as a Presidio recognizer.

Language is not asked for: one model reads English, German and French, and a text may mix them.
Chinese, Japanese and Korean are another recognizer's.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from presidio_analyzer import EntityRecognizer, RecognizerResult

from guardrails.pii.names.plausible import plausible
from guardrails.pii.names.tagger import Name, NameTagger
from guardrails.pii.windows import windows

_WINDOW: Final = 4_000
_OVERLAP: Final = 200
_PLACES: Final = frozenset({"STREET_ADDRESS", "LOCATION"})
_NEAR: Final = 30  # characters between the parts of one address
_LETTERS: Final = re.compile(r"[^\W\d_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2}")


class NameRecognizer(EntityRecognizer):
    """A Presidio recognizer that works window by window, so that memory is bounded."""

    def __init__(self) -> None:
        super().__init__(
            supported_entities=[
                "PERSON", "LOCATION", "ORGANIZATION", "STREET_ADDRESS",
                "DATE_TIME", "TITLE", "AGE", "NRP",
            ],
            name="names",
            supported_language="xx",
            version="2",
        )  # fmt: skip

    def load(self) -> None:
        self._tagger = NameTagger.load()

    def wanted(self, text: str) -> bool:
        """Without two Latin letters in a row there is nothing that the model knows."""
        return _LETTERS.search(text) is not None

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: Any = None
    ) -> list[RecognizerResult]:
        if not self.wanted(text):
            return []
        metadata = {RecognizerResult.RECOGNIZER_NAME_KEY: self.name}
        found: list[RecognizerResult] = []
        for start, end in windows(text, _WINDOW, _OVERLAP):
            piece = text[start:end]
            candidates = self._tagger.find(piece)
            found += (
                RecognizerResult(
                    name.kind,
                    start + name.start,
                    start + name.end,
                    0.5 + name.score / 2,
                    recognition_metadata=metadata,
                )
                for candidate in candidates
                if candidate.kind in entities
                and not _stray(piece, candidate, candidates)
                and (name := plausible(piece, candidate)) is not None
            )
        return found


def _stray(text: str, name: Name, others: Sequence[Name]) -> bool:
    """A single word of an address with nothing of an address near: a number, a "ring", a "P"."""
    if name.kind != "STREET_ADDRESS" or not text[name.start : name.end].isalnum():
        return False
    return not any(
        other is not name
        and other.kind in _PLACES
        and other.start - _NEAR <= name.end
        and name.start <= other.end + _NEAR
        for other in others
    )
