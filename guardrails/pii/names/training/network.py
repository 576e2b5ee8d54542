"""The torch twin of ``names/network.py``: the same arithmetic with gradients, and its export.

Layout of a batch: the distinct tokens of all its texts are encoded once, ``(u, f)`` feature rows
to ``(u, d)`` vectors, and texts refer to them by number, ``(b, t)``; places past a text's end
hold -1. Dropout of whole slots of a distinct token makes the network read spelling and context
where the word itself was never seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

_CONTEXT_AFTER = 1
_LAST_INT8 = 127


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a network; the names are those of ``names/network.py``.

    Args:
        rows: V, rows of the embedding table, row 0 included.
        slots: columns of a token that are summed into each slot.
        embedding: e.
        hidden: h.
        width: d.
        dilations: one convolution each.
        labels: ``O`` first, then ``B-`` and ``I-`` of each kind.
    """

    rows: int
    slots: tuple[int, ...]
    labels: tuple[str, ...]
    embedding: int = 32
    hidden: int = 128
    width: int = 64
    dilations: tuple[int, ...] = (1, 1, 2, 1)


class TaggerModel(nn.Module):
    """Trainable network; ``export`` writes the file that ``TaggerNetwork.load`` reads."""

    def __init__(self, shape: Shape, *, dropout: float = 0.15, slot_dropout: float = 0.1) -> None:
        super().__init__()
        self.shape = shape
        self.table = nn.Embedding(shape.rows, shape.embedding, padding_idx=0, sparse=True)
        nn.init.normal_(self.table.weight, std=0.1)
        with torch.no_grad():
            self.table.weight[0] = 0.0
        self.mix = nn.Linear(len(shape.slots) * shape.embedding, shape.hidden)
        self.lift = nn.Linear(shape.hidden, shape.width)
        self.context = nn.Linear(shape.width, shape.width)
        self.convolutions = nn.ModuleList(
            nn.Linear(3 * shape.width, shape.width) for _ in shape.dilations
        )
        self.out = nn.Linear(shape.width, len(shape.labels))
        self.dropout = nn.Dropout(dropout)
        self.slot_dropout = slot_dropout

    def vectors(self, rows: Tensor) -> Tensor:
        """(u, f) feature rows -> (u, d)."""
        values = self.table(rows)
        parts = torch.split(values, list(self.shape.slots), dim=1)
        slots = torch.stack([part.sum(dim=1) for part in parts], dim=1)
        if self.training and self.slot_dropout:
            keep = torch.rand(slots.shape[:2], device=slots.device) >= self.slot_dropout
            slots = slots * keep[:, :, None]
        hidden = self.dropout(torch.relu(self.mix(slots.flatten(1))))
        return self.lift(hidden)

    def forward(self, rows: Tensor, places: Tensor) -> Tensor:
        """(u, f) rows of distinct tokens, (b, t) places among them or -1 -> (b, t, L) logits."""
        return self.tag_vectors(self.vectors(rows)[places.clamp(min=0)], places >= 0)

    def tag_vectors(self, vectors: Tensor, present: Tensor) -> Tensor:
        """(b, t, d) vectors, (b, t) which are real -> (b, t, L) logits."""
        mask = present[:, :, None].to(vectors.dtype)
        state = self.dropout(vectors) * mask
        for number, dilation in enumerate(self.shape.dilations):
            if number == _CONTEXT_AFTER:
                mean = state.sum(dim=1, keepdim=True) / mask.sum(dim=1, keepdim=True).clamp(min=1)
                state = (state + torch.relu(self.context(mean))) * mask
            change = torch.relu(self.convolutions[number](_spread(state, dilation)))
            state = (state + self.dropout(change)) * mask
        return self.out(state)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The contents of a weight file: the table in int8 with a scale per row, the rest f16."""
        table = self.table.weight.detach().numpy()
        # Not below the smallest float16 that is worth a step.
        scale = np.maximum(np.abs(table).max(axis=1) / _LAST_INT8, 1e-6).astype(np.float16)
        steps = np.round(table / scale.astype(np.float32)[:, None])
        result: dict[str, NDArray[np.generic]] = {
            "table": np.clip(steps, -_LAST_INT8, _LAST_INT8).astype(np.int8),
            "table_scale": scale,
            "slots": np.array(self.shape.slots),
            "dilations": np.array(self.shape.dilations),
            "labels": np.array(self.shape.labels),
        }
        layers: dict[str, nn.Module] = {
            "mix": self.mix, "lift": self.lift, "context": self.context, "out": self.out
        }  # fmt: skip
        layers |= {f"conv{number}": each for number, each in enumerate(self.convolutions)}
        return result | _half(layers)

    def export(self, path: Path) -> None:
        """Write the weight file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays: Mapping[str, NDArray[np.generic]] = self.arrays()
        np.savez_compressed(path, allow_pickle=False, **arrays)


def pad(sequences: Sequence[Sequence[int] | NDArray[np.integer]], filler: int = -1) -> Tensor:
    """Sequences of numbers as one (b, t) tensor."""
    longest = max(map(len, sequences))
    result = np.full((len(sequences), longest), filler, np.int64)
    for row, sequence in zip(result, sequences, strict=True):
        row[: len(sequence)] = sequence
    return torch.from_numpy(result)


def _half(layers: Mapping[str, nn.Module]) -> dict[str, NDArray[np.generic]]:
    result: dict[str, NDArray[np.generic]] = {}
    for name, layer in layers.items():
        if isinstance(layer, nn.Linear):
            result[f"{name}_w"] = layer.weight.detach().numpy().T.astype(np.float16)
            result[f"{name}_b"] = layer.bias.detach().numpy().astype(np.float16)
    return result


def _spread(state: Tensor, dilation: int) -> Tensor:
    """(b, t, d) -> (b, t, 3 d): each place beside its neighbours at that distance."""
    padded = nn.functional.pad(state, (0, 0, dilation, dilation))
    length = state.shape[1]
    return torch.cat(
        [padded[:, :length], state, padded[:, 2 * dilation : 2 * dilation + length]], dim=2
    )
