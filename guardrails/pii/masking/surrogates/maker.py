"""Draws a surrogate for a value and sees to it that it stands for nothing else."""

from collections.abc import Iterator

from guardrails.pii.masking.memory import ScopeMemory
from guardrails.pii.masking.reserved import ReservedTexts


class Surrogates:
    """The surrogates of one request."""

    def __init__(self, memory: ScopeMemory, reserved: ReservedTexts) -> None:
        self._memory = memory
        self._reserved = reserved

    def make(self, entity_type: str, value: str) -> str | None:
        """A surrogate, or ``None`` where no good one can be made."""
        return None

    def forms(self, entity_type: str, value: str, text: str) -> Iterator[tuple[str, str]]:
        """What is found in an answer, and what it means: the surrogate and parts of it."""
        yield text, value
