"""What the engine asks of a model, whatever its architecture."""

from typing import Any, Protocol, runtime_checkable

import torch

from inference.kernels.interface import Batch
from inference.model_config import AnyConfig


class Cache(Protocol):
    """What a model remembers of the sequences that it runs; the model's own matter."""

    @property
    def bytes(self) -> int: ...

    def copy_state(self, source: int, target: int) -> None:
        """Copy a running state of fixed size, where the model has such: a snapshot."""
        ...


class Model(Protocol):
    """Prepared weights."""

    @property
    def config(self) -> AnyConfig: ...
    @property
    def device(self) -> torch.device: ...
    @property
    def dtype(self) -> torch.dtype: ...

    def make_cache(self, num_blocks: int, block_size: int, num_states: int) -> Cache: ...

    def forward(self, batch: Batch, cache: Any) -> torch.Tensor:
        """Logits of the rows that sample: [rows, vocab] float32."""
        ...

    def hidden_states(self, batch: Batch, cache: Any) -> torch.Tensor:
        """[tokens, hidden] after the last norm; what the rows leave behind goes to ``cache``."""
        ...


@runtime_checkable
class DraftingModel(Protocol):
    """A model that guesses tokens itself, unless its ``drafter`` is None."""

    @property
    def drafter(self) -> Any: ...
    def draft(
        self,
        rows: torch.Tensor,
        batch: Batch,
        states: torch.Tensor,
        cache: Any,
        most: int,
    ) -> list[list[int]]:
        """Guesses after the latest step; see `DeepseekV4.draft`."""
        ...
