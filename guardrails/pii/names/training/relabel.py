"""A second look at spaCy's labels with a tagger of our own, trained on them and the rest.

Where the two disagree, the token is left open: what spaCy passed over and the tagger takes for a
name (tweets in lower case, mostly), and what spaCy named and the tagger is sure is none. Neither
is made a label of its own; the tagger would only learn its own mistakes.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from guardrails.pii.names.network import Floats, TaggerNetwork, TokenVectors
from guardrails.pii.names.tokens import Tokens, feature_rows, tokenise
from guardrails.pii.names.training.examples import NAMES, UNKNOWN, Example, Labelled, tidy

_LIKELY: Final = 0.5
_SURELY_NONE: Final = 0.9
_KINDS: Final = NAMES | {"NRP"}


def relabelled(examples: Iterable[Example], network: TaggerNetwork) -> Iterator[Example]:
    """The examples with some labels opened."""
    vectors = TokenVectors(network, feature_rows)
    columns = [[network.labels.index(f"{part}-{kind}") for part in "BI"] for kind in sorted(_KINDS)]
    for example in examples:
        tokens = tokenise(example.text)
        if not tokens.keys:
            continue
        scores = network.scores(vectors.of(tokens.keys))
        kept = [_doubted(span, tokens, scores) for span in example.spans]
        likely = [max(float(row[pair].sum()) for pair in columns) for row in scores]
        spans = tidy([*kept, *_missed(example.spans, tokens, likely)])
        yield Example(
            example.text, spans, example.annotated, example.source, example.lang,
            example.group, example.weight,
        )  # fmt: skip


def _doubted(span: Labelled, tokens: Tokens, scores: Floats) -> Labelled:
    inside = [
        number for number, start in enumerate(tokens.starts)
        if start < span.end and span.start < tokens.ends[number]
    ]  # fmt: skip
    doubtful = bool(inside) and float(scores[inside, 0].mean()) > _SURELY_NONE
    return Labelled(span.start, span.end, UNKNOWN) if doubtful else span


def _missed(
    spans: Sequence[Labelled], tokens: Tokens, likely: Sequence[float]
) -> Iterator[Labelled]:
    for key, start, end, score in zip(*tokens, likely, strict=True):
        taken = any(span.start < end and start < span.end for span in spans)
        if not taken and score >= _LIKELY and key[0].isalpha():
            yield Labelled(start, end, UNKNOWN)
