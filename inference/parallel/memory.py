"""How many bytes of a checkpoint's weights each process of a layout holds, as they are stored."""

import math
import re
from collections.abc import Callable, Iterable

from inference.checkpoint import Checkpoint
from inference.parallel.checkpoint import split_dimension
from inference.parallel.layout import Layout
from inference.quantization.stored import weight_name

_ROUTED = re.compile(r"^(.*)\.experts\.(\d+)\.")


def part_bytes(checkpoint: Checkpoint, layout: Layout) -> int:
    """Of the process that holds most."""
    names = [name for file in checkpoint.files.values() for name in file]
    share = shares(names, layout)
    return math.ceil(sum(share(name) * checkpoint.raw(name).nbytes for name in names))


def shares(names: Iterable[str], layout: Layout, redundant: int = 0) -> Callable[[str], float]:
    """Which share of a tensor the process that holds most of it has, by name.

    Args:
        redundant: copies of experts in each layer, see `placement.balance`.
    """
    counts: dict[str, int] = {}  # experts of each layer
    for name in names:
        routed = _ROUTED.match(name)
        if routed is not None:
            counts[routed[1]] = max(counts.get(routed[1], 0), int(routed[2]) + 1)

    def share(name: str) -> float:
        divided = split_dimension(weight_name(name)) is not None
        part = 1 / layout.tensor if divided else 1.0
        routed = _ROUTED.match(name)
        if routed is None:
            return part
        count = counts[routed[1]]
        if layout.expert == 1:  # nobody to share copies with
            return part
        return part * min(count, -(-(count + redundant) // layout.expert)) / count

    return share


def layer_of_expert(name: str) -> str | None:
    """The layer that a routed expert's tensor belongs to; None for other tensors."""
    routed = _ROUTED.match(name)
    return None if routed is None else routed[1]
