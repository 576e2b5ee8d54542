"""Which tokens the next step computes.

Continuous batching with chunked prefill: every running sequence gets its one
decode token first (and what was guessed after it), what is left of the token
budget goes to prompts, oldest first. Interactive sequences go before those of
batches. When the cache is full the last of them gives its blocks up and is
computed again later (preemption). Knows no tensors and no clock.
"""

from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass

from inference.engine.block_manager import BlockManager
from inference.engine.sequence import Sequence, Status
from inference.errors import QueueFull

Guess = Callable[[Sequence], list[int]]
"""Tokens that may come next; none of them need be right."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Positions ``start`` to ``end`` of one sequence, computed in one step.

    The last ones may be guesses, ``draft``: what is drawn before each of them decides
    whether it counts.
    """

    sequence: Sequence
    start: int
    end: int
    draft: tuple[int, ...] = ()

    @property
    def num_tokens(self) -> int:
        return self.end - self.start

    @property
    def samples(self) -> bool:
        """True when the step reaches the last known token and so draws the next."""
        return self.reaches(0)

    def reaches(self, ahead: int) -> bool:
        """Whether the last known token is the one ``ahead`` of the chunk's last position."""
        return self.end + ahead >= self.sequence.num_tokens

    def token_ids(self, ahead: int = 0) -> list[int]:
        """Tokens of its positions, or those so much later."""
        known = self.end - len(self.draft)
        return self.sequence.ids(self.start + ahead, known + ahead) + list(self.draft)


@dataclass(frozen=True, slots=True)
class SchedulerLimits:
    max_batch: int = 16  # sequences in one step
    max_queue: int = 256  # sequences waiting
    max_prefill_tokens: int = 512  # prompt tokens in a step with nobody decoding
    max_mixed_tokens: int = 128  # prompt tokens in a step beside decoding sequences


def _rank(sequence: Sequence) -> tuple[int, int]:
    return sequence.priority, sequence.number


class Scheduler:
    """Args: guess: proposes tokens for a decoding sequence; ``None``: nothing is guessed."""

    def __init__(
        self, blocks: BlockManager, limits: SchedulerLimits, guess: Guess | None = None
    ) -> None:
        self.blocks = blocks
        self.limits = limits
        self.waiting: list[Sequence] = []  # by rank
        self.running: list[Sequence] = []  # by rank
        self._guess = guess

    @property
    def has_work(self) -> bool:
        return bool(self.waiting or self.running)

    def add(self, sequence: Sequence) -> None:
        """Raises QueueFull when ``max_queue`` sequences wait already."""
        if len(self.waiting) >= self.limits.max_queue:
            raise QueueFull(
                f"{len(self.waiting)} requests wait already; try again shortly or add a worker."
            )
        insort(self.waiting, sequence, key=_rank)

    def schedule(self) -> list[Chunk]:
        """The chunks of the next step; empty when there is nothing to do."""
        self._admit()
        decoding = [s for s in self.running if s.num_uncomputed == 1 and s.num_computed]
        chunks = [c for s in decoding if (c := self._decode(s))]
        limits = self.limits
        budget = limits.max_mixed_tokens if chunks else limits.max_prefill_tokens
        for sequence in [s for s in self.running if s not in decoding]:
            if budget > 0 and (chunk := self._prefill(sequence, budget)):
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
            self.waiting = [s for s in self.waiting if s.status is not Status.FINISHED]

    def _admit(self) -> None:
        while self.waiting:
            first = self.waiting[0]
            if len(self.running) >= self.limits.max_batch and not self._make_room(first):
                return
            # One block to spare per running sequence keeps a fresh prompt from
            # preempting those that are about to cross a block's edge.
            needed = self.blocks.blocks_for(first.num_tokens + 1)
            while needed + len(self.running) > self.blocks.num_free and self._make_room(first):
                pass
            if self.running and needed + len(self.running) > self.blocks.num_free:
                return
            self.blocks.begin(first)
            if not self.blocks.grow(first, first.num_tokens):
                self.blocks.release(first)
                return
            if not first.output_ids and not first.preemptions:
                first.num_cached = first.num_computed
            first.status = Status.RUNNING
            insort(self.running, self.waiting.pop(0), key=_rank)

    def _make_room(self, sequence: Sequence) -> bool:
        """Set the last running sequence back if it is of a later class."""
        if not self.running or self.running[-1].priority <= sequence.priority:
            return False
        self._preempt(self.running[-1])
        return True

    def _decode(self, sequence: Sequence) -> Chunk | None:
        draft: list[int] = []
        if self._guess is not None and sequence.status is Status.RUNNING:
            draft = self._guess(sequence)
            if draft and not self.blocks.grow(sequence, sequence.num_tokens + len(draft)):
                draft = []
        start = sequence.num_computed
        if not self._own(sequence, sequence.num_tokens + len(draft)):
            return None
        return Chunk(sequence, start, sequence.num_tokens + len(draft), tuple(draft))

    def _prefill(self, sequence: Sequence, budget: int) -> Chunk | None:
        if sequence.status is not Status.RUNNING:
            return None
        start = sequence.num_computed
        end = min(sequence.num_tokens, start + budget)
        if self.blocks.has_states:
            # The end of the last full block is where a snapshot serves those who begin alike.
            last = end // self.blocks.block_size * self.blocks.block_size
            end = last if start < last < end else end
        return Chunk(sequence, start, end) if self._own(sequence, end) else None

    def _own(self, sequence: Sequence, num_tokens: int) -> bool:
        """Blocks for so many positions, if need be those of the last running sequence."""
        if sequence.status is not Status.RUNNING:
            return False
        while not self.blocks.grow(sequence, num_tokens):
            victim = self.running[-1]
            self._preempt(victim)
            if victim is sequence:
                return False
        return True

    def _preempt(self, sequence: Sequence) -> None:
        self.running.remove(sequence)
        self.blocks.release(sequence)
        sequence.status = Status.WAITING
        sequence.preemptions += 1
        sequence.draft = []
        insort(self.waiting, sequence, key=_rank)
