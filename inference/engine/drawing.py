"""Draws from logits: temperature, top-k, top-p, min-p, then one uniform number a row.

Inverse transform sampling: where in the cumulative weights the number falls. All rows go
together; what a row gets depends on that row alone. `kernel_drawing` does the same in one kernel.
"""

from collections.abc import Callable

import torch

from inference.engine.sequence import Sequence
from inference.kernels.reference.sampling import uniform

# How many of the likeliest tokens are looked at: what is kept nearly always lies within the first
# number, seldom beyond the second; otherwise everything is sorted.
_CANDIDATES = (256, 4096)
_BLOCK = 256  # weights that are summed before single ones are


Draw = Callable[[torch.Tensor, list[Sequence]], list[int]]
"""A token id for each row of logits [sequences, vocab] float32, which may be changed in place."""


def draw(logits: torch.Tensor, sequences: list[Sequence]) -> list[int]:
    """See `Draw`."""
    drawing = [i for i, s in enumerate(sequences) if not s.params.greedy]
    tokens = logits.argmax(dim=-1).tolist() if len(drawing) < len(sequences) else [0] * len(logits)
    if drawing:
        rows = logits if len(drawing) == len(sequences) else logits[drawing]
        drawn = _draw(rows, [sequences[i] for i in drawing])
        for index, token in zip(drawing, drawn, strict=True):
            tokens[index] = token
    return tokens


def _draw(logits: torch.Tensor, sequences: list[Sequence]) -> list[int]:
    """Of rows that are not greedy."""
    temperatures = _column([s.params.temperature for s in sequences], logits)
    probabilities = torch.softmax(logits.div_(temperatures.float()), dim=-1)
    uniforms = _column([uniform(*s.next_number()) for s in sequences], logits)
    cut = [i for i, s in enumerate(sequences) if _is_cut(s)]
    if not cut:
        return _pick_wide(probabilities, uniforms).tolist()
    if len(cut) == len(sequences):
        return _draw_cut(probabilities, uniforms, sequences).tolist()
    tokens = torch.empty(len(sequences), dtype=torch.long, device=logits.device)
    whole = [i for i in range(len(sequences)) if i not in set(cut)]
    tokens[whole] = _pick_wide(probabilities[whole], uniforms[whole])
    tokens[cut] = _draw_cut(probabilities[cut], uniforms[cut], [sequences[i] for i in cut])
    return tokens.tolist()


def _is_cut(sequence: Sequence) -> bool:
    params = sequence.params
    return bool(params.top_k or params.min_p) or params.top_p < 1.0


def _draw_cut(
    probabilities: torch.Tensor,
    uniforms: torch.Tensor,
    sequences: list[Sequence],
    tiers: tuple[int, ...] = _CANDIDATES,
) -> torch.Tensor:
    """Tokens of rows that leave some out; few candidates do unless a row needs more."""
    vocabulary = probabilities.shape[-1]
    if tiers and tiers[0] < vocabulary:
        top, ids = probabilities.topk(tiers[0])
    else:
        top, ids = probabilities.sort(descending=True)
    kept, enough = _keep(top, sequences, vocabulary)
    places = _pick(kept, uniforms)[:, None]
    tokens = ids.gather(1, places)[:, 0]
    wide = [i for i, fits in enumerate(enough) if not fits]
    if wide and top.shape[1] < vocabulary:
        rest = [sequences[i] for i in wide]
        tokens[wide] = _draw_cut(probabilities[wide], uniforms[wide], rest, tiers[1:])
    return tokens


def _keep(
    top: torch.Tensor, sequences: list[Sequence], vocabulary: int
) -> tuple[torch.Tensor, list[bool]]:
    """``top`` [rows, candidates], falling, without what is left out; whether no more was needed."""
    width = top.shape[1]
    ks = [s.params.top_k or vocabulary for s in sequences]
    ranks = torch.arange(width, device=top.device)
    top = top.masked_fill(ranks >= torch.tensor(ks, device=top.device)[:, None], 0.0)
    total = top.cumsum(-1, dtype=torch.float64)
    # What top_k left is all there is for top_p; without top_k that is 1.
    mass = torch.where(_flags([k < vocabulary for k in ks], top), total[:, -1:], 1.0)
    nucleus = _column([s.params.top_p for s in sequences], top) * mass
    floor = _column([s.params.min_p for s in sequences], top) * top[:, :1]
    before = torch.nn.functional.pad(total[:, :-1], (1, 0))
    open_ended = _flags([s.params.top_p >= 1.0 for s in sequences], top)
    keep = ((before < nucleus) | open_ended) & (top >= floor)
    keep[:, 0] = True
    bounded = torch.tensor([k <= width for k in ks], device=top.device)
    # Something within the candidates was left out, so everything after it is.
    closed = ~keep[:, -1] & torch.tensor([k >= vocabulary for k in ks], device=top.device)
    return top * keep, (bounded | closed).tolist()


def _pick_wide(weights: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
    """As `_pick`, by blocks: the cumulative weights of whole rows are slow to write."""
    rows, columns = weights.shape
    if columns <= _BLOCK * 4:
        return _pick(weights, uniforms)
    if columns % _BLOCK:
        weights = torch.nn.functional.pad(weights, (0, -columns % _BLOCK))
    blocks = weights.view(rows, -1, _BLOCK)
    sums = blocks.sum(-1).double()
    chosen = _pick(sums, uniforms)
    before = torch.nn.functional.pad(sums.cumsum(-1), (1, 0)).gather(1, chosen[:, None])
    inside = blocks[torch.arange(rows, device=weights.device), chosen]
    rest = (uniforms * sums.sum(-1, keepdim=True) - before).clamp(min=0.0)
    share = rest / inside.sum(-1, keepdim=True, dtype=torch.float64)
    return (chosen * _BLOCK + _pick(inside, share)).clamp(max=columns - 1)


def _pick(weights: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
    """[rows] column of ``weights`` [rows, columns] where each row's uniform number falls."""
    total = weights.cumsum(-1, dtype=torch.float64)
    whole = total[:, -1:]
    # Below the sum, however it is rounded: a column without weight is never found.
    below = torch.minimum(uniforms * whole, torch.nextafter(whole, torch.zeros_like(whole)))
    return torch.searchsorted(total, below, right=True)[:, 0].clamp(max=weights.shape[1] - 1)


def _column(values: list[float], like: torch.Tensor) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64, device=like.device)[:, None]


def _flags(values: list[bool], like: torch.Tensor) -> torch.Tensor:
    return torch.tensor(values, device=like.device)[:, None]
