"""What a step in C asks of other processes: the rows that go out, and what comes back.

C calls in the thread that runs the step, once in each layer for the experts and, where heads are
shared, once for attention.
"""

from collections.abc import Callable
from typing import Any

import torch

ASK_EXPERTS, ASK_ATTENTION = 1, 2  # as native/v4/v4.h has them


class Asking:
    """Args: layers: of a `DeepseekV4`; their feed-forwards know where their experts are."""

    def __init__(self, layers: list[Any]) -> None:
        self._feed_forwards = [layer.feed_forward for layer in layers]
        self.add_up: Callable[[torch.Tensor], torch.Tensor] | None = None  # over all heads

    def arguments(self, rows: int, hidden: int, experts: int) -> tuple[Any, ...]:
        """The last ones of a step of so many rows."""
        passed, gates = torch.empty((rows, hidden)), torch.empty((rows, experts))

        def ask(layer: int, what: int) -> None:
            if what == ASK_ATTENTION:
                assert self.add_up is not None
                self.add_up(passed)
            else:
                feed_forward = self._feed_forwards[layer]
                out = feed_forward.experts(passed, gates)
                passed.copy_(out + feed_forward.shared(passed, None))

        asked = ASK_EXPERTS | (0 if self.add_up is None else ASK_ATTENTION)
        return ask, asked, passed.data_ptr(), gates.data_ptr()
