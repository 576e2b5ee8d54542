"""DeepSeek-V4: streams that blocks read from and write to (mHC), compressed attention, experts."""

from dataclasses import dataclass

import torch

from inference.errors import CheckpointUnsupported
from inference.kernels.interface import Batch, FusedStep, Linear
from inference.model_config_deepseek_v4 import DeepseekV4Config
from inference.models.deepseek_v4.cache import DeepseekV4Cache, KvDtype
from inference.models.deepseek_v4.layer import Layer, Mixing
from inference.models.deepseek_v4.mtp import DraftModule
from inference.models.deepseek_v4.rope import Rope


@dataclass(slots=True)
class DeepseekV4:
    """Prepared weights, and one forward pass. See `inference.models.interface.Model`."""

    config: DeepseekV4Config
    embedding: torch.Tensor  # [vocab, D]
    layers: list[Layer]
    mixing: Mixing
    norm: torch.Tensor
    head: Linear
    drafter: DraftModule | None
    ropes: tuple[Rope, Rope]  # of sliding layers, of the others
    device: torch.device
    dtype: torch.dtype
    fused: FusedStep | None = None
    kv_dtype: KvDtype = "auto"  # what entries of caches are kept as

    def make_cache(self, num_blocks: int, block_size: int, num_states: int) -> DeepseekV4Cache:
        return DeepseekV4Cache(
            self.config,
            num_blocks,
            block_size,
            num_states,
            self.device,
            self.dtype,
            drafts=self.drafter is not None,
            kv_dtype=self.kv_dtype,
        )

    @torch.inference_mode()
    def forward(self, batch: Batch, cache: DeepseekV4Cache) -> torch.Tensor:
        """Logits of the rows that sample: [rows, vocab] float32."""
        if self.fused is not None:
            return self.fused.logits(batch, cache)
        return self.head(self.hidden_states(batch, cache)[batch.sample_rows]).float()

    def hidden_states(self, batch: Batch, cache: DeepseekV4Cache) -> torch.Tensor:
        """[T, D] after the last norm; the rows' keys, entries and state go into ``cache``."""
        if self.fused is not None:
            return self.fused.states(batch, cache)
        config = self.config
        angles = [rope(batch.positions) for rope in self.ropes]
        streams = self.embedding[batch.token_ids][:, None].repeat(1, config.hc_mult, 1)
        for layer, kind, memory in zip(self.layers, config.layers, cache.layers, strict=True):
            streams = layer.run(config, streams, angles[kind != "sliding"], batch, memory)
        cache.streams = streams
        return self.mixing.leave(config, streams, self.norm)

    @torch.inference_mode()
    def draft(
        self,
        rows: torch.Tensor,
        batch: Batch,
        states: torch.Tensor,
        cache: DeepseekV4Cache,
        most: int,
    ) -> list[list[int]]:
        """Guesses after the latest step, ``most`` for each row that ``batch`` samples.

        Args:
            rows: [T] which rows of that step these are.
            batch: of the same positions, but with the tokens that follow them.
            states: [sampled] where the running states of the sampling rows' sequences lie.
        """
        streams = cache.streams
        assert streams is not None
        last = batch.sample_rows
        logits, streams = self._guess(streams[rows], batch, cache)
        guesses = [logits.argmax(-1)]
        streams, positions = streams[last], batch.positions[last]
        budgets = None if batch.num_experts is None else batch.num_experts[last]
        while len(guesses) < most and len(last):
            positions = positions + 1
            following = _singles(guesses[-1], positions, states, budgets, batch)
            logits, streams = self._guess(streams, following, cache)
            guesses.append(logits.argmax(-1))
        return torch.stack(guesses, 1).tolist()

    def _guess(
        self, streams: torch.Tensor, batch: Batch, cache: DeepseekV4Cache
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """See `DraftingStep.guess`."""
        whole = getattr(self.fused, "guess", None)  # asking the protocol takes as long as a layer
        if whole is not None:
            return whole(streams, batch, cache)
        assert self.drafter is not None
        assert cache.drafter is not None
        tokens = self.embedding[batch.token_ids]
        hidden, after = self.drafter.run(streams, tokens, batch, cache.drafter)
        return self.head(hidden[batch.sample_rows]), after


def keep_entries_as(model: object, kv_dtype: KvDtype) -> None:
    """Choose what caches that the model makes from now on keep entries as.

    Raises:
        CheckpointUnsupported: the model is another one, whose cache has no narrow form.
    """
    if kv_dtype == "auto":
        return
    if not isinstance(model, DeepseekV4):
        raise CheckpointUnsupported(
            f"Only DeepSeek-V4's cache is kept as {kv_dtype}; leave out --kv-dtype."
        )
    model.kv_dtype = kv_dtype
    model.fused = None  # whole steps in C read entries as numbers


def _singles(
    tokens: torch.Tensor,
    positions: torch.Tensor,
    states: torch.Tensor,
    budgets: torch.Tensor | None,
    like: Batch,
) -> Batch:
    """One token of each of several sequences, for a layer that needs no blocks."""
    count = len(tokens)
    nothing = positions.new_empty((count, 0))
    return Batch(
        token_ids=tokens,
        positions=positions,
        slots=nothing,
        num_decode=count,
        decode_blocks=nothing,
        decode_mask=nothing.bool(),
        prefill=[],
        sample_rows=torch.arange(count, device=positions.device),
        decode_states=states,
        num_experts=budgets,
        default_experts=like.default_experts,
        most_experts=like.most_experts,
    )
