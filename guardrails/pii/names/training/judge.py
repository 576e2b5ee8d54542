"""Figures of a tagger alone, without the patterns that stand beside it in the engine."""

from collections import Counter
from collections.abc import Sequence

from guardrails.pii.names.tagger import NameTagger
from guardrails.pii.names.training.examples import Example


def judge(name: str, examples: Sequence[Example], tagger: NameTagger) -> str:
    """A line: recall and precision per character of any kind, recall by overlap of each kind."""
    gold_total = given_total = both_total = 0
    wanted, met = Counter[str](), Counter[str]()
    for example in examples:
        given = [one for one in tagger.find(example.text) if one.kind in example.annotated]
        gold = {at for span in example.spans for at in range(span.start, span.end)}
        covered = {at for one in given for at in range(one.start, one.end)}
        gold_total += len(gold)
        given_total += len(covered)
        both_total += len(gold & covered)
        for span in example.spans:
            wanted[span.kind] += 1
            met[span.kind] += any(
                one.start < span.end and span.start < one.end and one.kind == span.kind
                for one in given
            )
    kinds = ", ".join(f"{kind} {met[kind] / count:.2f}" for kind, count in wanted.items())
    recall = both_total / max(gold_total, 1)
    precision = both_total / max(given_total, 1)
    return f"{name}: recall {recall:.3f}, precision {precision:.3f}; {kinds}"
