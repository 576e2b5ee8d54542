"""(Row, expert) pairs brought into the experts' order, and cut into blocks of one expert each."""

import torch


def most_blocks(pairs: int, experts: int, block_rows: int) -> int:
    """How many blocks `group_pairs` makes room for: every expert may end with a part of one."""
    return pairs // block_rows + min(pairs, experts)


def group_pairs(
    chosen: torch.Tensor, experts: int, block_rows: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pairs by expert, in their own order within it.

    Args:
        chosen: [T, K] int32; -1: the row leaves this place empty. Pair ``t * K + k`` is row t's
            k-th.
    Returns:
        The pairs [T * K] int32 by expert, empty places last; and blocks [`most_blocks`, 3] int32:
        expert, where in the first result it begins, and its rows, at most ``block_rows``; the
        blocks that are not needed are -1, 0, 0.
    """
    flat = chosen.flatten().long()
    order = torch.sort(torch.where(flat < 0, experts, flat), stable=True).indices
    counts = torch.bincount(flat[flat >= 0], minlength=experts).tolist()
    blocks, first = [], 0
    for expert, count in enumerate(counts):
        for start in range(0, count, block_rows):
            blocks.append([expert, first + start, min(block_rows, count - start)])
        first += count
    spare = most_blocks(len(flat), experts, block_rows) - len(blocks)
    blocks += [[-1, 0, 0]] * spare
    return order.int(), torch.tensor(blocks, dtype=torch.int32, device=chosen.device).view(-1, 3)


def group_places(
    chosen: torch.Tensor, experts: int, block_rows: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """`group_pairs` the other way round, for kernels whose rows lie in the experts' order.

    Returns:
        Each pair's place in that order, [T * K] int32, -1 where it is empty; and the blocks.
    """
    order, blocks = group_pairs(chosen, experts, block_rows)
    flat = chosen.flatten()
    places = torch.empty_like(order)
    places[order.long()] = torch.arange(len(order), dtype=torch.int32, device=order.device)
    return places.masked_fill(flat < 0, -1), blocks


def expand_rows(hidden: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Rows [T, D] at the places of their pairs, [T * K, D]; 0 where there is no pair."""
    expanded = hidden.new_zeros(len(places), hidden.shape[1])
    here = places >= 0
    expanded[places[here].long()] = hidden.repeat_interleave(len(places) // len(hidden), 0)[here]
    return expanded
