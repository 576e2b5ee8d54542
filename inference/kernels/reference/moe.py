"""Experts one after the other, each on the rows that chose it."""

from collections.abc import Sequence

import torch
from torch.nn.functional import linear, silu

from inference.kernels.interface import ExpertParts, ExpertWeights


def silu_mul(gate: torch.Tensor, up: torch.Tensor, limit: float | None = None) -> torch.Tensor:
    """SwiGLU's product; ``limit`` as in `ExpertWeights`."""
    if limit is not None:
        gate, up = gate.clamp(max=limit), up.clamp(-limit, limit)
    return silu(gate) * up


class ReferenceExperts:
    """See `inference.kernels.interface.Experts`."""

    def __init__(self, weights: ExpertWeights) -> None:
        self._weights = weights

    def __call__(self, hidden: torch.Tensor, gates: torch.Tensor | None) -> torch.Tensor:
        out = torch.zeros_like(hidden)
        for expert in range(len(self._weights.gate)):
            if gates is None:
                out += self._run(expert, hidden)
                continue
            rows = gates[:, expert].nonzero().flatten()
            if len(rows):
                weighted = self._run(expert, hidden[rows]) * gates[rows, expert, None]
                out.index_add_(0, rows, weighted.to(out.dtype))
        return out

    def given(self, expert: int) -> ExpertParts:
        """Its weights, for a process that is to hold it: gate, up, down."""
        weights = self._weights
        return weights.gate[expert], weights.up[expert], weights.down[expert]

    def rearranged(self, slots: Sequence[int | ExpertParts]) -> "ReferenceExperts":
        """Some of these, by number, and new ones: gate, up, down."""
        parts = [self.given(slot) if isinstance(slot, int) else slot for slot in slots]
        gate, up, down = (list(part) for part in zip(*parts, strict=True))
        return ReferenceExperts(ExpertWeights(gate, up, down, limit=self._weights.limit))

    def _run(self, expert: int, hidden: torch.Tensor) -> torch.Tensor:
        gate = linear(hidden, self._weights.gate[expert])
        up = linear(hidden, self._weights.up[expert])
        return linear(silu_mul(gate, up, self._weights.limit), self._weights.down[expert])
