"""One step after the other: schedule, compute, sample, account.

Synchronous and single-threaded; `inference.engine.thread` runs it beside an
event loop. Knows token ids, not text.
"""

import time
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass

import torch

from inference.engine.accounting import divide, work_model
from inference.engine.block_manager import BlockManager
from inference.engine.drawing import Draw
from inference.engine.drawing import draw as draw_plainly
from inference.engine.embedding import Budget, EmbeddingBatch
from inference.engine.model_runner import ModelRunner
from inference.engine.sampler import sample
from inference.engine.scheduler import Chunk, Guess, Scheduler, SchedulerLimits
from inference.engine.sequence import Sequence, Status
from inference.engine.speculation import ModelDraft
from inference.errors import ContextOverflow, RequestInvalid
from inference.model_config import AnyConfig
from inference.parallel import LeadingModel


@dataclass(slots=True)
class EngineStats:
    """Counts since start."""

    steps: int = 0
    busy_ns: int = 0
    computed_tokens: int = 0
    sampled_tokens: int = 0
    guessed_tokens: int = 0
    accepted_tokens: int = 0  # of the guesses
    cached_tokens: int = 0  # of prompts, found in the cache


class Engine:
    """Args: guess: see `Scheduler`; draw: what tokens are drawn with."""

    def __init__(
        self,
        runner: ModelRunner,
        blocks: BlockManager,
        limits: SchedulerLimits,
        guess: Guess | None = None,
        draw: Draw = draw_plainly,
    ) -> None:
        self.config: AnyConfig = runner.model.config
        self.stats = EngineStats()
        self._runner = runner
        self._work = work_model(self.config)
        self.blocks = blocks
        self.scheduler = Scheduler(self.blocks, limits, guess)
        self._guess, self._drawn_by = guess, draw

    @property
    def has_work(self) -> bool:
        return self.scheduler.has_work

    @property
    def shared(self) -> LeadingModel | None:
        """The model, where several processes compute it."""
        return self._runner.shared

    @property
    def max_context(self) -> int:
        """Most tokens, prompt and answer together, that one sequence may have."""
        return min(self.config.max_context, self.blocks.num_blocks * self.blocks.block_size)

    def check(self, sequence: Sequence) -> None:
        """Raises ContextOverflow or RequestInvalid for what can never run."""
        prompt, answer = len(sequence.prompt_ids), sequence.params.max_tokens
        if not prompt:
            raise RequestInvalid("The prompt is empty; send at least one token.", param="prompt")
        if prompt + answer > self.max_context:
            raise ContextOverflow(
                f"The prompt has {prompt} tokens and max_tokens asks for {answer}, but this "
                f"model's context holds {self.max_context}; shorten the prompt or max_tokens.",
                param="messages" if prompt >= self.max_context else "max_tokens",
            )
        if any(token >= self.config.vocab_size for token, _ in sequence.params.logit_bias):
            raise RequestInvalid(
                f"logit_bias names a token that is not among this model's "
                f"{self.config.vocab_size}.",
                param="logit_bias",
            )
        low, high = self.config.min_experts_per_tok, self.config.num_experts
        if high and not low <= sequence.num_experts <= high:
            raise RequestInvalid(
                f"num_experts_per_tok must lie between {low} and {high} for this model.",
                param="num_experts_per_tok",
            )
        if not 0 < sequence.expert_mass <= 1:
            raise RequestInvalid(
                "expert_mass is a share of the router's weight: above 0, 1 at most.",
                param="expert_mass",
            )

    def add(self, sequence: Sequence) -> None:
        """Queue a checked sequence; raises QueueFull."""
        self.scheduler.add(sequence)

    def cancel(self, sequence: Sequence) -> None:
        """Stop a sequence now; its blocks are free before the next step."""
        sequence.finish("cancelled")
        self.scheduler.retire()

    def step(self) -> list[Sequence]:
        """Compute once; the sequences that got a token (some of them finished by it)."""
        if self.shared is not None:
            self.shared.between_steps()  # nobody's work
        started = time.perf_counter_ns()
        chunks = self.scheduler.schedule()
        if not chunks:
            return []
        self._restore()
        self.stats.cached_tokens += sum(_found_now(chunk) for chunk in chunks)
        sampling, logits = self._runner.run(chunks)
        weights = [self._weigh(chunk) for chunk in chunks]
        for chunk in chunks:
            chunk.sequence.num_computed = chunk.end
        sampled = self._draw(sampling, logits)
        if isinstance(self._guess, ModelDraft):
            going = [c for c in chunks if c.sequence.status is Status.RUNNING]
            self._runner.draft(going, self._guess.most)
        self._remember(chunks)
        self._account(chunks, weights, time.perf_counter_ns() - started, sampled)
        self.scheduler.retire()
        return [chunk.sequence for chunk in sampling]

    def embedding(self, texts: SequenceOf[list[int]], budget: Budget) -> EmbeddingBatch:
        """Checked texts whose vectors are to be computed, a step's rows at a time."""
        runner = self._runner
        return EmbeddingBatch(runner.model, texts, budget, runner.block_size, self.text_rows)

    @property
    def text_rows(self) -> int:
        """Most rows of texts at a time: fewer while answers run."""
        limits = self.scheduler.limits
        return limits.max_mixed_tokens if self.has_work else limits.max_prefill_tokens

    def embed(self, batch: EmbeddingBatch) -> None:
        """Compute ``batch``'s next rows; nothing else is computed meanwhile."""
        rows, spent = batch.advance()
        self.stats.busy_ns += spent
        self.stats.computed_tokens += rows

    def close(self) -> None:
        """End what the engine began; nothing is computed afterwards."""
        self._runner.close()

    def abort_all(self) -> list[Sequence]:
        """Give up everything that runs or waits, after a step that failed."""
        lost = [*self.scheduler.running, *self.scheduler.waiting]
        for sequence in lost:
            sequence.finish("error")
        self.scheduler.retire()
        return lost

    def _draw(self, chunks: list[Chunk], logits: torch.Tensor) -> int:
        """Append what each chunk draws, guesses that were right and one more; how many in all."""
        rows = [0]
        for chunk in chunks:
            rows.append(rows[-1] + 1 + len(chunk.draft))
        going, turn, drawn = list(zip(chunks, rows, strict=False)), 0, 0
        while going:
            places = [row + turn for _, row in going]
            # All rows in their order stay where they are.
            wanted = logits if places == list(range(len(logits))) else logits[places]
            tokens = sample(wanted, [chunk.sequence for chunk, _ in going], self._drawn_by)
            drawn += len(tokens)
            still = []
            for (chunk, row), token in zip(going, tokens, strict=True):
                chunk.sequence.append(token)
                guessed = turn < len(chunk.draft) and chunk.draft[turn] == token
                if guessed and chunk.sequence.status is not Status.FINISHED:
                    still.append((chunk, row))
                else:  # what was computed of wrong guesses is written over later
                    chunk.sequence.num_computed = chunk.end - len(chunk.draft) + turn
                    self.stats.guessed_tokens += len(chunk.draft)
                    self.stats.accepted_tokens += turn
            going, turn = still, turn + 1
        return drawn

    def _restore(self) -> None:
        """Give sequences that were just admitted the state that they go on from."""
        for sequence in self.scheduler.running:
            if sequence.restore is not None and sequence.state is not None:
                self._runner.copy_state(sequence.restore, sequence.state)
                sequence.restore = None

    def _remember(self, chunks: list[Chunk]) -> None:
        for chunk in chunks:
            self.blocks.remember(chunk.sequence)
            place = self.blocks.snapshot(chunk.sequence)
            if place is not None and chunk.sequence.state is not None:
                self._runner.copy_state(chunk.sequence.state, place)

    def _weigh(self, chunk: Chunk) -> int:
        """Multiply-adds of a chunk that ran, by the experts that it activated."""
        sequence, start, end = chunk.sequence, chunk.start, chunk.end
        ran = self._runner.active_experts(sequence)
        if ran is None:
            return self._work.weight(start, end, sequence.num_experts, chunk.samples)
        sequence.activated += ran * chunk.num_tokens
        sequence.positions += chunk.num_tokens
        none, one = (self._work.weight(start, end, n, chunk.samples) for n in (0, 1))
        return none + int((one - none) * ran)

    def _account(self, chunks: list[Chunk], weights: list[int], spent: int, sampled: int) -> None:
        for chunk, part in zip(chunks, divide(spent, weights), strict=True):
            chunk.sequence.work_ns += part
        self.stats.steps += 1
        self.stats.busy_ns += spent
        self.stats.sampled_tokens += sampled
        self.stats.computed_tokens += sum(chunk.num_tokens for chunk in chunks)


def _found_now(chunk: Chunk) -> int:
    """Tokens before a sequence's first chunk: they were in the cache."""
    sequence = chunk.sequence
    is_first = chunk.start == sequence.num_cached and not sequence.output_ids
    return chunk.start if is_first and not sequence.preemptions else 0
