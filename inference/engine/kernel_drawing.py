"""Draws tokens with a kernel: one copy to the device, one launch's work, one answer back.

The numbers and the order of tokens are those of `drawing`, so the tokens are too, but where a
number falls within rounding of the border between two.
"""

import torch

from inference.engine.sequence import Sequence
from inference.kernels.interface import SamplingKernels

_WORDS = 7  # int32 of a row: seed (two), counter, top_k, temperature, top_p, min_p
_ALIGNED = 4  # rows: kernels are compiled for addresses that are multiples of 16 bytes
_SIGN = 1 << 63


class KernelDraw:
    """See `drawing.Draw`; logits stay as they are."""

    def __init__(self, kernels: SamplingKernels, device: torch.device) -> None:
        self._kernels, self._device = kernels, device
        self._host = self._wishes(1)
        self._there = torch.empty_like(self._host, device=device)

    def __call__(self, logits: torch.Tensor, sequences: list[Sequence]) -> list[int]:
        count = len(sequences)
        if count > self._host.shape[1]:
            self._host = self._wishes(count)
            self._there = torch.empty_like(self._host, device=self._device)
        _write(self._host, sequences)
        self._there.copy_(self._host, non_blocking=True)
        words = self._there
        seeds = words[:2].flatten().view(torch.int64)[:count]
        counters, top_ks = words[2, :count], words[3, :count]
        temperatures, top_ps, min_ps = words[4:].view(torch.float32)[:, :count]
        tokens = self._kernels.sample(logits, temperatures, top_ks, top_ps, min_ps, seeds, counters)
        return tokens.tolist()

    def _wishes(self, count: int) -> torch.Tensor:
        rows = -(-count // _ALIGNED) * _ALIGNED
        # From pinned memory a copy waits for nothing.
        pinned = self._device.type == "cuda"
        return torch.zeros(_WORDS, rows, dtype=torch.int32, pin_memory=pinned)


def _write(words: torch.Tensor, sequences: list[Sequence]) -> None:
    """What each sequence wishes, and the next of its numbers where it draws."""
    numbers = [(0, 0) if s.params.greedy else s.next_number() for s in sequences]
    count, params = len(sequences), [s.params for s in sequences]
    seeds = [key - 2 * (key & _SIGN) for key, _ in numbers]  # as the int64 of the same bits
    words[:2].flatten().view(torch.int64)[:count] = torch.tensor(seeds)
    words[2, :count] = torch.tensor([counter for _, counter in numbers], dtype=torch.int32)
    words[3, :count] = torch.tensor([p.top_k for p in params], dtype=torch.int32)
    shares = [[0.0 if p.greedy else p.temperature, p.top_p, p.min_p] for p in params]
    words[4:].view(torch.float32)[:, :count] = torch.tensor(shares).T
