"""The complexity model: trend and difficulty of a prompt from a small linear model.

It reads words, their pieces and a few signals of shape (formulas, code, answer choices). It
does not understand the question; docs/routing.md gives its figures beside the baselines.
"""

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Self

import numpy as np

from gateway.routing.signals import signals
from guardrails.linear import ModelFile, TextScorer, load_model
from guardrails.linear.head import softmax

TRENDS = (
    "chat",
    "classification",
    "code",
    "extraction",
    "knowledge",
    "math",
    "reasoning",
    "rewriting",
    "summarisation",
    "translation",
)
_HEAD, _TAIL = 2400, 1200  # code points read of a long prompt: the task stands at either end
_TURN_STEP, _MAX_TURNS = 0.02, 5


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the router knows of a prompt.

    Args:
        trend: the likeliest of ``TRENDS``.
        hard: probability that the strong tier is needed, 0..1.
        trend_scores: the three likeliest trends with their probabilities.
        length: code points of the prompt.
    """

    trend: str
    hard: float
    trend_scores: tuple[tuple[str, float], ...]
    length: int = 0


class ComplexityModel:
    """Immutable after loading, so safe to share between threads."""

    def __init__(self, model: ModelFile) -> None:
        self._scorer = TextScorer(model.spec)
        self._hard = model.heads["hard"]
        self._trend = model.heads["trend"]
        self.version = model.version

    @classmethod
    def load(cls) -> Self:
        """The released weights.

        Raises:
            GuardUnavailable: the weights are missing, damaged or exchanged.
        """
        folder = Path(str(resources.files("gateway.routing"))) / "weights"
        facts = json.loads((folder / "router.json").read_text(encoding="utf-8"))
        return cls(load_model(folder / "router.npz", digest=facts["sha256"]))

    def assess(self, text: str, *, turns: int = 1) -> Assessment:
        """Judge a prompt.

        Args:
            text: the last user message (with the system prompt if it holds the task).
            turns: user messages so far; long conversations lean to the strong tier.
        """
        shown = excerpt(text)
        sums, shape = self._scorer.whole(shown, self._hard), signals(shown)
        hard = self._hard.probability(sums, shape) if sums[0] else 0.0
        extra = _TURN_STEP * min(max(turns - 1, 0), _MAX_TURNS)
        trends = softmax(self._trend.logits_of(self._scorer.whole(shown, self._trend), shape))
        best = np.argsort(-trends, kind="stable")[:3]
        scores = tuple((self._trend.labels[i], round(float(trends[i]), 4)) for i in best)
        top = scores[0][0] if sums[0] else "chat"
        return Assessment(top, min(hard + extra * (1 - hard), 1.0), scores, len(text))


def excerpt(text: str) -> str:
    """The part of a prompt that is judged: its beginning and its end."""
    if len(text) <= _HEAD + _TAIL:
        return text
    return f"{text[:_HEAD]}\n{text[-_TAIL:]}"
