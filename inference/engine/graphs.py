"""Decode steps at fixed shapes, on CUDA captured as graphs and replayed.

A step of a DeepSeek-V4 is hundreds of launches for each of which the host takes longer than the
device. A graph is launched once. It has room for so many sequences of such a length; a step takes
the smallest that it fits. Where none fits, or a step is not one token of each sequence, it runs as
any other step does, and why is counted.
"""

import time
from collections import Counter
from collections.abc import Sequence as SequenceOf
from typing import Any, Protocol, runtime_checkable

import torch

from inference.engine.decode_shapes import Shape
from inference.engine.scheduler import Chunk
from inference.engine.static_step import Place, StaticStep
from inference.kernels.interface import KernelSet
from inference.model_config import AnyConfig

_PROMPT = "a prompt is in the step"
_GUESSES = "tokens are guessed"
_MASS = "a sequence has an expert mass, whose experts are counted"
_BUDGET = "a sequence has more experts than is usual"
_SIZE = "there is no graph of that size"


@runtime_checkable
class Capturing(Protocol):
    """A kernel set whose decode steps may be captured."""

    def refuses_capture(self, config: AnyConfig) -> str:
        """Why a model's step asks the device something; empty: it does not."""
        ...


def why_not(kernels: KernelSet, config: AnyConfig, guesses: int) -> str:
    """Why a worker's decode steps are not captured, as a clause; empty: they are."""
    if not isinstance(kernels, Capturing):
        return "plain torch asks the device for sizes"
    if guesses:
        return "tokens are guessed, so that steps have other shapes"
    return kernels.refuses_capture(config)


class DecodeSteps:
    """Args: shapes: the smallest first."""

    def __init__(self, place: Place, shapes: SequenceOf[Shape]) -> None:
        self.place = place
        self._steps = [StaticStep(place, shape) for shape in shapes]
        self._graphs: dict[Shape, tuple[Any, torch.Tensor]] = {}
        self.replayed = 0  # steps that ran here
        self.others: Counter[str] = Counter()  # steps that did not, by reason

    def run(self, chunks: SequenceOf[Chunk]) -> torch.Tensor | None:
        """Logits [rows, vocab] float32, valid until the next step; None: see ``others``."""
        reason = self._reason(chunks)
        step = None if reason else self._fitting(chunks)
        if step is None:
            self.others[reason or _SIZE] += 1
            return None
        self.replayed += 1
        step.fill(chunks)
        return self._compute(step)[: len(chunks)]

    def capture(self) -> str:
        """Run every step once, then capture it; a sentence on what that took. CUDA only."""
        before, started = torch.cuda.memory_reserved(), time.perf_counter()
        pool = torch.cuda.graph_pool_handle()
        for step in reversed(self._steps):  # the largest first: the others fit into its memory
            step.fill(())
            self._graphs[step.shape] = _captured(step, pool)
        torch.cuda.synchronize()
        taken = (torch.cuda.memory_reserved() - before) >> 20
        return (
            f"Decode steps: {len(self._graphs)} CUDA graphs captured in "
            f"{time.perf_counter() - started:.1f} s, {taken} MiB."
        )

    def _reason(self, chunks: SequenceOf[Chunk]) -> str:
        usual = self.place.model.config.num_experts_per_tok
        for chunk in chunks:
            if chunk.draft:
                return _GUESSES
            if chunk.num_tokens > 1 or not chunk.samples:
                return _PROMPT
            if chunk.sequence.expert_mass < 1:
                return _MASS
            if chunk.sequence.num_experts > usual:
                return _BUDGET
        return ""

    def _fitting(self, chunks: SequenceOf[Chunk]) -> StaticStep | None:
        blocks = max(-(-chunk.end // self.place.block_size) for chunk in chunks)
        fits = (s for s in self._steps if s.shape.rows >= len(chunks) and s.shape.blocks >= blocks)
        return next(fits, None)

    def _compute(self, step: StaticStep) -> torch.Tensor:
        if step.shape not in self._graphs:
            return step.compute()
        graph, logits = self._graphs[step.shape]
        graph.replay()
        return logits


def _captured(step: StaticStep, pool: Any) -> tuple[Any, torch.Tensor]:
    """A graph of the step, and where it leaves its logits."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):  # compiles kernels and lets libraries allot what they need
        step.compute()
        step.compute()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, pool=pool):
        logits = step.compute()
    return graph, logits
