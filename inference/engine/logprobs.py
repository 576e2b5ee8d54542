"""How likely the model itself held what was drawn.

The numbers are those of the model's own distribution, before temperature, penalties, biases,
cuts and constraints, as OpenAI and vLLM give them.
"""

from collections import deque

import torch

from inference.engine.sequence import Logprob, Sequence


def note_logprobs(raw: torch.Tensor, sequences: list[Sequence], tokens: list[int]) -> None:
    """Append to each sequence's ``logprobs``; ``raw`` [sequences, vocab] log-softmax."""
    chosen = raw.gather(1, torch.tensor(tokens, device=raw.device)[:, None])[:, 0].tolist()
    most = max(s.params.logprobs or 0 for s in sequences)
    values, ids = raw.topk(min(most, raw.shape[1]))
    rows = zip(sequences, tokens, chosen, ids.tolist(), values.tolist(), strict=True)
    for sequence, token, own, near, likely in rows:
        count = sequence.params.logprobs or 0
        sequence.logprobs.append(
            Logprob(token, own, tuple(zip(near[:count], likely[:count], strict=True)))
        )


class LogprobQueue:
    """Holds log probabilities back as long as their tokens' text is, for stop strings."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, int, Logprob]] = deque()  # and where their text stands
        self._heard = 0  # characters
        self._given = 0

    def push(self, logprob: Logprob, length: int) -> None:
        """A token and how many characters came with it."""
        self._waiting.append((self._heard, self._heard + length, logprob))
        self._heard += length

    def release(self, length: int, last: bool) -> tuple[Logprob, ...]:
        """Those of the next ``length`` characters; ``last``: of a token that was cut, too."""
        self._given += length
        out: list[Logprob] = []
        while self._waiting:
            start, end, logprob = self._waiting[0]
            if end > self._given and not (last and start < self._given):
                break
            out.append(logprob)
            self._waiting.popleft()
        return tuple(out)
