"""Turns scheduled chunks into one batch of tensors and runs the model on it.

Owns the cache. Knows nothing of queues, text or sampling.
"""

from collections.abc import Sequence as SequenceOf
from fractions import Fraction
from itertools import accumulate
from typing import Any

import torch

from inference.engine.decode_shapes import Shape
from inference.engine.graphs import DecodeSteps
from inference.engine.scheduler import Chunk
from inference.engine.sequence import Sequence
from inference.engine.static_step import Place
from inference.kernels.interface import Batch, ExpertMass, PrefillChunk
from inference.models import Model
from inference.models.decoder import Decoder
from inference.models.interface import DraftingModel
from inference.parallel import LeadingModel


class ModelRunner:
    """Turns chunks into logits.

    Args:
        num_states: running states and snapshots, for models that have such.
        decode_shapes: sizes of decode steps that `prepare_decoding` prepares; with any, the cache
            has a block and a state more, which padding is written to.
    """

    def __init__(
        self,
        model: Model,
        num_blocks: int,
        block_size: int,
        num_states: int = 0,
        decode_shapes: SequenceOf[Shape] = (),
    ) -> None:
        self.model = model
        self.block_size = block_size
        self.decode_steps: DecodeSteps | None = None
        self._decode_shapes = decode_shapes
        spare = bool(decode_shapes)
        self.cache: Any = model.make_cache(num_blocks + spare, block_size, num_states + spare)
        self.positions = num_blocks * block_size
        self._place = Place(model, self.cache, block_size, num_blocks, num_states)
        self._rows: dict[Sequence, int] = {}  # where each one's rows began in the latest step
        self._ran: dict[Sequence, Fraction] = {}  # experts of those with an expert mass, there
        self._drafting: DraftingModel | None = None
        if isinstance(model, DraftingModel) and model.drafter is not None:
            self._drafting = model

    def run(self, chunks: SequenceOf[Chunk]) -> tuple[list[Chunk], torch.Tensor]:
        """Compute ``chunks``; those that sample, and their logits [rows, vocab] float32.

        A chunk that samples has one row, and one more for each guess in it.
        """
        self._ran = {}
        if self.decode_steps is not None:
            logits = self.decode_steps.run(chunks)
            if logits is not None:
                self._rows = {chunk.sequence: row for row, chunk in enumerate(chunks)}
                return list(chunks), logits
        ordered = sorted(chunks, key=lambda chunk: chunk.num_tokens > 1)
        passes = [ordered]
        if isinstance(self.model, Decoder) and self.model.fused is not None:
            # Steps in C know no expert mass: such rows go by themselves, so that they change
            # nothing of the others'.
            plain = [c for c in ordered if c.sequence.expert_mass >= 1]
            passes = [plain, [c for c in ordered if c.sequence.expert_mass < 1]]
        logits = [self._forward(part) for part in passes if part]
        return [c for part in passes for c in part if c.samples], torch.cat(logits)

    def prepare_decoding(self) -> tuple[str, ...]:
        """From now on decode steps run at fixed shapes, on CUDA as graphs; what those took."""
        self.decode_steps = DecodeSteps(self._place, self._decode_shapes)
        if self.model.device.type == "cuda":
            return (self.decode_steps.capture(),)
        return ()

    def _forward(self, chunks: SequenceOf[Chunk]) -> torch.Tensor:
        batch = self._batch(chunks)
        self._rows = dict(zip((c.sequence for c in chunks), _starts(chunks), strict=True))
        logits = self.model.forward(batch, self.cache)
        if batch.mass is not None:
            self._count(chunks, batch.mass)
        return logits

    def active_experts(self, sequence: Sequence) -> Fraction | None:
        """What each position of the latest step activated on average, where that was counted."""
        return self._ran.get(sequence)

    def _count(self, chunks: SequenceOf[Chunk], mass: ExpertMass) -> None:
        active = mass.active.tolist()
        for chunk in chunks:
            if chunk.sequence.expert_mass < 1 and mass.layers:
                start = self._rows[chunk.sequence]
                ran = sum(active[start : start + chunk.num_tokens])
                self._ran[chunk.sequence] = Fraction(ran, chunk.num_tokens * mass.layers)

    @property
    def drafts(self) -> bool:
        """Whether the model guesses tokens itself."""
        return self._drafting is not None

    def draft(self, chunks: SequenceOf[Chunk], most: int) -> None:
        """Have the model guess what follows the step that just ran, into ``Sequence.draft``.

        Args:
            chunks: of that step, those whose sequences go on.
        """
        assert self._drafting is not None
        if not chunks:
            return
        ran = [Chunk(c.sequence, c.start, c.sequence.num_computed) for c in chunks]
        ran.sort(key=lambda chunk: chunk.num_tokens > 1)
        rows = [self._rows[c.sequence] + at for c in ran for at in range(c.num_tokens)]
        batch = self._batch(ran, ahead=1)
        sampling = [c.sequence for c in ran if c.reaches(1)]
        states = self._long([sequence.state or 0 for sequence in sampling])
        guesses = self._drafting.draft(self._long(rows), batch, states, self.cache, most)
        for sequence, draft in zip(sampling, guesses, strict=True):
            sequence.draft = draft

    @property
    def shared(self) -> LeadingModel | None:
        """The model, where several processes compute it."""
        return self.model if isinstance(self.model, LeadingModel) else None

    def close(self) -> None:
        """Let the other processes of a model that is shared end."""
        if self.shared is not None:
            self.shared.close()

    def copy_state(self, source: int, target: int) -> None:
        """Remember a running state, or go back to one."""
        self.cache.copy_state(source, target)

    def _batch(self, chunks: SequenceOf[Chunk], ahead: int = 0) -> Batch:
        """Rows of ``chunks``; with ``ahead``, their positions hold the tokens so much later."""
        positions = [p for c in chunks for p in range(c.start, c.end)]
        singles = [c for c in chunks if c.num_tokens == 1]
        blocks, mask = self._decode_tables(singles)
        ends = [start + c.num_tokens for start, c in zip(_starts(chunks), chunks, strict=True)]
        return Batch(
            token_ids=self._long([t for c in chunks for t in c.token_ids(ahead)]),
            positions=self._long(positions),
            slots=self._long([self._slot(c, p) for c in chunks for p in range(c.start, c.end)]),
            num_decode=len(singles),
            decode_blocks=blocks,
            decode_mask=mask,
            prefill=[
                PrefillChunk(
                    end - c.num_tokens, c.start, c.end, self._blocks(c), c.sequence.state or 0
                )
                for c, end in zip(chunks, ends, strict=True)
                if c.num_tokens > 1
            ],
            sample_rows=self._long(
                [
                    row
                    for c, end in zip(chunks, ends, strict=True)
                    if c.reaches(ahead)
                    for row in range(end - 1 - len(c.draft), end)
                ]
            ),
            decode_most=max((c.end for c in singles), default=0),
            decode_states=self._long([c.sequence.state or 0 for c in singles]),
            num_experts=self._budgets(chunks),
            default_experts=chunks[0].sequence.num_experts,
            most_experts=max(c.sequence.num_experts for c in chunks),
            mass=self._mass(chunks),
        )

    def _budgets(self, chunks: SequenceOf[Chunk]) -> torch.Tensor | None:
        """[tokens] active experts of each row, or None when all rows agree."""
        if len({c.sequence.num_experts for c in chunks}) == 1:
            return None
        return self._long([c.sequence.num_experts for c in chunks for _ in range(c.num_tokens)])

    def _mass(self, chunks: SequenceOf[Chunk]) -> ExpertMass | None:
        shares = [c.sequence.expert_mass for c in chunks for _ in range(c.num_tokens)]
        if all(share >= 1 for share in shares):
            return None
        share = torch.tensor(shares, dtype=torch.float32, device=self.model.device)
        return ExpertMass(share, torch.zeros(len(shares), dtype=torch.long, device=share.device))

    def _slot(self, chunk: Chunk, position: int) -> int:
        block = chunk.sequence.block_table[position // self.block_size]
        return block * self.block_size + position % self.block_size

    def _blocks(self, chunk: Chunk) -> torch.Tensor:
        return self._long(chunk.sequence.block_table[: -(-chunk.end // self.block_size)])

    def _decode_tables(self, chunks: SequenceOf[Chunk]) -> tuple[torch.Tensor, torch.Tensor]:
        most = max((-(-c.end // self.block_size) for c in chunks), default=0)
        tables = [(c.sequence.block_table + [0] * most)[:most] for c in chunks]
        lengths = self._long([c.end for c in chunks])
        mask = torch.arange(most * self.block_size, device=self.model.device) < lengths[:, None]
        return self._long(tables).view(len(chunks), most), mask[:, None, None]

    def _long(self, values: list) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.long, device=self.model.device)


def _starts(chunks: SequenceOf[Chunk]) -> list[int]:
    return list(accumulate((c.num_tokens for c in chunks), initial=0))[:-1]
