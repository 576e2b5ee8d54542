"""Draws tokens as `engine.drawing` does, with a random number that a counter gives.

Philox 4x32-10 (Salmon et al., 2011): a row's number depends on its seed and on how many tokens it
has drawn, and on nothing else; so a step may be repeated or replayed in a graph.
"""

import torch

_WORD = 0xFFFFFFFF


def uniform(seed: int, counter: int) -> float:
    """A number in [0, 1) of 53 bits."""
    words, key = [counter & _WORD, 0, 0, 0], [seed & _WORD, (seed >> 32) & _WORD]
    for _ in range(10):
        left, right = 0xCD9E8D57 * words[2], 0xD2511F53 * words[0]
        words = [
            left >> 32 ^ words[1] ^ key[0],
            left & _WORD,
            right >> 32 ^ words[3] ^ key[1],
            right & _WORD,
        ]
        key = [(key[0] + 0x9E3779B9) & _WORD, (key[1] + 0xBB67AE85) & _WORD]
    return ((words[0] << 21) | (words[1] >> 11)) * 2.0**-53


def sample(
    logits: torch.Tensor,
    temperatures: torch.Tensor,
    top_ks: torch.Tensor,
    top_ps: torch.Tensor,
    min_ps: torch.Tensor,
    seeds: torch.Tensor,
    counters: torch.Tensor,
) -> torch.Tensor:
    """A token of each row.

    A logit that is no number counts as minus infinity; of equal ones the lower token comes first.

    Args:
        logits: [R, V] float32. temperatures: [R] float32; 0: the best token. top_ks: [R] int32,
            0: all. top_ps, min_ps: [R] float32. seeds: [R] int64. counters: [R] int32.
    Returns:
        [R] int64.
    """
    known = logits.masked_fill(logits.isnan(), float("-inf"))
    columns = (temperatures, top_ks, top_ps, min_ps, seeds, counters)
    rows = zip(known, *(column.tolist() for column in columns), strict=True)
    tokens = [_draw(*row) for row in rows]
    return torch.tensor(tokens, dtype=torch.int64, device=logits.device)


def _draw(
    logits: torch.Tensor,
    temperature: float,
    top_k: int,
    top_p: float,
    min_p: float,
    seed: int,
    counter: int,
) -> int:
    best = int(logits.argmax())
    if temperature == 0 or logits[best] == float("-inf"):
        return best
    scaled = logits / temperature
    weights = (scaled - scaled.max()).exp().double()
    ids = torch.arange(len(weights), device=logits.device)
    if top_k or min_p or top_p < 1:
        ids = scaled.sort(descending=True, stable=True).indices
        weights = weights[ids]
        weights = weights * (ids.new_ones(len(ids)).cumsum(0) <= (top_k or len(ids)))
        before = weights.cumsum(0) - weights
        kept = (before < top_p * weights.sum()) | (top_p >= 1)
        kept &= weights >= min_p
        kept[0] = True
        weights = weights * kept
    total = weights.cumsum(0)
    place = int((total <= uniform(seed, counter) * total[-1]).sum())
    return int(ids[min(place, int(weights.nonzero().max()))])
