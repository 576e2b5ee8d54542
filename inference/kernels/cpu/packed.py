"""oneDNN linears over weights that were reordered once, at load.

Measured on two cores (docs/engine.md): a bfloat16 weight packed this way is
read in about half the time of the same weight through ``F.linear``, which
reorders it on each call.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from inference.kernels.interface import Batch, ExpertParts, Experts, ExpertWeights, Linear
from inference.kernels.reference import paged_attention, silu_mul

WIDE_SHARE = 0.7  # from this share of active experts on, one wide product is faster


def can_pack(dtype: torch.dtype) -> bool:
    """True when this build and processor run packed oneDNN linears in ``dtype``."""
    if not torch.backends.mkldnn.is_available():
        return False
    return dtype == torch.float32 or (
        dtype == torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )


class PackedLinear:
    """``x @ weight.T`` with ``weight`` [out, in] in oneDNN's own layout."""

    def __init__(self, weight: torch.Tensor) -> None:
        self._packed = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), None)
        self._run = torch.ops.mkldnn._linear_pointwise.default

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        return self._run(hidden, self._packed, None, "none", [], "")

    def given(self) -> torch.Tensor:
        """The weight [out, in], bit by bit."""
        return self._packed.to_dense()


class WideExperts:
    """All experts as one wide feed-forward; gates scale each expert's share of the width.

    Reading every expert in two wide products is faster on a few cores than
    many narrow ones; an expert that no row of the step activates costs only
    its share of the product.
    """

    def __init__(self, weights: ExpertWeights) -> None:
        self._gate_up = PackedLinear(torch.cat([*weights.gate, *weights.up]))
        self._down = PackedLinear(torch.cat(weights.down, dim=1))
        self._width = weights.gate[0].shape[0]
        self._limit = weights.limit

    def __call__(self, hidden: torch.Tensor, gates: torch.Tensor | None) -> torch.Tensor:
        gate, up = self._gate_up(hidden).chunk(2, dim=-1)
        inner = silu_mul(gate, up, self._limit)
        if gates is not None:
            inner = inner.view(len(hidden), -1, self._width) * gates[:, :, None]
            inner = inner.flatten(1)
        return self._down(inner)


class NarrowExperts:
    """Each expert packed by itself and run on the rows that chose it.

    Args:
        linear: packs a weight.
    """

    def __init__(
        self, weights: ExpertWeights, linear: Callable[[torch.Tensor], Linear] = PackedLinear
    ) -> None:
        pairs = zip(weights.gate, weights.up, strict=True)
        self._gate_up = [linear(torch.cat(pair)) for pair in pairs]
        self._down = [linear(down) for down in weights.down]
        self._limit, self._linear = weights.limit, linear

    def __call__(self, hidden: torch.Tensor, gates: torch.Tensor | None) -> torch.Tensor:
        out = torch.zeros_like(hidden)
        if gates is None:
            for expert in range(len(self._down)):
                out += self._run(expert, hidden)
            return out
        for expert in gates.any(dim=0).nonzero().flatten().tolist():
            rows = gates[:, expert].nonzero().flatten()
            out.index_add_(0, rows, self._run(expert, hidden[rows]) * gates[rows, expert, None])
        return out

    def given(self, expert: int) -> ExpertParts | None:
        """Its weights, bit by bit: gate, up, down; None where packing lost them."""
        gate_up, down = self._gate_up[expert], self._down[expert]
        if not (isinstance(gate_up, PackedLinear) and isinstance(down, PackedLinear)):
            return None
        gate, up = gate_up.given().chunk(2)
        return gate, up, down.given()

    def rearranged(self, slots: Sequence[int | ExpertParts]) -> "NarrowExperts":
        """Some of these, by number, as they are packed, and new ones: gate, up, down."""
        made = NarrowExperts(ExpertWeights([], [], [], limit=self._limit), self._linear)
        for slot in slots:
            if isinstance(slot, int):
                made._gate_up.append(self._gate_up[slot])
                made._down.append(self._down[slot])
            else:
                made._gate_up.append(self._linear(torch.cat(slot[:2])))
                made._down.append(self._linear(slot[2]))
        return made

    def _run(self, expert: int, hidden: torch.Tensor) -> torch.Tensor:
        gate, up = self._gate_up[expert](hidden).chunk(2, dim=-1)
        return self._down[expert](silu_mul(gate, up, self._limit))


class PackedKernels:
    """Packed linears; attention stays plain torch, whose CPU kernel is fused already."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.choices: Sequence[str] = (
            f"Linears and experts: oneDNN with packed {str(dtype).removeprefix('torch.')} weights "
            "(kernels.cpu), because this processor supports it.",
            "Attention: plain torch (kernels.reference), whose CPU kernel is fused.",
        )

    def linear(self, weight: torch.Tensor) -> Linear:
        return PackedLinear(weight)

    def head(self, weight: torch.Tensor) -> Linear:
        return self.linear(weight)

    def experts(self, weights: ExpertWeights, usual_share: float) -> Experts:
        wide = usual_share >= WIDE_SHARE
        return WideExperts(weights) if wide else NarrowExperts(weights)

    def attention(
        self, query: torch.Tensor, cache: tuple[torch.Tensor, torch.Tensor], batch: Batch
    ) -> torch.Tensor:
        return paged_attention(query, cache, batch)

    def fuse(self, decoder: Any) -> None:
        """Nothing: the decoder runs operator by operator."""
