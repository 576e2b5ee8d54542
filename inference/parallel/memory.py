"""How many bytes of a checkpoint's weights each process of a layout holds, as they are stored."""

import re
from collections.abc import Mapping

from inference.checkpoint import Checkpoint
from inference.parallel.checkpoint import split_dimension
from inference.parallel.layout import Layout

_ROUTED = re.compile(r"^(.*)\.experts\.(\d+)\.")
_COMPANION = re.compile(r"\.(scale|weight_scale_inv|least)$")


def part_bytes(checkpoint: Checkpoint, layout: Layout) -> int:
    """Of the process that holds most."""
    names = (name for file in checkpoint.files.values() for name in file)
    sizes = {name: checkpoint.raw(name).nbytes for name in names}
    counts = _experts(sizes)
    return sum(size * _share(name, layout, counts) for name, size in sizes.items()).__ceil__()


def _share(name: str, layout: Layout, counts: Mapping[str, int]) -> float:
    share = 1.0
    if split_dimension(_COMPANION.sub(".weight", name)) is not None:
        share /= layout.tensor
    routed = _ROUTED.match(name)
    if routed is not None:
        count = counts[routed[1]]
        share *= -(-count // layout.expert) / count
    return share


def _experts(names: Mapping[str, int]) -> dict[str, int]:
    """How many experts each layer has."""
    found: dict[str, int] = {}
    for name in names:
        routed = _ROUTED.match(name)
        if routed is not None:
            found[routed[1]] = max(found.get(routed[1], 0), int(routed[2]) + 1)
    return found
