"""The kernel set of NVIDIA's and AMD's accelerators."""

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional

from inference.kernels.cuda.deepseek_v4_layers import CudaDraft, CudaHead, CudaLayer
from inference.kernels.cuda.experts import CudaExperts
from inference.kernels.cuda.sampling import sample
from inference.kernels.interface import Batch, Experts, ExpertWeights, Linear
from inference.kernels.reference import paged_attention
from inference.kernels.reference.packed_experts import ExpertFormat
from inference.kernels.triton_common.listed_feed_forward import list_experts
from inference.kernels.triton_common.step_rows import Steps

_STREAMS = 4  # what the mHC kernels are written for


class CudaKernels:
    """Linears by the vendor's library, experts and DeepSeek-V4's own operators by Triton."""

    def __init__(self, form: ExpertFormat, architecture: str) -> None:
        self._form: ExpertFormat = form
        self.choices: Sequence[str] = (
            f"Experts: Triton kernels (kernels.cuda) tuned for {architecture}, weights kept as "
            f"{form}.",
            "DeepSeek-V4's attention, router, streams and drafts: Triton kernels (kernels.cuda).",
            "Linears, other models' attention: torch and the vendor's libraries.",
        )

    def linear(self, weight: torch.Tensor) -> Linear:
        return lambda hidden: functional.linear(hidden, weight)

    def head(self, weight: torch.Tensor) -> Linear:
        return self.linear(weight)

    def experts(self, weights: ExpertWeights, usual_share: float) -> Experts:
        return CudaExperts(weights, self._form)

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

    def refuses_capture(self, config: Any) -> str:
        """Why a model's decode steps ask the device something; empty: they do not."""
        if getattr(config, "hc_mult", _STREAMS) == _STREAMS:
            return ""
        return f"its layers are plain torch, since our kernels are for {_STREAMS} streams"

    def fuse(self, model: Any) -> None:
        """DeepSeek-V4 gets this package's layers, others lists of experts; no step is one call."""
        config = model.config
        if not hasattr(config, "hc_mult"):
            list_experts(model)
        if getattr(config, "hc_mult", 0) == _STREAMS:
            steps = Steps()
            model.layers[:] = [
                CudaLayer(config, layer, self._form, steps, first=not at)
                for at, layer in enumerate(model.layers)
            ]
            model.mixing = CudaHead(model.mixing)
            if model.drafter is not None:
                model.drafter = CudaDraft(model.drafter, self._form)
