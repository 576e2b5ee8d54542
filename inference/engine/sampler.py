"""Draws the next token of each sequence.

Each sequence draws with its own generator, so its tokens do not depend on what
else is in the batch.
"""

import torch

from inference.engine.sequence import Sequence

_LOOP_PENALTY = 5.0  # logits
_CANDIDATES = 256  # a nucleus nearly always lies within; otherwise everything is sorted


@torch.inference_mode()
def sample(logits: torch.Tensor, sequences: list[Sequence]) -> list[int]:
    """One token id for each row of ``logits`` [sequences, vocab] float32 (changed in place)."""
    for row, sequence in zip(logits, sequences, strict=True):
        if sequence.params.penalised and sequence.output_ids:
            _penalise(row, sequence)
    tokens = logits.argmax(dim=-1).tolist()
    for index, sequence in enumerate(sequences):
        if sequence.params.temperature > 0:
            _guard_loops(logits[index], sequence)
            tokens[index] = _draw(logits[index], sequence)
    return tokens


def _penalise(row: torch.Tensor, sequence: Sequence) -> None:
    ids = torch.tensor(sequence.output_ids, device=row.device)
    seen, counts = ids.unique(return_counts=True)
    values = row[seen]
    factor = sequence.params.repetition_penalty
    values = torch.where(values > 0, values / factor, values * factor)
    values -= sequence.params.presence_penalty + sequence.params.frequency_penalty * counts
    row[seen] = values


def _guard_loops(row: torch.Tensor, sequence: Sequence) -> None:
    length, out = sequence.params.loop_guard, sequence.output_ids
    if not length or len(out) <= length:
        return
    tail = out[-length:]
    followers = {out[i + length] for i in range(len(out) - length) if out[i : i + length] == tail}
    for token in followers:
        row[token] -= _LOOP_PENALTY


def _draw(row: torch.Tensor, sequence: Sequence) -> int:
    """Inverse transform sampling: one uniform number, one look into the cumulative weights."""
    params = sequence.params
    probabilities = torch.softmax(row / params.temperature, dim=-1)
    uniform = sequence.rng.random()
    if params.top_p >= 1.0:
        total = probabilities.cumsum(-1, dtype=torch.float64)
        return int(
            torch.searchsorted(total, uniform * total[-1], right=True).clamp(max=len(row) - 1)
        )
    top, ids = probabilities.topk(min(_CANDIDATES, len(row)))
    if float(top.sum()) < params.top_p:
        top, ids = probabilities.sort(descending=True)
    total = top.cumsum(-1, dtype=torch.float64)
    kept = int((total < params.top_p).sum()) + 1
    total = total[:kept]
    return int(
        ids[torch.searchsorted(total, uniform * total[-1], right=True).clamp(max=len(total) - 1)]
    )
