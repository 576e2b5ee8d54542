"""The kernel set of Ascend NPUs."""

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional

from inference.kernels.ascend.deepseek_v4_layers import AscendDraft, AscendHead, AscendLayer
from inference.kernels.ascend.experts import AscendExperts
from inference.kernels.ascend.sampling import sample
from inference.kernels.interface import Batch, Experts, ExpertWeights, Linear
from inference.kernels.reference import paged_attention
from inference.kernels.reference.packed_experts import ExpertFormat
from inference.kernels.triton_common.listed_feed_forward import list_experts
from inference.kernels.triton_common.step_rows import Steps

_STREAMS = 4  # what the mHC kernels are written for


class AscendKernels:
    """Linears by CANN, experts by triton-ascend or torch_npu, DeepSeek-V4's own by the former."""

    def __init__(self, form: ExpertFormat) -> None:
        self._form: ExpertFormat = form
        how = (
            "torch_npu's grouped products, our kernels (kernels.ascend) where budgets differ"
            if form == "bf16"
            else f"our triton-ascend kernels (kernels.ascend), which widen {form} weights"
        )
        self.choices: Sequence[str] = (
            f"Experts: {how}.",
            "DeepSeek-V4's attention, router, streams and drafts, and the drawing of tokens: "
            "triton-ascend kernels (kernels.ascend).",
            "Linears, other models' attention: torch and CANN.",
            "None of these kernels was ever run on an NPU by us (docs/kernels.md).",
        )

    def linear(self, weight: torch.Tensor) -> Linear:
        return lambda hidden: functional.linear(hidden, weight)

    def head(self, weight: torch.Tensor) -> Linear:
        return self.linear(weight)

    def experts(self, weights: ExpertWeights, usual_share: float) -> Experts:
        return AscendExperts(weights, self._form)

    def attention(
        self, query: torch.Tensor, cache: tuple[torch.Tensor, torch.Tensor], batch: Batch
    ) -> torch.Tensor:
        return paged_attention(query, cache, batch)

    def sample(
        self,
        logits: torch.Tensor,
        temperatures: torch.Tensor,
        top_ks: torch.Tensor,
        top_ps: torch.Tensor,
        min_ps: torch.Tensor,
        seeds: torch.Tensor,
        counters: torch.Tensor,
    ) -> torch.Tensor:
        """See `SamplingKernels`."""
        wishes = (temperatures, top_ks, top_ps, min_ps, seeds, counters)
        return sample(logits.contiguous(), *wishes)

    def fuse(self, model: Any) -> None:
        """DeepSeek-V4 gets this package's layers, others lists of experts; no step is one call."""
        config = model.config
        if not hasattr(config, "hc_mult"):
            list_experts(model)
        if getattr(config, "hc_mult", 0) == _STREAMS:
            steps = Steps()
            model.layers[:] = [
                AscendLayer(config, layer, steps, first=not at)
                for at, layer in enumerate(model.layers)
            ]
            model.mixing = AscendHead(model.mixing)
            if model.drafter is not None:
                model.drafter = AscendDraft(model.drafter)
