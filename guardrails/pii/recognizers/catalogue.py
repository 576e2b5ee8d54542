"""All recognizers of the engine, in the order in which they run."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from guardrails.pii.imports import without_modules

if TYPE_CHECKING:
    from presidio_analyzer import EntityRecognizer

with without_modules("torch", "tensorflow", "transformers", "gliner", "stanza"):
    import presidio_analyzer as _presidio_analyzer  # noqa: F401 - first import, without torch

from guardrails.pii.recognizers.base import ANY_LANGUAGE
from guardrails.pii.recognizers.contact import contact_recognizers
from guardrails.pii.recognizers.finance import finance_recognizers
from guardrails.pii.recognizers.national_ids import national_id_recognizers
from guardrails.pii.recognizers.optional import optional_recognizers
from guardrails.pii.recognizers.persons import person_recognizers
from guardrails.pii.recognizers.places import place_recognizers
from guardrails.pii.recognizers.secrets import secret_recognizers


def build_recognizers(languages: Sequence[str], ner: str) -> "list[EntityRecognizer]":
    """Recognizers of these languages; patterns first, the word model last."""
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
    if ner == "spacy":
        from guardrails.pii.recognizers.names import NameRecognizer

        chosen.append(NameRecognizer())
    return chosen
