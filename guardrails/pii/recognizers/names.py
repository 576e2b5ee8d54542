"""Names, places, organisations, addresses: our own tagger as a Presidio recognizer.

Language is not asked for: one model reads English, German and French, and a text may mix them.
Chinese, Japanese and Korean are another recognizer's.
"""

import re
from typing import Any, Final

from presidio_analyzer import EntityRecognizer, RecognizerResult

from guardrails.pii.names.code import is_identifier, is_in_slug
from guardrails.pii.names.common import COMMON
from guardrails.pii.names.tagger import NAMES, Name, NameTagger
from guardrails.pii.recognizers.national.fields import is_field_name
from guardrails.pii.windows import windows

_WINDOW: Final = 4_000
_OVERLAP: Final = 200
_LETTERS: Final = re.compile(r"[^\W\d_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2}")
_CJK: Final = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
# A single everyday word is a name only where the model is all but sure; a word without a capital
# where it is rather so than not.
_LEAST_COMMON: Final = 0.98
_LEAST_LOWER: Final = 0.5
_AGE: Final = re.compile(
    r"\d|(?i:teen|ty\b|zig|zehn|ßig|ante\b|ingt\b|one|two|three|four|five|six|ten)"
)


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
            found += (
                RecognizerResult(
                    name.kind,
                    start + name.start,
                    start + name.end,
                    0.5 + name.score / 2,
                    recognition_metadata=metadata,
                )
                for name in self._tagger.find(piece)
                if name.kind in entities and _plausible(piece, name)
            )
        return found


def _plausible(text: str, name: Name) -> bool:
    """Names have letters that the model knows, and are no everyday words nor identifiers."""
    value = text[name.start : name.end]
    if is_field_name(value):
        return False
    if name.kind not in NAMES:
        return name.kind != "AGE" or _AGE.search(value) is not None
    if sum(map(str.isalpha, value)) < 2 or "_" in value or _CJK.search(value) is not None:
        return False
    if name.score < _LEAST_LOWER and value == value.lower():
        return False
    if name.score < _LEAST_COMMON and value.lower() in COMMON:
        return False
    return not (is_identifier(text, name.start, name.end) or is_in_slug(text, name.start, name.end))
