"""A decode step of fixed shapes, whose inputs stay where they are in memory.

Such a step can be captured once and replayed (`graphs`); run as it is, it is the same step on any
device. Rows that no sequence has are padding: the first token of a scratch sequence, whose block
and running state belong to nobody.
"""

from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass
from typing import Any

import torch

from inference.engine.decode_shapes import Shape
from inference.engine.scheduler import Chunk
from inference.engine.sequence import Sequence
from inference.kernels.interface import Batch
from inference.model_config_deepseek_v4 import DeepseekV4Config
from inference.models import Model


@dataclass(frozen=True, slots=True)
class Place:
    """A model and its cache, of which padding has a block and a running state to write to."""

    model: Model
    cache: Any
    block_size: int
    scratch_block: int
    scratch_state: int


class StaticStep:
    """One token of each of up to ``shape.rows`` sequences."""

    def __init__(self, place: Place, shape: Shape) -> None:
        self.shape, self._place, model = shape, place, place.model
        # Written here and moved in one copy, which from pinned memory waits for nothing.
        pinned = model.device.type == "cuda"
        self._host = torch.zeros(shape.numbers, dtype=torch.long, pin_memory=pinned)
        self.inputs = torch.zeros(shape.numbers, dtype=torch.long, device=model.device)
        self._columns = [column.numpy() for column in shape.fields(self._host)]
        self._tables = shape.tables(self._host).numpy()
        # Whose blocks each row of tables has, after how many preemptions, and how many of them.
        self._held: list[tuple[Sequence, int, int] | None] = [None] * shape.rows
        self._positions = torch.arange(shape.blocks * place.block_size, device=model.device)
        self.batch = self._batch()

    def _batch(self) -> Batch:
        shape, config, device = self.shape, self._place.model.config, self._place.model.device
        tokens, positions, slots, states, experts = shape.fields(self.inputs)
        masked = 0 if isinstance(config, DeepseekV4Config) else len(self._positions)
        return Batch(
            token_ids=tokens,
            positions=positions,
            slots=slots,
            num_decode=shape.rows,
            decode_blocks=shape.tables(self.inputs),
            decode_mask=torch.zeros(shape.rows, 1, 1, masked, dtype=torch.bool, device=device),
            prefill=[],
            sample_rows=torch.arange(shape.rows, device=device),
            decode_most=len(self._positions),
            decode_states=states,
            num_experts=experts,
            default_experts=config.num_experts_per_tok,
            most_experts=config.num_experts_per_tok,
        )

    def fill(self, chunks: SequenceOf[Chunk]) -> None:
        """Take in a step's chunks, of one token each."""
        used, place, size = len(chunks), self._place, self._place.block_size
        tokens, positions, slots, states, experts = self._columns
        for row, chunk in enumerate(chunks):
            sequence, at = chunk.sequence, chunk.start
            tokens[row] = chunk.token_ids()[0]
            positions[row] = at
            slots[row] = sequence.block_table[at // size] * size + at % size
            states[row] = sequence.state or 0
            experts[row] = sequence.num_experts
            self._fill_table(row, sequence, at // size + 1)
        tokens[used:] = positions[used:] = 0
        slots[used:] = place.scratch_block * size
        states[used:] = place.scratch_state
        experts[used:] = place.model.config.min_experts_per_tok
        self._tables[used:] = place.scratch_block
        self._held[used:] = [None] * (self.shape.rows - used)
        self.inputs.copy_(self._host, non_blocking=True)

    def _fill_table(self, row: int, sequence: Sequence, count: int) -> None:
        """The first ``count`` blocks: a long table is written once, and then what is new of it."""
        table, held, known = self._tables[row], self._held[row], 0
        if held is not None and held[:2] == (sequence, sequence.preemptions):
            known = min(held[2], count)
        else:
            table[count:] = 0
        table[known:count] = sequence.block_table[known:count]
        self._held[row] = (sequence, sequence.preemptions, count)

    @torch.inference_mode()
    def compute(self) -> torch.Tensor:
        """Logits [rows, vocab] float32 of what was filled in. Asks the device nothing."""
        if self.batch.decode_mask.numel():
            seen = self._positions <= self.batch.positions[:, None]
            self.batch.decode_mask.copy_(seen[:, None, None])
        return self._place.model.forward(self.batch, self._place.cache)
