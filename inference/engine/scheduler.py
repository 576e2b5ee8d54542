"""Which tokens the next step computes.

Continuous batching with chunked prefill: every running sequence gets its one
decode token first, what is left of the token budget goes to prompts, oldest
first. When the cache is full the youngest sequence gives its blocks up and is
computed again later (preemption). Knows no tensors and no clock.
"""

from collections import deque
from dataclasses import dataclass

from inference.engine.block_manager import BlockManager
from inference.engine.sequence import Sequence, Status
from inference.errors import QueueFull


@dataclass(frozen=True, slots=True)
class Chunk:
    """Positions ``start`` to ``end`` of one sequence, computed in one step."""

    sequence: Sequence
    start: int
    end: int

    @property
    def num_tokens(self) -> int:
        return self.end - self.start

    @property
    def samples(self) -> bool:
        """True when the step reaches the last known token and so draws the next."""
        return self.end == self.sequence.num_tokens


@dataclass(frozen=True, slots=True)
class SchedulerLimits:
    max_batch: int = 16  # sequences in one step
    max_queue: int = 256  # sequences waiting
    max_prefill_tokens: int = 512  # prompt tokens in a step with nobody decoding
    max_mixed_tokens: int = 128  # prompt tokens in a step beside decoding sequences


class Scheduler:
    def __init__(self, blocks: BlockManager, limits: SchedulerLimits) -> None:
        self.blocks = blocks
        self.limits = limits
        self.waiting: deque[Sequence] = deque()
        self.running: list[Sequence] = []  # oldest first

    @property
    def has_work(self) -> bool:
        return bool(self.waiting or self.running)

    def add(self, sequence: Sequence) -> None:
        """Raises QueueFull when ``max_queue`` sequences wait already."""
        if len(self.waiting) >= self.limits.max_queue:
            raise QueueFull(
                f"{len(self.waiting)} requests wait already; try again shortly or add a worker."
            )
        self.waiting.append(sequence)

    def schedule(self) -> list[Chunk]:
        """The chunks of the next step; empty when there is nothing to do."""
        self._admit()
        decoding = [s for s in self.running if s.num_uncomputed == 1 and s.num_computed]
        chunks = [c for s in decoding if (c := self._chunk(s, 1))]
        limits = self.limits
        budget = limits.max_mixed_tokens if chunks else limits.max_prefill_tokens
        for sequence in [s for s in self.running if s not in decoding]:
            if budget > 0 and (chunk := self._chunk(sequence, budget)):
                chunks.append(chunk)
                budget -= chunk.num_tokens
        # A later sequence may have taken the blocks of an earlier chunk's owner.
        return [c for c in chunks if c.sequence.status is Status.RUNNING]

    def retire(self) -> None:
        """Take finished sequences out and free their blocks."""
        for sequence in [s for s in self.running if s.status is Status.FINISHED]:
            self.running.remove(sequence)
            self.blocks.release(sequence)
        if any(s.status is Status.FINISHED for s in self.waiting):
            self.waiting = deque(s for s in self.waiting if s.status is not Status.FINISHED)

    def _admit(self) -> None:
        while self.waiting and len(self.running) < self.limits.max_batch:
            first = self.waiting[0]
            # One block to spare per running sequence keeps a fresh prompt from
            # preempting those that are about to cross a block's edge.
            needed = self.blocks.blocks_for(first.num_tokens + 1)
            if self.running and needed + len(self.running) > self.blocks.num_free:
                return
            if not self.blocks.grow(first, first.num_tokens):
                return
            first.status = Status.RUNNING
            self.running.append(self.waiting.popleft())

    def _chunk(self, sequence: Sequence, budget: int) -> Chunk | None:
        if sequence.status is not Status.RUNNING:
            return None
        end = min(sequence.num_tokens, sequence.num_computed + budget)
        while not self.blocks.grow(sequence, end):
            victim = self.running[-1]
            self._preempt(victim)
            if victim is sequence:
                return None
        return Chunk(sequence, sequence.num_computed, end)

    def _preempt(self, sequence: Sequence) -> None:
        self.running.remove(sequence)
        self.blocks.release(sequence)
        sequence.status = Status.WAITING
        sequence.preemptions += 1
        self.waiting.appendleft(sequence)
