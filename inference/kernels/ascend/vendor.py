# pyright: reportMissingImports=none, reportAttributeAccessIssue=none
"""Operations that torch_npu has and that we need not write; on a real NPU only.

`torch_npu` is imported within the functions, so that this file can be read anywhere. Never run by
us, since no NPU was lent: the calls follow torch_npu 2.13's documentation, and
``tests/inference/kernels/test_npu.py`` compares them with the reference where there is one.
"""

import torch

from inference.kernels.reference.moe import silu_mul

_COUNTS = 1  # `group_list_type`, `expert_tokens_num_type`: rows of each expert, not their sums


def routed_experts(
    hidden: torch.Tensor,
    chosen: torch.Tensor,
    weights: torch.Tensor,
    gate_up: torch.Tensor,
    down: torch.Tensor,
    limit: float | None,
) -> torch.Tensor:
    """The weighted sum over each row's experts, all in bfloat16.

    Args:
        hidden: [T, D]. chosen, weights: [T, K] int32 without empty places, float32.
        gate_up: [E, D, 2 I], the gate's half first. down: [E, I, D]. limit: as `ExpertWeights`.
    """
    import torch_npu

    count = len(gate_up)
    rows, places, numbers, _ = torch_npu.npu_moe_init_routing_v2(
        hidden,
        chosen,
        active_num=chosen.numel(),
        expert_num=count,
        expert_tokens_num_type=_COUNTS,
        expert_tokens_num_flag=True,
        quant_mode=-1,
        active_expert_range=[0, count],
        row_idx_type=0,
    )
    numbers = numbers.to(torch.int64)
    gate, up = _grouped(rows, gate_up, numbers).chunk(2, dim=-1)
    outputs = _grouped(silu_mul(gate, up, limit), down, numbers)
    return torch_npu.npu_moe_token_unpermute(
        permuted_tokens=outputs, sorted_indices=places.abs(), probs=weights.to(hidden.dtype)
    )


def _grouped(rows: torch.Tensor, weights: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Rows in the experts' order by their expert's matrix: [P, in] and [E, in, out]."""
    import torch_npu

    found = torch_npu.npu_grouped_matmul(
        [rows],
        [weights],
        split_item=2,
        group_type=0,
        group_list=counts,
        group_list_type=_COUNTS,
    )
    return found[0]
