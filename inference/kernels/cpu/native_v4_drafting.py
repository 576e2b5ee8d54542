"""DeepSeek-V4's draft module in C: a model of one layer that begins with another step's streams."""

from typing import Any

import torch

from inference.kernels.cpu.native_v4 import NativeV4Step, Pack, addresses_of
from inference.kernels.interface import Batch

try:
    from inference.kernels.cpu import _native
except ImportError:  # not built: `NativeKernels` is not chosen then
    _native = None


class NativeV4DraftingStep(NativeV4Step):
    """The same with the model's draft module. See `interface.DraftingStep`."""

    def __init__(self, model: Any, backend: str, pool: Any, pack: Pack) -> None:
        super().__init__(model, backend, pool, pack)
        assert _native is not None
        drafter = model.drafter
        begins = (
            self._padded(drafter.token_norm),
            self._padded(drafter.stream_norm),
            drafter.token.packed,
            drafter.stream.packed,
        )
        module = self._model(model, [drafter.layer], drafter.mixing, drafter.norm, begins)
        self._draft = _native.DeepseekV4(backend, pool, module).step

    def guess(
        self, streams: torch.Tensor, batch: Batch, cache: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        logits = torch.empty((len(batch.sample_rows), self._vocab))
        given, after = streams.contiguous(), self._streams(len(streams))
        none = addresses_of(None)
        memory = torch.tensor([[cache.drafter.raw.rows.data_ptr(), *none, *none]])
        places = logits.data_ptr(), 0, after.data_ptr(), given.data_ptr()
        self._step(self._draft, batch, cache, memory, *places)
        return logits, after
