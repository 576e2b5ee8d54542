"""The moderation guard: a calibrated probability and the likeliest category.

One model judges prompts and answers alike. It knows words and their pieces, not meaning:
docs/moderation.md says what that misses.
"""

from typing import Self

import numpy as np

from guardrails.linear import ModelFile, TextScorer
from guardrails.linear.head import Sums
from guardrails.types import Role, Verdict
from guardrails.weights import released

CATEGORIES = (
    "disinformation",
    "drugs",
    "fraud",
    "harassment",
    "hate",
    "illegal",
    "malware",
    "privacy",
    "self_harm",
    "sexual",
    "violence",
    "weapons",
)
# What an operator or a program wrote is not a person's remark: only clear cases count.
_STRICT_ROLES = frozenset({Role.SYSTEM, Role.SCHEMA})


class ModerationGuard:
    """Immutable after loading, so safe to share between threads."""

    def __init__(self, model: ModelFile) -> None:
        self._scorer = TextScorer(model.spec)
        self._unsafe = model.heads["unsafe"]
        self._category = model.heads["category"]
        self.version = model.version
        self.threshold = float(model.settings["threshold"])
        self.strict_threshold = max(self.threshold, float(model.settings["strict_threshold"]))

    @classmethod
    def load(cls) -> Self:
        """The released weights.

        Raises:
            GuardUnavailable: the weights are missing, damaged or exchanged.
        """
        return cls(released("moderation"))

    def score(self, text: str, role: Role = Role.USER, *, cleaned: str | None = None) -> Verdict:
        """Judge a text of any length; the worst of its windows counts.

        Args:
            cleaned: as ``TextScorer.windows`` has it.
        """
        threshold = self.strict_threshold if role in _STRICT_ROLES else self.threshold
        windows = self._scorer.windows(text, self._unsafe, cleaned)
        scores = [self._unsafe.probability(sums) if sums[0] else 0.0 for sums in windows]
        worst = max(range(len(scores)), key=scores.__getitem__)
        flagged = scores[worst] >= threshold
        category = None
        if flagged:
            logits = self._category.logits_of(self._categories(text, worst))
            category = self._category.labels[int(np.argmax(logits))]
        return Verdict(self.version, scores[worst], threshold, flagged, category)

    def rate(self, text: str) -> dict[str, float]:
        """Probability of each of ``CATEGORIES`` in the worst window; they add up to that of
        the text being unsafe."""
        windows = self._scorer.windows(text, self._unsafe)
        scores = [self._unsafe.probability(sums) if sums[0] else -1.0 for sums in windows]
        worst = max(range(len(scores)), key=scores.__getitem__)
        if scores[worst] < 0:
            return dict.fromkeys(self._category.labels, 0.0)
        logits = self._category.logits_of(self._categories(text, worst))
        shares = np.exp(logits - logits.max())
        shares *= scores[worst] / shares.sum()
        return dict(zip(self._category.labels, map(float, shares), strict=True))

    def _categories(self, text: str, window: int) -> Sums:
        return self._scorer.windows(text, self._category)[window]
