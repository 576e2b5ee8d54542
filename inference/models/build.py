"""From a checkpoint to a prepared decoder.

Another architecture (V4.1, ``deepseek_v41``, is DeepSeek's next one) comes in by a configuration
of its own, which `model_config.parse_config` chooses by ``model_type``; a model built here, as
`models.interface.Model` has it; how much work a chunk of it is (`engine.accounting.work_model`);
and how it is split (`parallel.layout`), if it is.
"""

import torch

from inference.checkpoint import Checkpoint
from inference.kernels.interface import KernelSet
from inference.model_config import AnyConfig, ModelConfig
from inference.model_config_deepseek_v3 import DeepseekV3Config
from inference.model_config_deepseek_v4 import DeepseekV4Config
from inference.models.decoder import Decoder, FeedForward, Layer
from inference.models.deepseek_v3 import build_deepseek_v3
from inference.models.deepseek_v4 import build_deepseek_v4
from inference.models.interface import Model
from inference.models.llama import DenseFeedForward
from inference.models.mixtral import MixtralFeedForward
from inference.models.qwen3_moe import Qwen3MoeFeedForward
from inference.models.sovgate_moe import SovgateMoeFeedForward

_SPARSE = {
    "mixtral": MixtralFeedForward,
    "qwen3_moe": Qwen3MoeFeedForward,
    "sovgate_moe": SovgateMoeFeedForward,
}


def build_model(
    config: AnyConfig,
    checkpoint: Checkpoint,
    kernels: KernelSet,
    device: torch.device,
    dtype: torch.dtype,
) -> Model:
    """Prepare every weight with ``kernels``.

    Raises:
        CheckpointInvalid: a tensor is missing.
    """
    if isinstance(config, DeepseekV4Config):
        return build_deepseek_v4(config, checkpoint, kernels, device, dtype)
    if isinstance(config, DeepseekV3Config):
        return build_deepseek_v3(config, checkpoint, kernels, device, dtype)
    with torch.inference_mode():
        embedding = checkpoint.tensor("model.embed_tokens.weight")
        tied = config.tie_word_embeddings or "lm_head.weight" not in checkpoint
        head = embedding if tied else checkpoint.tensor("lm_head.weight")
        decoder = Decoder(
            config=config,
            kernels=kernels,
            embedding=embedding,
            layers=[_layer(i, config, checkpoint, kernels) for i in range(config.num_layers)],
            norm=checkpoint.tensor("model.norm.weight"),
            head=kernels.head(head),
            device=device,
            dtype=dtype,
        )
        decoder.fused = kernels.fuse(decoder)
    return decoder


def _layer(index: int, config: ModelConfig, checkpoint: Checkpoint, kernels: KernelSet) -> Layer:
    prefix = f"model.layers.{index}"
    attention = f"{prefix}.self_attn"
    qkv = [checkpoint.tensor(f"{attention}.{name}_proj.weight") for name in "qkv"]
    norms = [
        checkpoint.tensor(f"{attention}.{name}_norm.weight") if config.qk_norm else None
        for name in "qk"
    ]
    return Layer(
        input_norm=checkpoint.tensor(f"{prefix}.input_layernorm.weight"),
        qkv=kernels.linear(torch.cat(qkv)),
        query_norm=norms[0],
        key_norm=norms[1],
        output=kernels.linear(checkpoint.tensor(f"{attention}.o_proj.weight")),
        post_norm=checkpoint.tensor(f"{prefix}.post_attention_layernorm.weight"),
        feed_forward=_feed_forward(index, prefix, config, checkpoint, kernels),
    )


def _feed_forward(
    index: int, prefix: str, config: ModelConfig, checkpoint: Checkpoint, kernels: KernelSet
) -> FeedForward:
    if index in config.dense_layers:
        return DenseFeedForward(checkpoint, prefix, kernels)
    return _SPARSE[config.kind](checkpoint, prefix, config, kernels)
