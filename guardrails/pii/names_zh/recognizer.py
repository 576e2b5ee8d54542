"""PERSON, LOCATION and ORGANIZATION in Chinese text, as a Presidio recognizer.

The findings are those of our own small network (``MODEL_CARD.md`` has its figures); rules for
Chinese addresses and for names beside their titles stand in ``recognizers/`` and run beside it.
"""

import re
from typing import Any, Final

from presidio_analyzer import EntityRecognizer, RecognizerResult

from guardrails.pii.names_zh.tagger import ChineseTagger

_HAN: Final = re.compile("[\u4e00-\u9fff]")
_VERSION: Final = "1"


class ChineseNameRecognizer(EntityRecognizer):
    """Reads its weights when made; ``analyze`` may be called from any number of threads.

    Args:
        tagger: another than the one of the shipped weights.

    Raises:
        OSError, ValueError, KeyError: the weights cannot be read.
    """

    def __init__(self, tagger: ChineseTagger | None = None) -> None:
        self._tagger = ChineseTagger.load() if tagger is None else tagger
        super().__init__(
            supported_entities=["PERSON", "LOCATION", "ORGANIZATION"],
            name="names_zh",
            supported_language="zh",
            version=_VERSION,
        )

    def load(self) -> None:
        """Nothing: the weights are read by the constructor."""

    def wanted(self, text: str) -> bool:
        """Whether the text holds a Chinese character at all."""
        return _HAN.search(text) is not None

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: Any = None
    ) -> list[RecognizerResult]:
        """Findings of the wanted entities; their score is at least 0.5.

        The network's own threshold has decided by then, so its probability p is told as
        0.5 + p / 2, which passes the engine's.
        """
        if not self.wanted(text):
            return []
        return [
            RecognizerResult(
                name.kind,
                name.start,
                name.end,
                0.5 + name.score / 2,
                recognition_metadata={RecognizerResult.RECOGNIZER_NAME_KEY: self.name},
            )
            for name in self._tagger.find(text)
            if name.kind in entities
        ]
