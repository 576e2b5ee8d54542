"""What changes logits before a token is drawn: penalties, biases, bans, constraints.

Each function changes ``logits`` [sequences, vocab] in place, for all rows that ask for it
together, and does nothing where none does.
"""

import numpy as np
import torch

from inference.engine.sequence import Sequence

_LOOP_PENALTY = 5.0  # logits


def penalise(logits: torch.Tensor, sequences: list[Sequence]) -> None:
    """Presence, frequency and repetition penalties, on the tokens that an answer holds."""
    rows = [i for i, s in enumerate(sequences) if s.params.penalised and s.output_ids]
    if not rows:
        return
    width = logits.shape[1]
    places = [i * width + t for i in rows for t in sequences[i].output_ids]
    seen, counts = torch.tensor(places, device=logits.device).unique(return_counts=True)
    params = [s.params for s in sequences]
    owner = seen // width
    token = seen % width
    factor = _by_row([p.repetition_penalty for p in params], owner, logits)
    presence = _by_row([p.presence_penalty for p in params], owner, logits)
    frequency = _by_row([p.frequency_penalty for p in params], owner, logits)
    values = logits[owner, token]
    values = torch.where(values > 0, values / factor, values * factor)
    logits[owner, token] = values - (presence + frequency * counts)


def add_biases(logits: torch.Tensor, sequences: list[Sequence]) -> None:
    _add(logits, [(i, t, b) for i, s in enumerate(sequences) for t, b in s.params.logit_bias])


def guard_loops(logits: torch.Tensor, sequences: list[Sequence], rows: list[int]) -> None:
    """Make what would go on with a loop unlikely, in ``rows``."""
    changes = [(i, token, -_LOOP_PENALTY) for i in rows for token in _followers(sequences[i])]
    _add(logits, changes)


def constrain(logits: torch.Tensor, sequences: list[Sequence]) -> None:
    """Forbid what sequences' constraints do not allow; one that cannot go on ends its sequence."""
    rows, masks = [], []
    for row, sequence in enumerate(sequences):
        if sequence.constraint is not None:
            mask = sequence.constraint.mask(sequence.output_ids)
            if mask is None:
                sequence.finish("error")
            else:
                rows.append(row)
                masks.append(mask)
    if rows:
        packed = np.frombuffer(b"".join(masks), dtype=np.uint8).reshape(len(rows), -1)
        bits = np.unpackbits(packed, axis=1, count=logits.shape[1], bitorder="little")
        forbidden = torch.from_numpy(bits == 0).to(logits.device)
        for place, row in enumerate(rows):  # in place: gathering rows costs more than this loop
            logits[row].masked_fill_(forbidden[place], -torch.inf)


def forbid_ends(logits: torch.Tensor, sequences: list[Sequence]) -> None:
    """No end token before ``min_tokens``, unless a constraint holds nothing else."""
    bans = [
        (i, token, -torch.inf)
        for i, s in enumerate(sequences)
        if len(s.output_ids) < s.params.min_tokens
        and not (s.constraint is not None and s.constraint.complete)
        for token in s.eos_ids
    ]
    _add(logits, bans)


def _add(logits: torch.Tensor, changes: list[tuple[int, int, float]]) -> None:
    if changes:
        rows, tokens, values = zip(*changes, strict=True)
        places = (
            torch.tensor(rows, device=logits.device),
            torch.tensor(tokens, device=logits.device),
        )
        added = torch.tensor(values, dtype=logits.dtype, device=logits.device)
        logits.index_put_(places, added, accumulate=True)


def _by_row(values: list[float], rows: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return torch.tensor(values, dtype=like.dtype, device=like.device)[rows]


def _followers(sequence: Sequence) -> set[int]:
    """Tokens that came after the answer's last ``loop_guard`` tokens when they stood before."""
    length, out = sequence.params.loop_guard, sequence.output_ids
    if not length or len(out) <= length:
        return set()
    tail, last = out[-length:], out[-1]
    found: set[int] = set()
    end = length - 1
    try:
        while (end := out.index(last, end, len(out) - 1)) >= 0:
            if out[end - length + 1 : end + 1] == tail:
                found.add(out[end + 1])
            end += 1
    except ValueError:  # no further place
        return found
    return found
