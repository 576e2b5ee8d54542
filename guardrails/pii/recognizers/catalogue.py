"""All recognizers of the engine, in the order in which they run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from presidio_analyzer import EntityRecognizer

from guardrails.pii.recognizers.base import ANY_LANGUAGE
from guardrails.pii.recognizers.contact import contact_recognizers
from guardrails.pii.recognizers.finance import finance_recognizers
from guardrails.pii.recognizers.national_ids import national_id_recognizers
from guardrails.pii.recognizers.optional import optional_recognizers
from guardrails.pii.recognizers.persons import person_recognizers
from guardrails.pii.recognizers.places import place_recognizers
from guardrails.pii.recognizers.secrets import secret_recognizers

SOVGATE: Final = "sovgate"  # our own taggers
SPACY: Final = "spacy"  # its small English model
TRANSFORMERS: Final = "transformers"  # a model in a local folder
NONE: Final = "none"  # rules only


def build_recognizers(
    languages: Sequence[str], ner: str, model: Path | None = None
) -> list[EntityRecognizer]:
    """Recognizers of these languages; patterns first, the word models last.

    Args:
        ner: who finds names: ``SOVGATE``, ``SPACY``, ``TRANSFORMERS`` or ``NONE``.
        model: the folder of a model for ``TRANSFORMERS``.

    Raises:
        ValueError: another ``ner``, or no model where one is needed.
    """
    recognizers: list[EntityRecognizer] = [
        *secret_recognizers(),
        *contact_recognizers(),
        *finance_recognizers(),
        *national_id_recognizers(),
        *place_recognizers(),
        *person_recognizers(),
        *optional_recognizers(),
    ]
    spoken = {*languages, ANY_LANGUAGE}
    chosen = [each for each in recognizers if each.supported_language in spoken]
    return [*chosen, *_name_recognizers(languages, ner, model)]


def _name_recognizers(
    languages: Sequence[str], ner: str, model: Path | None
) -> list[EntityRecognizer]:
    """Weights and spaCy are read only where they are used."""
    found: list[EntityRecognizer] = []
    if ner == SOVGATE:
        from guardrails.pii.recognizers.names import NameRecognizer

        found.append(NameRecognizer())
    elif ner == SPACY:
        from guardrails.pii.recognizers.names_spacy import SpacyNameRecognizer

        found.append(SpacyNameRecognizer())
    elif ner == TRANSFORMERS and model is not None:
        from guardrails.pii.recognizers.names_transformers import TransformersNameRecognizer

        found.append(TransformersNameRecognizer(model))
    elif ner != NONE:
        raise ValueError(f"{ner!r} finds no names, or needs the folder of a model")
    if ner == SOVGATE and "zh" in languages:
        from guardrails.pii.names_zh.recognizer import ChineseNameRecognizer

        found.append(ChineseNameRecognizer())
    return found
