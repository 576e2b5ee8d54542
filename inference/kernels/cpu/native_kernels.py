"""Linears, experts and whole steps of a decoder in C (``_native.c``), where that was built.

Weights are packed once, as they are or quantised: int8 in groups of 32 inputs with a scale, int4
with a scale and a least value. A quantised weight is multiplied by rows that are quantised too,
each by itself, so an answer does not depend on what else is in the batch.
"""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch.nn.functional import pad

from inference.kernels.cpu.native_asking import Asking
from inference.kernels.cpu.native_step import NativeStep
from inference.kernels.cpu.native_v4 import NativeV4Step, runs_in_c
from inference.kernels.cpu.native_v4_drafting import NativeV4DraftingStep
from inference.kernels.cpu.packed import WIDE_SHARE, NarrowExperts
from inference.kernels.interface import Batch, Experts, ExpertWeights, FusedStep, Linear
from inference.kernels.reference import paged_attention, silu_mul

try:
    from inference.kernels.cpu import _native
except ImportError:  # not built: there was no C compiler
    _native = None

Format = Literal["float32", "bfloat16", "int8", "int4"]
KINDS: dict[Format, int] = {"float32": 0, "bfloat16": 1, "int8": 2, "int4": 3}
GROUP = 32
_INSTRUCTIONS = {"avx512": "AVX-512 with VNNI", "avx2": "AVX2", "plain": "plain C"}
_SAID = {
    "float32": "as they are",
    "bfloat16": "as they are",
    "int8": "rounded to 8 bits in groups of 32",
    "int4": "rounded to 4 bits in groups of 32, the output head to 8",
}


def native_backends() -> list[str]:
    """What this processor runs, best first: ``avx512`` (with VNNI), ``avx2``, ``plain``."""
    return _native.backends() if _native else []


class NativeLinear:
    """``x @ weight.T`` with ``weight`` [out, in]."""

    def __init__(self, weight: torch.Tensor, backend: str, kind: Format, pool: Any) -> None:
        assert _native is not None
        source = weight.float().contiguous()
        self.out, self.inputs = source.shape
        self.packed = _native.Weight(backend, KINDS[kind], source.data_ptr(), self.out, self.inputs)
        self._pool = pool

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        narrow = hidden.dtype == torch.bfloat16
        rows = hidden.reshape(-1, self.inputs).to(hidden.dtype if narrow else torch.float32)
        rows = rows.contiguous()
        out = torch.empty((len(rows), self.out), dtype=rows.dtype)
        self.packed.multiply(self._pool, rows.data_ptr(), out.data_ptr(), len(rows), narrow)
        return out.view(*hidden.shape[:-1], self.out).to(hidden.dtype)


class NativeExperts:
    """All experts side by side, each padded to whole groups of inner columns."""

    def __init__(self, weights: ExpertWeights, backend: str, kind: Format, pool: Any) -> None:
        width, missing = weights.gate[0].shape[0], -weights.gate[0].shape[0] % GROUP
        self.count, self.width, self.limit = len(weights.gate), width + missing, weights.limit
        gate, up = (
            torch.cat([pad(part, (0, 0, 0, missing)) for part in parts])
            for parts in (weights.gate, weights.up)
        )
        down = torch.cat([pad(part, (0, missing)) for part in weights.down], dim=1)
        self.gate, self.up, self.down = (
            NativeLinear(part, backend, kind, pool) for part in (gate, up, down)
        )

    def __call__(self, hidden: torch.Tensor, gates: torch.Tensor | None) -> torch.Tensor:
        inner = silu_mul(self.gate(hidden), self.up(hidden), self.limit)
        if gates is not None:
            inner = (inner.view(len(hidden), self.count, -1) * gates[:, :, None]).flatten(1)
        return self.down(inner.to(hidden.dtype))


class NativeKernels:
    """C operators, and whole steps of them where nothing has to happen between two.

    Args:
        backend: one of `native_backends`.
        kind: what weights are packed as.
        shared: several processes compute a step; only DeepSeek-V4's can ask them within one.
    """

    def __init__(self, backend: str, kind: Format, threads: int, *, shared: bool = False) -> None:
        assert _native is not None
        self._backend = backend
        self._kind: Format = kind
        self._pool = _native.Pool(threads)
        self._shared = shared
        # Experts run while a step that asked for them holds the other one.
        self._steps_pool = _native.Pool(threads) if shared else self._pool
        what = "Linears and experts" if shared else "Whole steps"
        self.choices: Sequence[str] = (
            f"{what}: C for {_INSTRUCTIONS[backend]} (kernels.cpu), because it was built and "
            f"this processor supports it; {kind} weights, {_SAID[kind]}.",
        )

    def linear(self, weight: torch.Tensor) -> NativeLinear:
        return NativeLinear(weight, self._backend, self._kind, self._pool)

    def head(self, weight: torch.Tensor) -> Linear:
        kind: Format = "int8" if self._kind == "int4" else self._kind
        return NativeLinear(weight, self._backend, kind, self._pool)

    def experts(self, weights: ExpertWeights, usual_share: float) -> Experts:
        if self._shared and usual_share < WIDE_SHARE:
            return NarrowExperts(weights, self.linear)
        return NativeExperts(weights, self._backend, self._kind, self._pool)

    def attention(
        self, query: torch.Tensor, cache: tuple[torch.Tensor, torch.Tensor], batch: Batch
    ) -> torch.Tensor:
        return paged_attention(query, cache, batch)

    def fuse(self, model: Any) -> FusedStep | None:
        if model.config.kind == "deepseek_v3":
            return None
        if model.config.kind != "deepseek_v4":
            return None if self._shared else NativeStep(model, self._backend, self._pool)
        if not runs_in_c(model.config, model.dtype):
            return None
        asking = Asking(model.layers) if self._shared else None
        if asking is not None:
            self.choices = (*self.choices, "Steps: one call into C, which asks for the experts.")
        pack = lambda w: self.linear(w).packed  # noqa: E731
        if model.drafter is not None and asking is None:
            return NativeV4DraftingStep(model, self._backend, self._pool, pack)
        return NativeV4Step(model, self._backend, self._steps_pool, pack, asking)
