"""What the privacy guard would do with a text, and why: for people, never for the hot path.

Shared by ``sovgate mask`` and the admin API. It keeps nothing and logs nothing.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.settings import PiiPolicy
from guardrails.pii import MaskScope, PiiEngine
from guardrails.pii.custom import TenantRecognizers
from guardrails.pii.masking.surrogates.language import language_of_texts
from guardrails.types import Action, MaskMode, Span

# About what a model sends at a time.
_PIECES = re.compile(r"\s*\S{1,4}|\s+")


@dataclass(frozen=True, slots=True)
class ExplainedFinding:
    """A finding and what stands for it; offsets in code points.

    Args:
        replacement: what an upstream would get in its place; ``None`` where the mode refuses
            the whole request.
    """

    span: Span
    value: str
    mode: MaskMode
    replacement: str | None


@dataclass(frozen=True, slots=True)
class RestoreStep:
    """One piece of a stream: what came from the model, what the client gets for it."""

    received: str
    sent: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything about one text.

    Args:
        action: what the policy does with findings; only ``mask`` sends the masked text on.
        restored: the masked text, put back in pieces as a stream would be.
        languages: of the text's lines, the most of it first.
    """

    action: Action
    masked: str
    findings: tuple[ExplainedFinding, ...]
    counts: dict[str, int]
    restored: tuple[RestoreStep, ...]
    detector: str
    languages: tuple[str, ...]


def explain(
    engine: PiiEngine, text: str, policy: PiiPolicy, recognizers: TenantRecognizers
) -> Explanation:
    """Look at ``text`` as the pipeline would under ``policy``; takes milliseconds of CPU.

    Raises:
        GuardUnavailable: a detector failed.
        InputTooLong: the text is longer than the engine reads.
    """
    spans = find(engine, text, policy, recognizers)
    scope = MaskScope([text], modes=policy.modes)
    masked = scope.mask_all([text], [spans])[0]
    counts = dict(scope.counts)
    findings = tuple(_explained(scope, text, span, policy) for span in spans)
    return Explanation(
        policy.action,
        masked,
        findings,
        counts,
        tuple(_stream(scope, masked)),
        engine.version,
        _languages(text),
    )


def find(
    engine: PiiEngine, text: str, policy: PiiPolicy, recognizers: TenantRecognizers
) -> list[Span]:
    """The findings of a text under a policy, with a tenant's recognizers."""
    return engine.detect(
        text,
        entities=None if policy.entities == "default" else frozenset(policy.entities),
        languages=tuple(policy.languages),
        extra=recognizers.recognizers,
        allow=recognizers.allow,
    )


def _languages(text: str) -> tuple[str, ...]:
    sizes: Counter[str] = Counter()
    for line in text.splitlines():
        if not line.isspace():
            sizes[language_of_texts([line])] += len(line)
    return tuple(language for language, _ in sizes.most_common())


def _explained(scope: MaskScope, text: str, span: Span, policy: PiiPolicy) -> ExplainedFinding:
    value = text[span.start : span.end]
    mode = policy.modes.get(span.entity_type, MaskMode.PLACEHOLDER)
    if mode is MaskMode.BLOCK:
        return ExplainedFinding(span, value, mode, None)
    alone = Span(0, len(value), span.entity_type, span.score, span.detector, span.reason)
    # The scope gives a value that it knows the same stand-in again.
    return ExplainedFinding(span, value, mode, scope.mask(value, [alone]))


def _stream(scope: MaskScope, masked: str) -> list[RestoreStep]:
    restorer = scope.restorer()
    steps = [RestoreStep(piece, restorer.feed(piece)) for piece in _PIECES.findall(masked)]
    return [*steps, *_rest(restorer.flush())]


def _rest(sent: str) -> Sequence[RestoreStep]:
    return [RestoreStep("", sent)] if sent else []
