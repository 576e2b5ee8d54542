"""A layer's experts on an NPU: rows by expert, two grouped products, one weighted sum."""

import torch

from inference.kernels.ascend import vendor
from inference.kernels.ascend.combine import combine
from inference.kernels.ascend.expand_rows import expand_rows
from inference.kernels.ascend.grouped_down import grouped_down
from inference.kernels.ascend.grouped_gate_up import grouped_gate_up
from inference.kernels.ascend.packing import pack_for_ascend
from inference.kernels.ascend.pair_groups import group_places
from inference.kernels.interface import ExpertWeights
from inference.kernels.reference.experts_top_k import lists_of_gates
from inference.kernels.reference.moe import silu_mul
from inference.kernels.reference.packed_experts import ExpertFormat

_FEW, _MANY = 16, 64  # rows of a block, where experts have few rows each and where many


class AscendExperts:
    """See `inference.kernels.interface.Experts`.

    Args:
        form: what the weights are kept as. Activations stay bfloat16 in every format.
    """

    def __init__(self, weights: ExpertWeights, form: ExpertFormat) -> None:
        self._gate_up = pack_for_ascend(weights.gate, form, weights.up)
        self._down = pack_for_ascend(weights.down, form)
        self._limit, self._count = weights.limit, len(weights.down)

    def __call__(self, hidden: torch.Tensor, gates: torch.Tensor | None) -> torch.Tensor:
        if gates is None and self._count == 1 and self._gate_up.form == "bf16":
            gate, up = (hidden @ self._gate_up.codes[0]).chunk(2, dim=-1)
            return silu_mul(gate, up, self._limit) @ self._down.codes[0]
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
        if not len(hidden):
            return hidden
        if whole and self._gate_up.form == "bf16" and hidden.device.type == "npu":
            routed = vendor.routed_experts(
                hidden, chosen, weights, self._gate_up.codes, self._down.codes, self._limit
            )
            return routed if shared is None else routed + shared
        block_rows = _FEW if chosen.numel() <= _FEW * self._count else _MANY
        places, blocks = group_places(chosen, self._count, block_rows)
        rows = expand_rows(hidden, places)
        inner = grouped_gate_up(
            rows, self._gate_up, blocks, limit=self._limit, block_rows=block_rows
        )
        outputs = grouped_down(inner, self._down, blocks, block_rows=block_rows)
        return combine(outputs, places, weights, shared)
