"""How likely the model itself held what was drawn.

The numbers are those of the model's own distribution, before temperature, penalties, biases,
cuts and constraints, as OpenAI and vLLM give them.
"""

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
