"""Which process holds which experts of a layer, balanced by how often each was asked for.

Greedy, as DeepSeek's EPLB: the expert with the most tokens per copy gets another copy while there
is room; then the copies, heaviest first, go to the lightest process that has room. Rows are divided
evenly among the copies of an expert.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from inference.errors import CheckpointInvalid


@dataclass(frozen=True, slots=True)
class Placement:
    """``slots[rank]``: the experts that a rank of the group holds, in the order of its slots."""

    slots: tuple[tuple[int, ...], ...]

    @property
    def num_experts(self) -> int:
        return 1 + max(expert for held in self.slots for expert in held)

    def copies(self) -> list[list[int]]:
        """Ranks that hold each expert, in ascending order."""
        found: list[list[int]] = [[] for _ in range(self.num_experts)]
        for rank, held in enumerate(self.slots):
            for expert in held:
                found[expert].append(rank)
        return found

    def loads(self, tokens: Sequence[float]) -> list[float]:
        """What each rank computes when expert e is asked for by ``tokens[e]`` tokens."""
        copies = [len(ranks) for ranks in self.copies()]
        return [sum(tokens[expert] / copies[expert] for expert in held) for held in self.slots]


def even(num_experts: int, ranks: int) -> Placement:
    """Neighbouring experts together, about as many on each rank."""
    bounds = [num_experts * rank // ranks for rank in range(ranks + 1)]
    return Placement(tuple(tuple(range(*pair)) for pair in pairwise(bounds)))


def balance(tokens: Sequence[float], ranks: int, redundant: int = 0) -> Placement:
    """A placement whose busiest rank has as little to do as greedy choice finds.

    Args:
        tokens: how often each expert was asked for.
        redundant: slots beyond one per expert; they are rounded up to as many on each rank.
    """
    room = -(-(len(tokens) + redundant) // ranks)
    copies = _replicate(tokens, ranks, room * ranks if redundant else len(tokens))
    packed = _pack(tokens, copies, ranks, room)
    plain = even(len(tokens), ranks)
    return min(packed, plain, key=lambda placement: max(placement.loads(tokens)))


def keep_in_place(new: Placement, old: Placement) -> Placement:
    """``new`` with its ranks in another order, so that few experts of ``old`` have to travel.

    Greedy: those who have most in common first.
    """
    ranks = range(len(new.slots))
    pairs = sorted(
        ((given, taken) for given in ranks for taken in ranks),
        key=lambda pair: -len(set(new.slots[pair[0]]) & set(old.slots[pair[1]])),
    )
    place: dict[int, int] = {}  # rank of old: whose slots of new it gets
    given_away: set[int] = set()
    for given, taken in pairs:
        if given not in given_away and taken not in place:
            place[taken] = given
            given_away.add(given)
    return Placement(tuple(new.slots[place[rank]] for rank in ranks))


def _replicate(tokens: Sequence[float], ranks: int, slots: int) -> list[int]:
    """How many copies of each expert fill ``slots``; no more than ranks of any."""
    copies = [1] * len(tokens)
    for _ in range(slots - len(tokens)):
        open_ = [expert for expert, count in enumerate(copies) if count < ranks]
        if not open_:
            break
        copies[max(open_, key=lambda expert: tokens[expert] / copies[expert])] += 1
    return copies


def _pack(tokens: Sequence[float], copies: list[int], ranks: int, room: int) -> Placement:
    order = sorted(range(len(tokens)), key=lambda expert: -tokens[expert] / copies[expert])
    held: list[list[int]] = [[] for _ in range(ranks)]
    loads = [0.0] * ranks
    for expert in order:
        for _ in range(copies[expert]):
            free = [r for r in range(ranks) if len(held[r]) < room and expert not in held[r]]
            if not free:
                break  # the ranks with room hold it already: one copy fewer
            rank = min(free, key=lambda r: (loads[r], len(held[r])))
            held[rank].append(expert)
            loads[rank] += tokens[expert] / copies[expert]
    return Placement(tuple(tuple(sorted(experts)) for experts in held))


def read_loads(path: Path) -> dict[str, list[float]]:
    """Tokens of each expert, by layer; nothing where there is no such file yet.

    Raises:
        CheckpointInvalid: the file is not one that `write_loads` wrote.
    """
    if not path.exists():
        return {}
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        return {str(layer): [float(n) for n in tokens] for layer, tokens in given.items()}
    except (ValueError, TypeError, AttributeError):
        raise CheckpointInvalid(f"{path.name} is no record of experts' loads.") from None


def add_up(
    before: Mapping[str, Sequence[float]], now: Mapping[str, Sequence[float]]
) -> dict[str, list[float]]:
    """Both records together; of a layer that changed its number of experts the new one."""
    return {
        layer: [old + new for old, new in zip(before[layer], tokens, strict=True)]
        if len(before.get(layer, ())) == len(tokens)
        else list(tokens)
        for layer, tokens in now.items()
    }


def write_loads(path: Path, loads: Mapping[str, Sequence[float]]) -> None:
    """Replace the record in one step."""
    beside = path.with_suffix(path.suffix + ".new")
    beside.write_text(json.dumps(loads) + "\n", encoding="utf-8")
    beside.replace(path)
