"""Draws the next token of each sequence.

Each sequence draws with numbers of its own and every operation works row by row,
so a sequence's tokens do not depend on what else is in the batch.
"""

import torch

from inference.engine.adjusting import (
    add_biases,
    constrain,
    forbid_ends,
    guard_loops,
    penalise,
)
from inference.engine.drawing import Draw
from inference.engine.drawing import draw as draw_plainly
from inference.engine.logprobs import note_logprobs
from inference.engine.sequence import Sequence


@torch.inference_mode()
def sample(logits: torch.Tensor, sequences: list[Sequence], draw: Draw = draw_plainly) -> list[int]:
    """One token id for each row of ``logits`` [sequences, vocab] float32 (changed in place)."""
    wanted = [i for i, s in enumerate(sequences) if s.params.logprobs is not None]
    raw = logits[wanted].log_softmax(-1) if wanted else None
    drawing = [i for i, s in enumerate(sequences) if not s.params.greedy]
    penalise(logits, sequences)
    add_biases(logits, sequences)
    guard_loops(logits, sequences, drawing)
    constrain(logits, sequences)
    forbid_ends(logits, sequences)
    tokens = draw(logits, sequences)
    if raw is not None:
        note_logprobs(raw, [sequences[i] for i in wanted], [tokens[i] for i in wanted])
    return tokens
