"""Vectors for texts from the served model: the mean of their last hidden states, of length one.

A basic embedding: a decoder made to continue texts was not trained to compare them. Texts that wait
together are computed together, in a cache of their own, some rows between two steps of the engine.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch

from inference.engine.accounting import divide
from inference.errors import ContextOverflow, InferenceError, RequestInvalid
from inference.kernels.interface import Batch, ExpertMass, PrefillChunk
from inference.models import Model


@dataclass(frozen=True, slots=True)
class Embedding:
    """One text's vector, what it took, or why there is none."""

    vector: list[float]
    work_ns: int = 0
    error: InferenceError | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """What computes a text: active experts of a token, and the router's mass that is enough."""

    num_experts: int
    expert_mass: float = 1.0


@dataclass(slots=True, eq=False)
class EmbeddingJob:
    """A text that waits; ``sink`` is called in the engine's thread.

    ``cancelled`` may be set by anybody: what did not begin is left out then.
    """

    token_ids: list[int]
    budget: Budget
    sink: Callable[[Embedding], None]
    cancelled: bool = False


def check_text(token_ids: Sequence[int], max_context: int, vocab_size: int) -> None:
    """Raises RequestInvalid or ContextOverflow for what cannot be embedded."""
    if not token_ids:
        raise RequestInvalid("A text is empty; send at least one token.", param="input")
    if not all(0 <= token < vocab_size for token in token_ids):
        raise RequestInvalid("input holds a token id outside the vocabulary.", param="input")
    if len(token_ids) > max_context:
        raise ContextOverflow(
            f"A text has {len(token_ids)} tokens, but this model's context holds {max_context};"
            " split it.",
            param="input",
        )


class EmbeddingBatch:
    """Checked texts of one budget that are computed together.

    Args:
        model: computes them; a cache for all of ``texts`` is made.
        texts: token ids, at least one each.
        block_size: tokens of a block of that cache.
        most_rows: computed by one `advance`, so that running answers need not wait for a long text.
    """

    def __init__(
        self,
        model: Model,
        texts: Sequence[list[int]],
        budget: Budget,
        block_size: int,
        most_rows: int,
    ) -> None:
        self._model, self._texts, self._budget, self._size = model, texts, budget, block_size
        self._blocks = [0, *accumulate(-(-len(text) // block_size) for text in texts)]
        self._cache = model.make_cache(self._blocks[-1], block_size, len(texts))
        self._sums = [torch.zeros(0)] * len(texts)
        self._parts = _parts([len(text) for text in texts], most_rows)
        self._left = sum(map(len, texts))
        self._work_ns = 0

    @property
    def done(self) -> bool:
        """Whether every text is computed."""
        return not self._left

    def advance(self) -> tuple[int, int]:
        """Compute the next rows: how many, and nanoseconds."""
        started = time.perf_counter_ns()
        part = next(self._parts)
        rows = self._run(part)
        self._left -= rows
        spent = time.perf_counter_ns() - started
        self._work_ns += spent
        return rows, spent

    def vectors(self) -> list[Embedding]:
        """Of each text, once all are computed; the work is divided by their tokens."""
        work = divide(self._work_ns, [len(text) for text in self._texts])
        return [
            Embedding(torch.nn.functional.normalize(total, dim=0).tolist(), spent)
            for total, spent in zip(self._sums, work, strict=True)
        ]

    @torch.inference_mode()
    def _run(self, part: list["_Stretch"]) -> int:
        batch = self._batch(part)
        states = self._model.hidden_states(batch, self._cache).float()
        row = 0
        for text, start, end in part:
            total = states[row : row + end - start].sum(0)
            self._sums[text] = total + self._sums[text] if start else total
            row += end - start
        return row

    def _batch(self, part: list["_Stretch"]) -> Batch:
        positions = self._long([at for _, start, end in part for at in range(start, end)])
        return Batch(
            token_ids=self._long([t for n, start, end in part for t in self._texts[n][start:end]]),
            positions=positions,
            slots=self._long(
                [
                    self._blocks[n] * self._size + at
                    for n, start, end in part
                    for at in range(start, end)
                ]
            ),
            num_decode=0,
            decode_blocks=self._long(()).view(0, 0),
            decode_mask=torch.zeros((0, 1, 1, 0), dtype=torch.bool, device=self._model.device),
            prefill=list(self._chunks(part)),
            sample_rows=self._long(()),
            default_experts=self._budget.num_experts,
            mass=_mass(self._budget.expert_mass, positions),
        )

    def _chunks(self, part: list["_Stretch"]) -> Iterator[PrefillChunk]:
        row = 0
        for text, start, end in part:
            first, count = self._blocks[text], -(-end // self._size)
            yield PrefillChunk(row, start, end, self._long(range(first, first + count)), text)
            row += end - start

    def _long(self, values: Sequence[int]) -> torch.Tensor:
        return torch.tensor(list(values), dtype=torch.long, device=self._model.device)


_Stretch = tuple[int, int, int]  # of a text: which, first position, end


def _parts(lengths: Sequence[int], most_rows: int) -> Iterator[list[_Stretch]]:
    """Whole texts together while they fit into ``most_rows``; a longer one by itself, in parts."""
    part: list[_Stretch] = []
    room = most_rows
    for text, length in enumerate(lengths):
        if part and length > room:
            yield part
            part, room = [], most_rows
        for start in range(0, length - most_rows, most_rows):
            yield [(text, start, start + most_rows)]
        start = (length - 1) // most_rows * most_rows
        part.append((text, start, length))
        room -= length - start
    if part:
        yield part


def together(jobs: Sequence[EmbeddingJob], most_rows: int) -> list[EmbeddingJob]:
    """The first of ``jobs`` and those of its budget behind it, while their tokens fit a step."""
    chosen, room = [jobs[0]], most_rows - len(jobs[0].token_ids)
    for job in jobs[1:]:
        if job.budget != jobs[0].budget or len(job.token_ids) > room:
            break
        chosen.append(job)
        room -= len(job.token_ids)
    return chosen


def _mass(share: float, rows: torch.Tensor) -> ExpertMass | None:
    if share >= 1:
        return None
    return ExpertMass(torch.full(rows.shape, share, device=rows.device), torch.zeros_like(rows))
