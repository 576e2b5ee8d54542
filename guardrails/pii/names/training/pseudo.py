"""Labels for real text that has none: spaCy's findings, where nothing speaks against them.

spaCy's small English model (trained on OntoNotes: news, telephone, web) reads tweets, forum posts
and prompts. What it finds is mostly right, its kind less often, what it misses is much: so its
confident findings become labels, its doubtful ones "unknown", and capitalised words that it
passed over are left open rather than called no name.
"""

import random
import re
from collections.abc import Iterable, Iterator
from typing import Final

from guardrails.pii.names.common import COMMON
from guardrails.pii.names.training.examples import UNKNOWN, Example, Labelled, tidy
from guardrails.pii.recognizers.names_spacy import KIND_OF, load_pipeline

_KINDS: Final = KIND_OF | {"DATE": "DATE_TIME", "TIME": "DATE_TIME"}
_ANNOTATED: Final = frozenset({"PERSON", "LOCATION", "ORGANIZATION", "NRP"})
_MENTION: Final = re.compile(r"@\w+|https?://\S+|#\w+|&\w+;")
_CAPITALISED: Final = re.compile(r"(?<![\w@#])[A-Z][\w'-]+")


def pseudo_labelled(
    texts: Iterable[tuple[str, str]], known: frozenset[str], generator: random.Random
) -> Iterator[Example]:
    """``(source, text)`` -> examples with spaCy's labels.

    Args:
        known: lower-case names of gazetteers; a finding of one of them needs no capital.
    """
    pipeline = load_pipeline()
    pairs = [(text[:1_000], source) for source, text in texts]
    for document, source in pipeline.pipe(pairs, as_tuples=True, batch_size=256):
        text = document.text
        spans = []
        for entity in document.ents:
            kind = _KINDS.get(entity.label_)
            if kind in (None, "DATE_TIME"):
                continue
            sure = _is_sure(entity.text, kind, known)
            spans.append(Labelled(entity.start_char, entity.end_char, kind if sure else UNKNOWN))
        covered = [(span.start, span.end) for span in spans]
        for match in _CAPITALISED.finditer(text):
            inside = any(start < match.end() and match.start() < end for start, end in covered)
            if not inside and match[0].lower() in known and match[0].lower() not in COMMON:
                spans.append(Labelled(match.start(), match.end(), UNKNOWN))
        yield Example(text, tidy(spans), _ANNOTATED, source, "en")


def _is_sure(value: str, kind: str, known: frozenset[str]) -> bool:
    """Mentions, links and everyday words are what spaCy takes for names most often."""
    if _MENTION.search(value) or value.lower() in COMMON:
        return False
    return value[:1].isupper() or value.lower() in known
