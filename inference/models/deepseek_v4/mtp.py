"""Multi-token prediction: one more layer that guesses the token after the next one.

It reads the trunk's streams at a position and the token that follows, and keeps a sliding window
of its own in the sequence's state. The equations are those of the published checkpoints' ``mtp.0``
(each of two norms and projections apart, then a sliding layer, a head of its own streams).
"""

from dataclasses import dataclass

import torch

from inference.kernels.interface import Batch, Linear
from inference.kernels.reference.deepseek_v4 import wide_rms_norm
from inference.model_config_deepseek_v4 import DeepseekV4Config
from inference.models.deepseek_v4.cache import LayerMemory
from inference.models.deepseek_v4.layer import Layer, Mixing
from inference.models.deepseek_v4.rope import Rope


@dataclass(slots=True)
class DraftModule:
    """Prepared weights; embedding and output head are the trunk's."""

    config: DeepseekV4Config
    token_norm: torch.Tensor
    stream_norm: torch.Tensor
    token: Linear
    stream: Linear
    layer: Layer
    mixing: Mixing
    norm: torch.Tensor
    rope: Rope

    def run(
        self, streams: torch.Tensor, tokens: torch.Tensor, batch: Batch, memory: LayerMemory
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """One pass over a batch's rows.

        Args:
            streams: [T, n, D] of the trunk, or of this module to guess one token further.
            tokens: [T, D]: embeddings of the tokens that follow.
        Returns:
            Hidden states for the trunk's head [T, D], and the streams behind them.
        """
        config, eps = self.config, self.config.rms_norm_eps
        first = (batch.positions == 0)[:, None]
        tokens = self.token(wide_rms_norm(tokens.masked_fill(first, 0.0), self.token_norm, eps))
        flat = wide_rms_norm(streams, self.stream_norm, eps).flatten(0, 1)
        mixed = self.stream(flat).view_as(streams) + tokens[:, None]
        after = self.layer.run(config, mixed, self.rope(batch.positions), batch, memory)
        return self.mixing.leave(config, after, self.norm), after
