"""The injection guard: prompt injection and jailbreaks, in prompts and in documents.

A user may give orders; a document may not. Texts that an operator wrote (system prompts, tool
schemas) name rules and secrets all the time, so only the plainest attacks count there.
"""

from collections.abc import Iterable
from typing import Self

from guardrails.injection.disguise import readings
from guardrails.linear import ModelFile, TextScorer
from guardrails.types import Role, Verdict
from guardrails.weights import released

_OPERATOR = frozenset({Role.SYSTEM, Role.SCHEMA})


class InjectionGuard:
    """Immutable after loading, so safe to share between threads."""

    def __init__(self, model: ModelFile) -> None:
        self._scorer = TextScorer(model.spec)
        self._attack = model.heads["attack"]
        self.version = model.version
        self.threshold = float(model.settings["threshold"])
        self.document_threshold = float(model.settings["document_threshold"])
        self.operator_threshold = float(model.settings["operator_threshold"])

    @classmethod
    def load(cls) -> Self:
        """The released weights.

        Raises:
            GuardUnavailable: the weights are missing, damaged or exchanged.
        """
        return cls(released("injection"))

    def score(self, text: str, role: Role = Role.USER, *, cleaned: str | None = None) -> Verdict:
        """Judge a text of any length and its undisguised readings; the worst window counts.

        Args:
            cleaned: as ``TextScorer.windows`` has it.
        """
        threshold = self._threshold(role)
        score = max(self._worst(text, cleaned), self._worst_of(readings(text)))
        flagged = score >= threshold
        return Verdict(self.version, score, threshold, flagged, "injection" if flagged else None)

    def _threshold(self, role: Role) -> float:
        if role in _OPERATOR:
            return self.operator_threshold
        return self.document_threshold if role is Role.TOOL else self.threshold

    def _worst_of(self, texts: Iterable[str]) -> float:
        return max(map(self._worst, texts), default=0.0)

    def _worst(self, text: str, cleaned: str | None = None) -> float:
        return max(
            self._attack.probability(sums) if sums[0] else 0.0
            for sums in self._scorer.windows(text, self._attack, cleaned)
        )
