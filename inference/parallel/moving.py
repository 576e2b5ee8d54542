"""Experts that change their process while a model serves: who gives which to whom, and the giving.

One expert at a time enters a process and one leaves it, and a layer is served from its new places
before the next one moves: what moving takes of memory is a layer's experts at most.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle

import torch

from inference.kernels.interface import ExpertParts
from inference.parallel.groups import Group
from inference.parallel.placement import Placement


@dataclass(frozen=True, slots=True)
class Move:
    """An order: place the experts of ``layer`` so."""

    layer: str
    placement: Placement


@dataclass(frozen=True, slots=True)
class Transfer:
    """An expert goes from one process of the group to another."""

    expert: int
    source: int
    target: int


def waves(old: Placement, new: Placement) -> list[list[Transfer]]:
    """What has to travel, in turns in which each process gives one expert at most and takes one.

    Processes with a copy of the same expert take turns in giving it.
    """
    givers = [cycle(ranks) for ranks in old.copies()]
    left = [
        Transfer(expert, next(givers[expert]), target)
        for target, held in enumerate(new.slots)
        for expert in held
        if expert not in old.slots[target]
    ]
    turns: list[list[Transfer]] = []
    while left:
        turn: list[Transfer] = []
        for transfer in left:
            if all(transfer.source != t.source and transfer.target != t.target for t in turn):
                turn.append(transfer)
        left = [transfer for transfer in left if transfer not in turn]
        turns.append(turn)
    return turns


def exchange(
    old: Placement, new: Placement, group: Group, given: Callable[[int], ExpertParts]
) -> dict[int, ExpertParts]:
    """Weights of the experts that come to this process, by their numbers.

    All processes of ``group`` call this with the same placements.

    Args:
        given: weights of an expert that this process holds until now.
    """
    turns = waves(old, new)
    if not turns:
        return {}
    like = given(old.slots[group.index][0])
    nothing = like[0].new_empty(0, sum(part.numel() for part in like))
    arrived: dict[int, ExpertParts] = {}
    for turn in turns:
        leaves = next((t for t in turn if t.source == group.index), None)
        enters = next((t for t in turn if t.target == group.index), None)
        received = group.exchange_known(
            nothing if leaves is None else _flat(given(leaves.expert)),
            [int(leaves is not None and leaves.target == rank) for rank in range(group.size)],
            [int(enters is not None and enters.source == rank) for rank in range(group.size)],
        )
        if enters is not None:
            arrived[enters.expert] = _parts(received, like)
    return arrived


def _flat(parts: ExpertParts) -> torch.Tensor:
    """[1, numbers]"""
    return torch.cat([part.flatten() for part in parts])[None]


def _parts(row: torch.Tensor, like: ExpertParts) -> ExpertParts:
    """What `_flat` made of parts that have the shapes of ``like``."""
    gate, up, down = row[0].split([part.numel() for part in like])
    return gate.view(like[0].shape), up.view(like[1].shape), down.view(like[2].shape)
