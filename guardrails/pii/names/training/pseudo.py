"""Labels for real text that has none: spaCy's findings, where nothing speaks against them.

spaCy's small English model (trained on OntoNotes: news, telephone, web) reads tweets, forum posts
and prompts. What it finds is mostly right, its kind less often, what it misses is much: so its
credible findings become labels, its doubtful ones "unknown", and capitalised words that it
passed over are left open where some list of names has them.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from guardrails.pii.names.common import COMMON, TECHNOLOGY
from guardrails.pii.names.training.examples import ALL, UNKNOWN, Example, Labelled, tidy
from guardrails.pii.recognizers.names_spacy import KIND_OF, load_pipeline

_SAID: Final = frozenset({"PERSON", "LOCATION", "ORGANIZATION", "NRP"})
# Written as questions and orders to a model: nobody's title, address or age stands in them.
_PROMPTS: Final = (
    "s-labs", "neuralchemy", "harmfulqa", "catqa", "advbench", "routellm", "clinc150"
)  # fmt: skip
_MENTION: Final = re.compile(r"@\w+|https?://\S+|#\w+|&\w+;")
_CAPITALISED: Final = re.compile(r"(?<![\w@#])[A-Z][\w'-]+")
_LONGEST: Final = 800


def pseudo_labelled(texts: Iterable[tuple[str, str]], known: frozenset[str]) -> Iterator[Example]:
    """``(source, text)`` -> examples with spaCy's labels.

    Args:
        known: lower-case names of gazetteers; a finding of one of them needs no capital.
    """
    pipeline = load_pipeline()
    technology = frozenset(each.lower() for each in TECHNOLOGY)
    pairs = [(text[:_LONGEST], source) for source, text in texts]
    for document, source in pipeline.pipe(pairs, as_tuples=True, batch_size=256):
        found = [
            (entity.start_char, entity.end_char, KIND_OF[entity.label_])
            for entity in document.ents
            if entity.label_ in KIND_OF and entity.text.lower() not in technology
        ]
        spans = list(_judged(document.text, found, known))
        spans += _passed_over(document.text, spans, known - technology)
        said = ALL - {"DATE_TIME", "AGE"} if source.startswith(_PROMPTS) else _SAID
        yield Example(document.text, tidy(spans), said, source, "en", document.text)


def _judged(
    text: str, found: Iterable[tuple[int, int, str]], known: frozenset[str]
) -> Iterator[Labelled]:
    """Mentions, links and everyday words are what spaCy takes for names most often."""
    for start, end, kind in found:
        value = text[start:end]
        doubtful = _MENTION.search(value) or value.lower() in COMMON
        credible = value[:1].isupper() or value.lower() in known
        yield Labelled(start, end, kind if credible and not doubtful else UNKNOWN)


def _passed_over(text: str, spans: Iterable[Labelled], known: frozenset[str]) -> Iterator[Labelled]:
    covered = [(span.start, span.end) for span in spans]
    for match in _CAPITALISED.finditer(text):
        value = match[0].lower()
        inside = any(start < match.end() and match.start() < end for start, end in covered)
        if not inside and value in known and value not in COMMON:
            yield Labelled(match.start(), match.end(), UNKNOWN)
