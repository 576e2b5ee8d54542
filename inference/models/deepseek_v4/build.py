"""From a checkpoint with the published names to prepared weights."""

import torch

from inference.checkpoint import Checkpoint
from inference.kernels.interface import KernelSet
from inference.model_config_deepseek_v4 import DeepseekV4Config, LayerKind
from inference.models.deepseek_v4.attention import Attention, Indexer
from inference.models.deepseek_v4.compressor import Compressor
from inference.models.deepseek_v4.feed_forward import DeepseekV4FeedForward
from inference.models.deepseek_v4.layer import Layer, Mixing
from inference.models.deepseek_v4.model import DeepseekV4
from inference.models.deepseek_v4.mtp import DraftModule
from inference.models.deepseek_v4.rope import Rope, ropes


def build_deepseek_v4(
    config: DeepseekV4Config,
    checkpoint: Checkpoint,
    kernels: KernelSet,
    device: torch.device,
    dtype: torch.dtype,
) -> DeepseekV4:
    """Raises: CheckpointInvalid: a tensor is missing."""
    with torch.inference_mode():
        builder = _Builder(config, checkpoint, kernels, ropes(config, device))
        model = DeepseekV4(
            config=config,
            embedding=checkpoint.tensor("embed.weight"),
            layers=[
                builder.layer(f"layers.{index}", kind, by_token=index in config.hash_layers)
                for index, kind in enumerate(config.layers)
            ],
            mixing=builder.mixing("hc_head"),
            norm=builder.exact("norm.weight"),
            head=kernels.head(checkpoint.tensor("head.weight")),
            drafter=builder.drafter() if "mtp.0.norm.weight" in checkpoint else None,
            ropes=builder.ropes,
            device=device,
            dtype=dtype,
        )
        model.fused = kernels.fuse(model)
    return model


class _Builder:
    def __init__(
        self,
        config: DeepseekV4Config,
        checkpoint: Checkpoint,
        kernels: KernelSet,
        both: tuple[Rope, Rope],
    ) -> None:
        self.config, self.ropes = config, both
        self._checkpoint, self._kernels = checkpoint, kernels

    def exact(self, name: str) -> torch.Tensor:
        """A tensor that stays float32 whatever the engine's dtype."""
        return self._checkpoint.tensor(name, torch.float32)

    def linear(self, name: str):
        return self._kernels.linear(self._checkpoint.tensor(f"{name}.weight"))

    def mixing(self, prefix: str) -> Mixing:
        return Mixing(*(self.exact(f"{prefix}_{part}") for part in ("fn", "scale", "base")))

    def drafter(self) -> DraftModule:
        prefix = "mtp.0"
        return DraftModule(
            config=self.config,
            token_norm=self.exact(f"{prefix}.enorm.weight"),
            stream_norm=self.exact(f"{prefix}.hnorm.weight"),
            token=self.linear(f"{prefix}.e_proj"),
            stream=self.linear(f"{prefix}.h_proj"),
            layer=self.layer(prefix, "sliding", by_token=False),
            mixing=self.mixing(f"{prefix}.hc_head"),
            norm=self.exact(f"{prefix}.norm.weight"),
            rope=self.ropes[0],
        )

    def layer(self, prefix: str, kind: LayerKind, *, by_token: bool) -> Layer:
        return Layer(
            attention_mixing=self.mixing(f"{prefix}.hc_attn"),
            attention_norm=self.exact(f"{prefix}.attn_norm.weight"),
            attention=self.attention(f"{prefix}.attn", kind),
            feed_forward_mixing=self.mixing(f"{prefix}.hc_ffn"),
            feed_forward_norm=self.exact(f"{prefix}.ffn_norm.weight"),
            feed_forward=DeepseekV4FeedForward(
                self._checkpoint,
                f"{prefix}.ffn",
                self.config,
                self._kernels,
                by_token=by_token,
            ),
        )

    def attention(self, prefix: str, kind: LayerKind) -> Attention:
        config = self.config
        groups = self._checkpoint.tensor(f"{prefix}.wo_a.weight")
        return Attention(
            config=config,
            query_down=self.linear(f"{prefix}.wq_a"),
            query_norm=self.exact(f"{prefix}.q_norm.weight"),
            query_up=self.linear(f"{prefix}.wq_b"),
            key=self.linear(f"{prefix}.wkv"),
            key_norm=self.exact(f"{prefix}.kv_norm.weight"),
            sinks=self.exact(f"{prefix}.attn_sink"),
            output_groups=groups.view(config.o_groups, config.o_lora_rank, -1),
            output=self.linear(f"{prefix}.wo_b"),
            compressor=None if kind == "sliding" else self.compressor(prefix, kind),
            indexer=self.indexer(f"{prefix}.indexer", kind) if kind == "csa" else None,
        )

    def indexer(self, prefix: str, kind: LayerKind) -> Indexer:
        return Indexer(
            compressor=self.compressor(prefix, kind),
            query=self.linear(f"{prefix}.wq_b"),
            weights=self.linear(f"{prefix}.weights_proj"),
        )

    def compressor(self, prefix: str, kind: LayerKind) -> Compressor:
        name = f"{prefix}.compressor"
        return Compressor(
            values=self.linear(f"{name}.wkv"),
            gates=self.linear(f"{name}.wgate"),
            bias=self.exact(f"{name}.ape"),
            norm=self.exact(f"{name}.norm.weight"),
            rate=self.config.rates[kind],
            overlaps=int(kind == "csa"),
            rope=self.ropes[1],
            eps=self.config.rms_norm_eps,
        )
