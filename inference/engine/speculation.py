"""Guesses the next tokens: from what was said before (n-grams), or by the model's draft module.

A guess costs a few rows in a step that reads all weights anyway; what is not drawn is taken back,
so answers are the same with and without. What stands in an answer often stood in its prompt.
"""

from dataclasses import dataclass

from inference.engine.sequence import Sequence


@dataclass(frozen=True, slots=True)
class PromptLookup:
    """The tokens that followed the latest earlier place where the last ones stood.

    Args:
        most: tokens guessed at once; 0: none.
        longest, shortest: how many last tokens must agree; more are tried first.
        window: how far back is looked, in tokens.
    """

    most: int = 4
    longest: int = 4
    shortest: int = 2
    window: int = 4096

    def __call__(self, sequence: Sequence) -> list[int]:
        room = sequence.params.max_tokens - len(sequence.output_ids) - 1
        count = min(self.most, room)
        if count <= 0:
            return []
        end = sequence.num_tokens
        ids = sequence.ids(max(0, end - self.window), end)
        for length in range(self.longest, self.shortest - 1, -1):
            at = _earlier(ids, length)
            if at is not None:
                return ids[at + length : at + length + count]
        return []


@dataclass(frozen=True, slots=True)
class ModelDraft:
    """What the model's own draft module guessed after the latest step (`ModelRunner.draft`)."""

    most: int = 1

    def __call__(self, sequence: Sequence) -> list[int]:
        room = sequence.params.max_tokens - len(sequence.output_ids) - 1
        return sequence.draft[: max(0, room)]


def _earlier(ids: list[int], length: int) -> int | None:
    """Where the last ``length`` tokens stood before, as late as possible."""
    if len(ids) <= length:
        return None
    tail, last = ids[-length:], ids[-1]
    for end in range(len(ids) - 2, length - 2, -1):
        if ids[end] == last and ids[end - length + 1 : end + 1] == tail:
            return end - length + 1
    return None
