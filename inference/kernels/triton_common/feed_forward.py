"""A DeepSeek-V4 layer's experts where kernels choose them: lists of experts, not a matrix."""

from abc import ABC, abstractmethod
from typing import Any, Protocol, runtime_checkable

import torch

from inference.kernels.interface import Batch


@runtime_checkable
class ListedExperts(Protocol):
    """A layer's experts that take lists; those that several processes share take gates alone."""

    def run(
        self,
        hidden: torch.Tensor,
        chosen: torch.Tensor,
        weights: torch.Tensor,
        shared: torch.Tensor | None,
        *,
        whole: bool = False,
    ) -> torch.Tensor:
        """[T, D], without asking the device anything.

        Args:
            hidden: [T, D] contiguous. chosen, weights: [T, K] int32 and float32, as of
                `choose_experts`. shared: [T, D], added. whole: no place of ``chosen`` is empty.
        """
        ...


def budget_of(batch: Batch, usual: int) -> tuple[torch.Tensor | None, int]:
    """Active experts of each row [T], None where all have as many; and how many at the most.

    The most is the ``usual`` number where no row has more, so that kernels are compiled for that
    one, with budgets and without, and not again for each that a request asks for.
    """
    most = max(batch.budget, usual)
    if batch.num_experts is not None:
        return batch.num_experts, most
    if batch.default_experts == most:
        return None, most
    return torch.full_like(batch.token_ids, batch.default_experts), most


class RoutedFeedForward(ABC):
    """Stands in for a `models.deepseek_v4.feed_forward.DeepseekV4FeedForward`, ``plain``."""

    def __init__(self, config: Any, plain: Any) -> None:
        self._config, self._plain = config, plain
        self._lists = isinstance(plain.experts, ListedExperts)
        self._table = None if plain.table is None else plain.table.int().contiguous()

    def __call__(self, hidden: torch.Tensor, batch: Batch) -> torch.Tensor:
        if batch.mass is not None or not self._lists:
            return self._plain(hidden, batch)  # counted in plain torch, or sent to others
        shared = self._plain.shared(hidden, None)
        budget, top_k = self._budget(batch)
        tokens = None if self._table is None else batch.token_ids.int()
        return self.routed(hidden, shared, tokens, budget, top_k)

    @abstractmethod
    def routed(
        self,
        hidden: torch.Tensor,
        shared: torch.Tensor,
        tokens: torch.Tensor | None,
        budget: torch.Tensor | None,
        top_k: int,
    ) -> torch.Tensor:
        """``shared`` and the chosen experts' sum: [T, D].

        Args:
            tokens: [T] int32 where a table names the experts. budget: [T] int32, how many of
                ``top_k`` run; None: all.
        """

    def _budget(self, batch: Batch) -> tuple[torch.Tensor | None, int]:
        """Routed experts of each row, None where all have ``top_k``; and ``top_k``."""
        fixed = self._config.num_shared_experts
        budget, most = budget_of(batch, self._config.num_experts_per_tok)
        budget = None if budget is None else (budget - fixed).int()
        return budget, most - fixed if self._table is None else self._table.shape[1]
