"""Names by a token-classification model of the Hugging Face kind from a local folder.

For operators who have such a model and the processors for it; selectable, not the default. It
needs `transformers` and `torch`, which are not installed with the gateway and must never be
loaded in its process: ``guards.ner: transformers`` sends all texts to the process beside.
Nothing is downloaded: the model is a folder.
"""

import re
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from presidio_analyzer import EntityRecognizer, RecognizerResult

from guardrails.pii.windows import windows

# Labels of the usual sets (CoNLL, OntoNotes, GermEval) without their B-, I- and L- marks.
KIND_OF: Final = {
    "PER": "PERSON", "PERSON": "PERSON",
    "LOC": "LOCATION", "LOCATION": "LOCATION", "GPE": "LOCATION", "FAC": "LOCATION",
    "ORG": "ORGANIZATION", "ORGANIZATION": "ORGANIZATION",
    "NORP": "NRP", "NRP": "NRP",
}  # fmt: skip
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
# Such models read 512 pieces of words; a word is seldom more than four pieces.
_WINDOW: Final = 900
_OVERLAP: Final = 150


class TransformersNameRecognizer(EntityRecognizer):
    """A Presidio recognizer over a local model, window by window.

    Args:
        model: a folder with the model and its tokenizer.
    """

    def __init__(self, model: Path) -> None:
        self._model = model
        super().__init__(
            supported_entities=["PERSON", "LOCATION", "ORGANIZATION", "NRP"],
            name="names_transformers",
            supported_language="xx",
            version="1",
        )

    def load(self) -> None:
        # By name: the gateway's own code must not depend on it, and import contracts hold it to it.
        transformers: Any = import_module("transformers")
        folder = str(self._model)
        self._find: Any = transformers.pipeline(
            "token-classification",
            model=transformers.AutoModelForTokenClassification.from_pretrained(
                folder, local_files_only=True
            ),
            tokenizer=transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True),
            aggregation_strategy="simple",
        )

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: Any = None
    ) -> list[RecognizerResult]:
        clean = _SURROGATE.sub("\ufffd", text)
        metadata = {RecognizerResult.RECOGNIZER_NAME_KEY: self.name}
        return [
            RecognizerResult(
                kind,
                start + found["start"],
                start + found["end"],
                float(found["score"]),
                recognition_metadata=metadata,
            )
            for start, end in windows(clean, _WINDOW, _OVERLAP)
            for found in self._find(clean[start:end])
            if (kind := KIND_OF.get(found["entity_group"].upper())) in entities
        ]
