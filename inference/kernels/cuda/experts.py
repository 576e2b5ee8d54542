"""A layer's experts on an accelerator: pairs by expert, two grouped products, one sum."""

import torch

from inference.kernels.cuda.expert_rows import combine, quantise_rows
from inference.kernels.cuda.grouped_down import grouped_down
from inference.kernels.cuda.grouped_gate_up import grouped_gate_up
from inference.kernels.cuda.pair_groups import group_pairs
from inference.kernels.interface import ExpertWeights
from inference.kernels.reference.experts_top_k import lists_of_gates
from inference.kernels.reference.packed_experts import ExpertFormat, beside, pack_experts

_FEW, _MANY = 16, 64  # rows of a block, where experts have few rows each and where many


class CudaExperts:
    """See `inference.kernels.interface.Experts`.

    Args:
        form: what the weights are kept as. Those of a checkpoint in "fp8" or "mxfp4" come to the
            same codes again, since their scales are powers of two.
    """

    def __init__(self, weights: ExpertWeights, form: ExpertFormat) -> None:
        gate, up = (pack_experts(part, form) for part in (weights.gate, weights.up))
        self._gate_up, self._down = beside(gate, up), pack_experts(weights.down, form)
        self._limit, self._count = weights.limit, len(weights.down)

    def __call__(self, hidden: torch.Tensor, gates: torch.Tensor | None) -> torch.Tensor:
        chosen, weights = lists_of_gates(gates, hidden, self._count)
        return self.run(hidden, chosen, weights, None)

    def run(
        self,
        hidden: torch.Tensor,
        chosen: torch.Tensor,
        weights: torch.Tensor,
        shared: torch.Tensor | None,
        *,
        whole: bool = False,
    ) -> torch.Tensor:
        """See `ListedExperts.run`."""
        del whole  # empty places cost nothing here
        if not len(hidden):
            return hidden
        block_rows = _FEW if chosen.numel() <= _FEW * self._count else _MANY
        order, blocks = group_pairs(chosen, self._count, block_rows)
        rows = quantise_rows(hidden) if self._gate_up.form == "fp8" else hidden
        inner = grouped_gate_up(
            rows,
            self._gate_up,
            order,
            blocks,
            top_k=chosen.shape[1],
            limit=self._limit,
            block_rows=block_rows,
        )
        outputs = grouped_down(
            inner, self._down, weights, order, blocks, hidden.dtype, block_rows=block_rows
        )
        return combine(outputs, chosen, shared)
