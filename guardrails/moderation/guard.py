"""The moderation guard: a calibrated probability and the likeliest category.

One model judges prompts and answers alike. It knows words and their pieces, not meaning:
docs/moderation.md says what that misses.
"""

from typing import Self

import numpy as np

from guardrails.linear import ModelFile, featurize
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
        self._spec = model.spec
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

    def score(self, text: str, role: Role = Role.USER) -> Verdict:
        """Judge a text of any length; the worst of its windows counts."""
        threshold = self.strict_threshold if role in _STRICT_ROLES else self.threshold
        windows = list(featurize(text, self._spec).windows())
        scores = [self._unsafe.probability(hashes) if len(hashes) else 0.0 for hashes in windows]
        worst = max(range(len(scores)), key=scores.__getitem__)
        flagged = scores[worst] >= threshold
        category = None
        if flagged:
            logits = self._category.logits(windows[worst])
            category = self._category.labels[int(np.argmax(logits))]
        return Verdict(self.version, scores[worst], threshold, flagged, category)

    def rate(self, text: str) -> dict[str, float]:
        """Probability of each of ``CATEGORIES`` in the worst window; they add up to that of
        the text being unsafe."""
        windows = [hashes for hashes in featurize(text, self._spec).windows() if len(hashes)]
        if not windows:
            return dict.fromkeys(self._category.labels, 0.0)
        worst = max(windows, key=self._unsafe.probability)
        logits = np.asarray(self._category.logits(worst), dtype=np.float64)
        shares = np.exp(logits - logits.max())
        shares *= self._unsafe.probability(worst) / shares.sum()
        return dict(zip(self._category.labels, map(float, shares), strict=True))
