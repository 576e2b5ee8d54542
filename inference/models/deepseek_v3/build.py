"""From a checkpoint in Hugging Face names to prepared weights."""

import torch

from inference.checkpoint import Checkpoint
from inference.kernels.interface import KernelSet
from inference.model_config_deepseek_v3 import DeepseekV3Config
from inference.models.deepseek_v3.feed_forward import DeepseekV3FeedForward
from inference.models.deepseek_v3.model import DeepseekV3, Layer
from inference.models.deepseek_v4.rope import Rope
from inference.models.llama import DenseFeedForward


def build_deepseek_v3(
    config: DeepseekV3Config,
    checkpoint: Checkpoint,
    kernels: KernelSet,
    device: torch.device,
    dtype: torch.dtype,
) -> DeepseekV3:
    """Raises: CheckpointInvalid: a tensor is missing."""
    with torch.inference_mode():
        embedding = checkpoint.tensor("model.embed_tokens.weight")
        tied = config.tie_word_embeddings
        model = DeepseekV3(
            config=config,
            kernels=kernels,
            embedding=embedding,
            layers=[_layer(at, config, checkpoint, kernels) for at in range(config.num_layers)],
            norm=checkpoint.tensor("model.norm.weight"),
            head=kernels.linear(embedding if tied else checkpoint.tensor("lm_head.weight")),
            rope=Rope(config.rope_dim, config.rope_theta, config.yarn, device),
            device=device,
            dtype=dtype,
        )
        kernels.fuse(model)  # an accelerator's set replaces its sparse layers' feed-forwards
    return model


def _layer(
    index: int, config: DeepseekV3Config, checkpoint: Checkpoint, kernels: KernelSet
) -> Layer:
    prefix = f"model.layers.{index}"
    attention = f"{prefix}.self_attn"

    def weight(name: str) -> torch.Tensor:
        return checkpoint.tensor(f"{attention}.{name}.weight")

    both = weight("kv_b_proj").unflatten(0, (config.num_heads, -1))
    keys, values = both.split([config.nope_dim, config.value_dim], dim=1)
    low = config.q_lora_rank is not None
    return Layer(
        input_norm=checkpoint.tensor(f"{prefix}.input_layernorm.weight"),
        query_down=kernels.linear(weight("q_a_proj")) if low else None,
        query_norm=weight("q_a_layernorm") if low else None,
        query_up=kernels.linear(weight("q_b_proj" if low else "q_proj")),
        latent=kernels.linear(weight("kv_a_proj_with_mqa")),
        latent_norm=weight("kv_a_layernorm"),
        keys=keys.contiguous(),
        values=values.transpose(1, 2).contiguous(),
        output=kernels.linear(weight("o_proj")),
        post_norm=checkpoint.tensor(f"{prefix}.post_attention_layernorm.weight"),
        feed_forward=DenseFeedForward(checkpoint, prefix, kernels)
        if index in config.dense_layers
        else DeepseekV3FeedForward(checkpoint, f"{prefix}.mlp", config, kernels),
    )
